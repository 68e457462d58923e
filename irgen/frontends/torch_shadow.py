"""Values on demand: when a forward pass asks what a tensor holds, the record so far is run beside it.

Matrices that are on meta stay there: a call that mixes them with data gives seeded random numbers of the right
shape. Masks, positions, norms and routing lie outside the big matrices and come out true.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._subclasses.fake_tensor import unset_fake_temporarily

from irgen.frontends.torch_record import Call, Leaf, Recording, Ref, mapped, refs

REAL_LIMIT = 1 << 26
"""Modules of up to this many parameter elements that are real are run with them."""


class Shadow:
    """Real values of a recording's tensors: what one rests on is run when it is asked for."""

    def __init__(self, record: Recording) -> None:
        self._record = record
        self._values: dict[Ref, torch.Tensor] = {}
        self._makers: dict[Ref, int] = {}
        self._written: set[int] = set()
        self._indexed = 0
        self._done: set[int] = set()
        self._random = torch.Generator().manual_seed(0)
        self._real: bool | None = None

    def value(self, tree: Any) -> Any:
        """The tree with each `Ref` replaced by its value (on meta: a matrix that has none)."""
        for at in self._needed(list(refs(tree))):
            self._done.add(at)
            self._run(self._record.calls[at])
        return mapped(tree, lambda x: self._read(x) if isinstance(x, Ref) else x)

    def settle(self, out: Any, values: Any) -> None:
        """Take `values` as what the call recorded last gave."""
        if isinstance(out, Ref):
            self._values[out] = values
        elif isinstance(out, (tuple, list)):
            for ref, value in zip(out, values, strict=True):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
                self.settle(ref, value)
        self._done.add(len(self._record.calls) - 1)

    def _needed(self, wanted: list[Ref]) -> list[int]:
        """Calls to run, in order: what the wanted tensors rest on, or everything where memory was written meanwhile."""
        calls = self._record.calls
        for at in range(self._indexed, len(calls)):
            for ref in refs(calls[at].out):
                self._makers.setdefault(ref, at)
            self._written.update(ref.storage for ref in calls[at].writes)
        self._indexed = len(calls)
        cone: set[int] = set()
        while wanted:
            ref = wanted.pop()
            if ref.storage in self._written:
                return [at for at in range(len(calls)) if at not in self._done]
            at = self._makers.get(ref, -1)
            if at >= 0 and at not in self._done and at not in cone:
                cone.add(at)
                wanted.extend(calls[at].given)
        return sorted(cone)

    def _read(self, ref: Ref) -> torch.Tensor:
        if ref not in self._values:
            leaf = self._record.leaves[ref]
            self._values[ref] = self._drawn(leaf) if leaf.kind == "param" else _real(leaf.tensor)
        return self._values[ref]

    def _drawn(self, leaf: Leaf) -> torch.Tensor:
        tensor = leaf.tensor.detach()
        if not tensor.is_meta and self._small():
            return tensor
        if tensor.ndim >= 2 or not tensor.is_floating_point():
            return tensor.to("meta")
        return torch.rand(tensor.shape, generator=self._random).add(0.5).to(tensor.dtype)

    def _small(self) -> bool:
        if self._real is None:
            self._real = self._record.parameters <= REAL_LIMIT
        return self._real

    def _run(self, call: Call) -> None:
        with unset_fake_temporarily(), torch.no_grad():
            args, kwargs = (
                mapped(t, lambda x: self._read(x) if isinstance(x, Ref) else x) for t in (call.args, call.kwargs)
            )
            metas = [t.is_meta for t in tensors((args, kwargs))]
            if any(metas) and not all(metas):
                out = None
            else:
                try:
                    out = call.func(*args, **kwargs)
                except (RuntimeError, IndexError):  # a stubbed value led out of range: what follows is drawn too
                    out = None
        self._keep(call.out, out)

    def _keep(self, out: Any, value: Any) -> None:
        if isinstance(out, Ref):
            fits = isinstance(value, torch.Tensor) and value.shape == out.shape
            self._values[out] = value if fits else self._stub(out)
        elif isinstance(out, (tuple, list)):
            fits = isinstance(value, (tuple, list)) and len(value) == len(out)  # pyright: ignore[reportUnknownArgumentType]
            for i, ref in enumerate(out):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
                self._keep(ref, value[i] if fits else None)  # pyright: ignore[reportUnknownArgumentType]

    def _stub(self, ref: Ref) -> torch.Tensor:
        with unset_fake_temporarily():
            if ref.dtype.is_floating_point:
                return torch.randn(ref.shape, generator=self._random).to(ref.dtype)
            return torch.zeros(ref.shape, dtype=ref.dtype)


def tensors(tree: Any) -> list[torch.Tensor]:
    """Every tensor of a nest, in order."""
    found: list[torch.Tensor] = []
    mapped(tree, lambda x: found.append(x) if isinstance(x, torch.Tensor) else None)
    return found


def _real(tensor: torch.Tensor) -> torch.Tensor:
    with unset_fake_temporarily():
        return torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else tensor.detach().clone()
