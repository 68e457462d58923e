"""The float64 run: a module computes in double precision although its code asks for float32 in places."""

# Trees of any shape pass through here:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

LOWER = frozenset({torch.float32, torch.float16, torch.bfloat16})


class Precise(TorchFunctionMode):
    """Keeps what is float64: casts of it down do nothing, and what meets it is brought up to it.

    Integers that are made float32 (positions, distances) stay so: rounding them otherwise would change buckets.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if not _any_double((args, named)):
            return func(*args, **named)
        name = getattr(func, "__name__", "")
        if name in CASTS:
            return _cast(func, args, named)
        if name in ("grouped_mm", "_grouped_mm"):
            return _grouped(*_mapped(args, torch.float64), **_mapped(named, torch.float64))
        if named.get("dtype") in LOWER:
            named["dtype"] = torch.float64
        if name in IN_PLACE or (name.endswith("_") and not name.endswith("__")):
            target = args[0] if args and isinstance(args[0], torch.Tensor) else None
            if target is not None and target.is_floating_point():
                args = (target, *(_mapped(arg, target.dtype) for arg in args[1:]))
                return func(*args, **_mapped(named, target.dtype))
            return func(*args, **named)
        return func(*_mapped(args, torch.float64), **_mapped(named, torch.float64))


CASTS = frozenset({"to", "float", "half", "bfloat16", "type", "type_as"})
IN_PLACE = frozenset({"__setitem__", "__iadd__", "__imul__", "__isub__", "__itruediv__"})


def _cast(func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """A cast of a float64 tensor to less gives the tensor itself."""
    value = args[0]
    if isinstance(value, torch.Tensor) and value.dtype == torch.float64:
        result = func(*args, **named)
        return value if isinstance(result, torch.Tensor) and result.dtype in LOWER else result
    return func(*args, **named)


def _grouped(a: torch.Tensor, b: torch.Tensor, offs: torch.Tensor, bias: torch.Tensor | None = None, **_: Any) -> Any:
    """`grouped_mm`, which torch has no float64 form of: rows of `a` up to each end in `offs` times their own matrix."""
    ends = [0, *map(int, offs.tolist())]
    parts = [a[start:end] @ b[i] for i, (start, end) in enumerate(itertools.pairwise(ends))]
    product = torch.cat([*parts, a.new_zeros(a.shape[0] - ends[-1], b.shape[-1])])
    return product if bias is None else product + bias


def _any_double(tree: Any) -> bool:
    if isinstance(tree, torch.Tensor):
        return tree.dtype == torch.float64
    if isinstance(tree, dict):
        return any(map(_any_double, tree.values()))
    return isinstance(tree, (tuple, list)) and any(map(_any_double, tree))


def _mapped(tree: Any, dtype: torch.dtype) -> Any:
    """The nest with every floating tensor in `dtype`."""
    if isinstance(tree, torch.Tensor):
        return tree.to(dtype) if tree.dtype in LOWER or tree.dtype == torch.float64 else tree
    if isinstance(tree, dict):
        return {key: _mapped(item, dtype) for key, item in tree.items()}
    if type(tree) in (tuple, list):
        return type(tree)(_mapped(item, dtype) for item in tree)
    return tree


@contextmanager
def in_double(module: torch.nn.Module) -> Generator[None]:
    """While active, the module's weights are float64, in place, and so is all that is computed from them.

    Afterwards each has its own type and the very values that it had: nothing is lost on the way up and down again.
    """
    before = {id(tensor): tensor.dtype for tensor in (*module.parameters(), *module.buffers())}
    kept = {id(tensor): tensor for tensor in module.buffers()}
    default = torch.get_default_dtype()
    held = {
        (owner, name): tensor
        for owner in module.modules()
        for name, tensor in owner._buffers.items()  # pyright: ignore[reportPrivateUsage]
        if tensor is not None
    }
    try:
        for parameter in module.parameters():
            if parameter.dtype in LOWER:
                parameter.data = parameter.data.double()
        for (owner, name), tensor in held.items():
            if tensor.dtype in LOWER:
                owner._buffers[name] = tensor.double()  # pyright: ignore[reportPrivateUsage]
        torch.set_default_dtype(torch.float64)
        with Precise():
            yield
    finally:
        torch.set_default_dtype(default)
        for parameter in module.parameters():
            parameter.data = parameter.data.to(before[id(parameter)])
        for (owner, name), tensor in held.items():
            owner._buffers[name] = kept[id(tensor)]  # pyright: ignore[reportPrivateUsage]
