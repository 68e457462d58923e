"""What the dispatcher runs below the level of torch functions, for stretches that functions do not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from irgen.frontends.torch_shadow import tensors

Step = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


class Trail(TorchDispatchMode):
    """Keeps every dispatcher call of a pass, so that a hole at the level of functions can be filled from below."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, list[Step]] = {}
        self._alive: list[Step] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        out = func(*args, **named)
        step: Step = (func, args, named, out)
        self._alive.append(step)
        for tensor in tensors(out):
            self._made.setdefault(id(tensor), []).append(step)
        return out

    def steps(self, tensor: torch.Tensor) -> list[Step]:
        """The calls that made, and then wrote, a tensor; each is told once."""
        return self._made.pop(id(tensor), [])


class Below(TorchDispatchMode):
    """Records dispatcher calls as they run: inside `vmap`, functions see only wrappers."""

    def __init__(self, record: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> None:
        super().__init__()
        self._record = record

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._record(func, args, dict(kwargs or {}))
