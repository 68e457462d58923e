"""What the dispatcher runs below the level of torch functions, for stretches that functions do not show."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from irgen.frontends.torch_seen import storage_of
from irgen.frontends.torch_shadow import tensors

Step = tuple[Any, tuple[Any, ...], dict[str, Any], Any]


class Trail(TorchDispatchMode):
    """Keeps the dispatcher calls that ran outside recorded functions, so that holes can be filled from below."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = False
        self._ran: list[Step] = []
        self._told: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        out = func(*args, **named)
        if not self.paused:
            self._ran.append((func, args, named, out))
        return out

    def steps(self, tensor: torch.Tensor, known: Callable[[torch.Tensor], bool]) -> list[Step]:
        """The calls that made a tensor and wrote its memory, and what these needed, in order; each is told once."""
        wanted, memory, chosen = {id(tensor)}, {storage_of(tensor)}, list[int]()
        for at in range(len(self._ran) - 1, -1, -1):
            func, args, kwargs, out = self._ran[at]
            makes = any(id(x) in wanted for x in tensors(out))
            changes = func._schema.is_mutable and any(storage_of(x) in memory for x in tensors(args[:1]))
            if at in self._told or not (makes or changes):
                continue
            chosen.append(at)
            for x in tensors((args, kwargs)):
                if not known(x):
                    wanted.add(id(x))
                    memory.add(storage_of(x))
        self._told.update(chosen)
        return [self._ran[at] for at in reversed(chosen)]


class Below(TorchDispatchMode):
    """Records dispatcher calls as they run: inside `vmap`, functions see only wrappers."""

    def __init__(self, record: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> None:
        super().__init__()
        self._record = record

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._record(func, args, dict(kwargs or {}))
