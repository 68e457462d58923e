"""Which `Ref` a tensor of the pass is: made by a call, owned by the module, a constant, a view, or a hole."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from irgen.frontends.torch_record import INPUT, PARAM, Leaf, Recording, Ref

Filler = Callable[[torch.Tensor], bool]


class Hole(Exception):  # noqa: N818 - a verdict: the pass is recorded again with the dispatcher's trail
    """A tensor that no recorded call made."""


class Seen:
    """Every tensor that the pass met, kept alive so that no two share an id.

    `owned` are the module's parameters and buffers by id; they become leaves when the pass first meets them.
    `stand_ins` are the fake tensors that run in place of real ones, by id of the original.
    """

    def __init__(self, record: Recording, mode: FakeTensorMode, owned: dict[int, Leaf]) -> None:
        self.stand_ins: dict[int, torch.Tensor] = {}
        self.as_view: Callable[[Ref, torch.Tensor], Ref] | None = None
        self.fill: Filler | None = None
        self._record = record
        self._mode = mode
        self._owned = owned
        self._refs: dict[int, Ref] = {}
        self._alive: list[torch.Tensor] = []
        self._shared: dict[int, list[torch.Tensor]] = {}

    def bind(self, tensor: torch.Tensor, depends: int) -> Ref:
        """A new `Ref` for a tensor seen for the first time."""
        storage = storage_of(tensor)
        stride = tensor.stride() if tensor.layout is torch.strided else ()
        offset = int(tensor.storage_offset()) if storage else 0
        ref = Ref(len(self._alive), tuple(tensor.shape), tensor.dtype, stride, offset, storage, depends)
        self._refs[id(tensor)] = ref
        self._alive.append(tensor)
        if storage:
            self._shared.setdefault(storage, []).append(tensor)
        return ref

    def leaf(self, kind: str, name: str, tensor: torch.Tensor, met: torch.Tensor | None = None) -> Ref:
        """A `Ref` for a tensor that no call makes; `met` is the stand-in that the pass sees instead."""
        ref = self.bind(tensor if met is None else met, {"input": INPUT, "param": PARAM}.get(kind, 0))
        self._refs[id(tensor)] = ref
        self._alive.append(tensor)
        self._record.leaves[ref] = Leaf(kind, name, tensor)
        return ref

    def own(self, stand_ins: dict[int, torch.Tensor]) -> None:
        """Know stand-ins of parameters as the parameters they stand for."""
        self.stand_ins |= stand_ins
        for original, fake in stand_ins.items():
            if original in self._owned:
                self._owned[id(fake)] = self._owned[original]

    def known(self, tensor: object) -> Ref | None:
        """The `Ref` of a tensor that was seen before."""
        return self._refs.get(id(tensor))

    def tensor(self, ref: Ref) -> torch.Tensor:
        """The tensor that a `Ref` was first given to."""
        return self._alive[ref.index]

    def mates(self, ref: Ref) -> Iterable[Ref]:
        """Every `Ref` that shares memory with this one."""
        return [self._refs[id(tensor)] for tensor in self._shared.get(ref.storage, ())]

    def ref(self, tensor: torch.Tensor) -> Ref:
        """The `Ref` of any tensor; `Hole` for one that nothing made."""
        found = self._refs.get(id(tensor))
        if found is not None:
            return found
        leaf = self._owned.get(id(tensor))
        if leaf is not None:
            return self.leaf(leaf.kind, leaf.name, leaf.tensor, self.stand_ins.get(id(leaf.tensor)))
        if not isinstance(tensor, FakeTensor):
            return self.leaf("param" if isinstance(tensor, torch.nn.Parameter) else "const", "", tensor)
        return self._unknown(tensor)

    def _unknown(self, tensor: FakeTensor) -> Ref:
        mates = self._shared.get(storage_of(tensor), [])
        for mate in mates:
            if _geometry(mate) == _geometry(tensor):
                self._alive.append(tensor)
                return self._refs.setdefault(id(tensor), self._refs[id(mate)])
        if tensor.constant is not None:
            return self.leaf("const", "", tensor.constant, tensor)
        if self.fill is not None and self.fill(tensor):
            return self._refs[id(tensor)]
        for mate in mates:
            if mate.dtype == tensor.dtype and self.as_view is not None:
                return self.as_view(self._refs[id(mate)], tensor)
        raise Hole

    def stand_in(self, x: Any) -> Any:
        """What runs in place of a tensor: real ones on meta, and parameters, have a fake stand-in."""
        if not isinstance(x, torch.Tensor) or isinstance(x, FakeTensor):
            return x
        found = self.stand_ins.get(id(x))
        if found is None and x.is_meta and not is_batched(x):
            ref = self.ref(x)
            with self._mode:
                found = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cpu")
            self.stand_ins[id(x)] = found
            self._refs[id(found)] = ref
            self._alive.append(found)
        return x if found is None else found


def storage_of(tensor: torch.Tensor) -> int:
    """A number that tensors sharing memory have in common (0 where there is no storage)."""
    try:
        storage: Any = tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return 0
    return storage._cdata


def is_batched(tensor: torch.Tensor) -> bool:
    """Whether this is a wrapper that `torch.func` puts around a tensor."""
    functorch: Any = vars(torch._C)["_functorch"]
    return functorch.is_functorch_wrapped_tensor(tensor)


def _geometry(x: torch.Tensor) -> tuple[Any, ...]:
    return (x.shape, x.stride(), x.storage_offset(), x.dtype)
