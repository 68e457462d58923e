"""A module with its weights rounded to what a file holds them in: how far such a file may lie from float64."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch


def _int8(weight: torch.Tensor) -> torch.Tensor:
    """Eight bits for the range of a whole matrix; vectors stay as they are, as quantisers leave them."""
    if weight.dim() < 2:
        return weight
    step = weight.abs().max().clamp(min=torch.finfo(weight.dtype).tiny) / 127
    return torch.round(weight / step) * step


def _through(dtype: torch.dtype) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda weight: weight.to(dtype).to(weight.dtype)


ROUNDED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "int8": _int8,
    "float16": _through(torch.float16),
    "bfloat16": _through(torch.bfloat16),
}
"""How a precision of `bounds.FLOORS` changes a weight; the others do not."""


@contextmanager
def rounded(module: torch.nn.Module, precision: str) -> Generator[None]:
    """While active, the module's floating weights are those that a file of this precision can hold."""
    change = ROUNDED.get(precision)
    before: dict[torch.nn.Parameter, torch.Tensor] = {}
    try:
        if change is not None:
            with torch.no_grad():
                for parameter in module.parameters():
                    if parameter.is_floating_point():
                        before[parameter] = parameter.data
                        parameter.data = change(parameter.data)
        yield
    finally:
        for parameter, data in before.items():
            parameter.data = data
