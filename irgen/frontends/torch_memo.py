"""Fake results by signature: equal layers make equal calls, so the second one need not ask torch again."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor

from irgen.frontends.torch_fake import CPU, Fakes
from irgen.frontends.torch_record import ATOMS, Ref

Geometry = tuple[tuple[int, ...], tuple[int, ...], torch.dtype, int]


class Memo:
    """Sizes of the results of calls already made, by function and by the sizes of what it was given.

    Only calls that write nothing are kept, whose results are either fresh or views of one and the same argument.
    `given` are the `Ref`s among a call's arguments, in order.
    """

    def __init__(self, fakes: Fakes) -> None:
        self._fakes = fakes
        self._known: dict[Any, tuple[type, tuple[Geometry, ...], int]] = {}

    def key(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What the sizes of the results depend on, or None where that cannot be told."""
        try:
            key = (func, _frozen(args), _frozen(kwargs) if kwargs else ())
            hash(key)
        except TypeError:
            return None
        return key

    def recall(self, key: Any, given: Sequence[Ref], tensors: Callable[[Ref], torch.Tensor]) -> Any:
        """The results for a known key, made without running anything; None for a new one."""
        known = self._known.get(key)
        if known is None:
            return None
        kind, parts, source = known
        if not parts:
            return tensors(given[source])
        if source < 0:
            made = [self._fakes.empty(*part[:3]) for part in parts]
        else:
            seen, offset = tensors(given[source]), given[source].offset
            if not isinstance(seen, FakeTensor):
                return None
            made = [self._fakes.view(seen, part[0], part[1], part[3] + offset) for part in parts]
        return made[0] if kind is torch.Tensor else kind(made)

    def keep(self, key: Any, out: Any, given: Sequence[Ref], same: Ref | None) -> None:
        """Remember what a call gave, if that is all there is to it; `same`: an argument that it gave back."""
        if same is not None:
            if same in given and same.shape == out.shape:
                self._known[key] = (torch.Tensor, (), given.index(same))
            return
        results: list[Any] = [out] if isinstance(out, torch.Tensor) else list(out) if type(out) in (tuple, list) else []
        if not results or not all(type(x) is FakeTensor and _plain(x) for x in results):
            return
        storages = [x.untyped_storage()._cdata for x in results]
        held = [ref.storage for ref in given]
        kind = torch.Tensor if isinstance(out, torch.Tensor) else type(out)
        if not any(s in held for s in storages):
            if len(set(storages)) == len(storages):
                self._known[key] = (kind, tuple(_geometry(x, 0) for x in results), -1)
        elif len(set(storages)) == 1:
            source = held.index(storages[0])
            base = given[source]
            if all(x.dtype == base.dtype for x in results):
                self._known[key] = (kind, tuple(_geometry(x, base.offset) for x in results), source)


def _plain(x: FakeTensor) -> bool:
    return (
        x.constant is None and x.layout is torch.strided and x.fake_device == CPU and not x.is_conj() and not x.is_neg()
    )


def _geometry(x: torch.Tensor, offset: int) -> Geometry:
    return (tuple(x.shape), x.stride(), x.dtype, int(x.storage_offset()) - offset)


def _frozen(tree: Any) -> Any:
    kind = type(tree)
    if kind is Ref:
        return (Ref, tree.shape, tree.stride, tree.dtype)
    if kind in ATOMS:
        return (kind, tree)
    if isinstance(tree, (tuple, list)):
        return (kind, *[_frozen(item) for item in tree])
    if isinstance(tree, dict):
        return tuple([(key, _frozen(item)) for key, item in tree.items()])
    if isinstance(tree, slice):
        return (slice, _frozen(tree.start), _frozen(tree.stop), _frozen(tree.step))
    return (kind, tree)
