"""Every model type of the installed transformers, built small from its own default configuration with inputs that run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from typing import Any

import torch

from irgen.frontends.inputs import with_inputs
from irgen.source import Built
from tests.survey.overrides import OVERRIDES
from tests.survey.shrink import merged, shrink

#: Which task's class stands for a model type, the one that shows most of the architecture first.
TASKS = (
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT", "MODEL_FOR_MULTIMODAL_LM", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM", "MODEL_FOR_SPEECH_SEQ_2_SEQ", "MODEL_FOR_MASKED_LM",
    "MODEL_FOR_CAUSAL_LM", "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION", "MODEL_FOR_IMAGE_CLASSIFICATION", "MODEL_FOR_SEMANTIC_SEGMENTATION", "MODEL_FOR_UNIVERSAL_SEGMENTATION", "MODEL_FOR_OBJECT_DETECTION",
    "MODEL_FOR_VIDEO_CLASSIFICATION", "MODEL_FOR_DEPTH_ESTIMATION", "MODEL_FOR_CTC", "MODEL_FOR_AUDIO_CLASSIFICATION",
    "MODEL_FOR_TEXT_TO_SPECTROGRAM", "MODEL_FOR_TIME_SERIES_PREDICTION", "MODEL_FOR_SEQUENCE_CLASSIFICATION", "MODEL", "MODEL_FOR_PRETRAINING",
    "MODEL_FOR_BACKBONE", "MODEL_FOR_TIME_SERIES_CLASSIFICATION", "MODEL_FOR_IMAGE_TO_IMAGE", "MODEL_FOR_KEYPOINT_DETECTION",
    "MODEL_FOR_KEYPOINT_MATCHING", "MODEL_FOR_IMAGE_MATTING", "MODEL_FOR_TEXT_RECOGNITION", "MODEL_FOR_TABLE_RECOGNITION",
    "MODEL_FOR_POSE_ESTIMATION", "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION", "MODEL_FOR_TEXT_TO_WAVEFORM", "MODEL_FOR_TEXT_ENCODING",
    "MODEL_FOR_VISUAL_QUESTION_ANSWERING", "MODEL_FOR_MASK_GENERATION",
)  # fmt: skip


@cache
def names() -> tuple[str, ...]:
    """Every model type that some automatic class can build."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return tuple(n for n in CONFIG_MAPPING_NAMES if _class_name(n))


def half(name: str) -> str:
    """The half a model type belongs to: recognition is developed on one and measured on the other."""
    return "develop" if sha256(name.encode()).digest()[0] % 2 == 0 else "measure"


def _class_name(name: str) -> str | None:
    from transformers.models.auto import modeling_auto

    for task in TASKS:
        found = getattr(modeling_auto, f"{task}_MAPPING_NAMES").get(name)
        if found:
            return found if isinstance(found, str) else found[0]
    return None


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
        cls = getattr(transformers, _class_name(name) or "")
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
