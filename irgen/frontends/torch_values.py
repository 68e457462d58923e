"""Values that a forward pass reads: answered from the shadow run, and noted where the inputs decide them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from irgen.frontends.torch_record import Call, Recording, mapped, refs
from irgen.frontends.torch_seen import Seen
from irgen.frontends.torch_shadow import Shadow, tensors

ASKING = frozenset(
    str.split(
        "item tolist numpy __array__ __bool__ __int__ __float__ __index__ __complex__ __contains__ equal allclose "
        "is_nonzero"
    )
)
"""Functions that take a value out of a tensor."""

TAKES_INTEGERS = frozenset(
    str.split(
        "pad view reshape expand repeat narrow split chunk roll unflatten zeros ones empty new_zeros new_ones "
        "new_empty "
        "arange tile broadcast_to split_with_sizes constant_pad_nd unfold select tril triu rand randn eye "
        "as_strided"
    )
)
"""Functions that take sizes, where a tensor of no dimensions is meant as a number."""


class Values:
    """Asks the shadow run on behalf of the recorder. `place` gives the (scope, file, line) of the current call."""

    def __init__(
        self, record: Recording, mode: FakeTensorMode, seen: Seen, place: Callable[[], tuple[int, str, int]]
    ) -> None:
        self.shadow = Shadow(record)
        self._record = record
        self._mode = mode
        self._seen = seen
        self._place = place
        self._noted: set[tuple[int, str, int]] = set()

    def of(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What the call, given in `Ref`s, gives on real values."""
        self._note(func, args, kwargs)
        args, kwargs = self.shadow.value((args, kwargs))
        if any(t.is_meta for t in tensors((args, kwargs))):
            args, kwargs = mapped((args, kwargs), _zeros)
        with unset_fake_temporarily(), torch.no_grad():
            return func(*args, **kwargs)

    def numbers(self, tree: Any) -> Any:
        """The tree with 0-d integer tensors, which stand where torch wants numbers, as these numbers."""

        def number(x: Any) -> Any:
            whole = isinstance(x, torch.Tensor) and x.ndim == 0 and not (x.is_floating_point() or x.is_complex())
            return self.of(torch.Tensor.item, (self._seen.ref(x),), {}) if whole else x

        return mapped(tree, number)

    def literal(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """`torch.tensor([…])` of numbers: a constant, and its stand-in."""
        out = func(*args, **kwargs)
        with unset_fake_temporarily():
            value = func(*args, **{**kwargs, "device": "cpu"} if "device" in kwargs else kwargs)
        if self._seen.known(out) is None:
            self._seen.leaf("const", "", value, out)
        return out

    def as_fake(self, x: Any) -> Any:
        """A fake tensor of the same sizes."""
        if not isinstance(x, torch.Tensor):
            return x
        with self._mode:
            return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cpu")

    def _note(self, func: Callable[..., Any], args: Any, kwargs: Any) -> None:
        given = refs((args, kwargs))
        if not any(ref.depends for ref in given):
            return
        scope, file, line = self._place()
        if (scope, file, line) not in self._noted:
            self._noted.add((scope, file, line))
            self._record.asked.append(Call(func, args, kwargs, given, None, (), scope, file, line))


def _zeros(x: Any) -> Any:
    return torch.zeros((), dtype=x.dtype).expand(x.shape) if isinstance(x, torch.Tensor) and x.is_meta else x
