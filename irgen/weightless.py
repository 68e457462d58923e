"""Building modules whose parameters take no memory: on the meta device from birth, while buffers keep their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_UNSET = frozenset({torch.empty, torch.rand, torch.randn, torch.Tensor.new_empty})
"""Factories whose values carry no meaning: beyond a megabyte they need no memory either."""

_FILLED = frozenset({torch.zeros, torch.ones, torch.full})
"""Factories whose values may be a mask or a table: only what no buffer can be is left out."""

UNSET_LIMIT = 1 << 20  # elements
FILLED_LIMIT = 1 << 28
FROZEN_LIMIT = 1 << 26

_WEIGHTS: ContextVar[bool] = ContextVar("weights", default=False)


@contextmanager
def with_weights() -> Generator[None, None, None]:
    """While active, `build_without_memory` does nothing: modules are initialised as their authors meant."""
    token = _WEIGHTS.set(True)
    try:
        yield
    finally:
        _WEIGHTS.reset(token)


class _LargeOnMeta(TorchFunctionMode):
    """Sends the huge scratch tensors that become parameters a moment later to meta."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        limit = UNSET_LIMIT if func in _UNSET else FILLED_LIMIT if func in _FILLED else 0
        if limit and _elements(func, args, named) > limit:
            named["device"] = "meta"
        return func(*args, **named)


def _elements(func: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]) -> int:
    sizes = named["size"] if "size" in named else args[1:] if func is torch.Tensor.new_empty else args
    if len(sizes) > 0 and isinstance(sizes[0], (list, tuple)):
        sizes = sizes[0]
    return math.prod(n for n in sizes if isinstance(n, int))


@contextmanager
def build_without_memory() -> Generator[None, None, None]:
    """While active, every new `torch.nn.Parameter` lands on meta, so that no initialisation computes anything.

    Buffers are real and have their right values (rotary frequencies, masks, sinusoids). So are parameters born
    frozen (`requires_grad=False`) of up to 64 M elements: what is never learned is a table, and its values tell which.
    """
    if _WEIGHTS.get():
        yield
        return
    parameter: Any = torch.nn.Parameter
    born = parameter.__new__

    def weightless(cls: type[Any], data: torch.Tensor | None = None, requires_grad: bool = True) -> Any:
        table = not requires_grad and data is not None and data.numel() <= FROZEN_LIMIT
        if data is not None and not data.is_meta and not table:
            data = data.detach().to("meta")
        return born(cls, data, requires_grad)

    def read_data(self: torch.Tensor) -> torch.Tensor:
        return _DATA.__get__(self)

    def write_data(self: torch.Tensor, value: torch.Tensor) -> None:
        _DATA.__set__(self, value.to("meta") if self.is_meta and not value.is_meta else value)

    parameter.__new__ = weightless
    parameter.data = property(read_data, write_data)
    try:
        with _LargeOnMeta():
            yield
    finally:
        parameter.__new__ = born
        del parameter.data


_DATA: Any = vars(torch.Tensor.__base__)["data"]
