"""Every model type of the installed transformers, small, from its own default configuration, with inputs that run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from typing import Any

import torch

from irgen.frontends.inputs import with_inputs
from irgen.frontends.tasks import architecture_of
from irgen.source import Built
from tests.survey.overrides import OVERRIDES
from tests.survey.shrink import merged, shrink


@cache
def names() -> tuple[str, ...]:
    """Every model type that some automatic class can build."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return tuple(n for n in CONFIG_MAPPING_NAMES if architecture_of(n))


def half(name: str) -> str:
    """The half a model type belongs to: recognition is developed on one and measured on the other."""
    return "develop" if sha256(name.encode()).digest()[0] % 2 == 0 else "measure"


def tiny_config(name: str) -> Any:
    """The default configuration of a model type, shrunk, caches off."""
    from transformers import AutoConfig

    with _quiet():
        values = shrink(AutoConfig.for_model(name).to_dict())
        values = merged(values, OVERRIDES.get(name, {}))
        values.pop("model_type", None)
        config = AutoConfig.for_model(name, **values)
    for part in (config, *(v for v in vars(config).values() if hasattr(v, "to_dict"))):
        if getattr(part, "use_cache", False):
            part.use_cache = False
    return config


def tiny(name: str) -> Built:
    """A small model of this type with random weights, in eval mode, and inputs at two sizes that reach most of it."""
    import transformers

    config = tiny_config(name)
    with _quiet(), torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        cls = getattr(transformers, architecture_of(name) or "")
        module = cls._from_config(config) if hasattr(cls, "_from_config") else cls(config)
        return with_inputs(module.eval(), title=name)


@contextmanager
def _quiet() -> Iterator[None]:
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
