"""Fake tensors made without the dispatcher: by their place in memory, or by the kernels that know sizes alone."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

CPU = torch.device("cpu")

BY_PLACE = frozenset(
    str.split(
        "view reshape permute transpose unsqueeze squeeze expand chunk split contiguous flatten unflatten __getitem__"
    )
)
"""Functions of one tensor that look at its memory anew: places and sizes settle the result, whatever the device."""


class Fakes:
    """Makes fake tensors of one mode, on the CPU, as the mode itself would make them but at a tenth of the cost."""

    def __init__(self, mode: FakeTensorMode) -> None:
        self.mode = mode
        with mode:
            self._attributes = dict(vars(torch.empty(0, device=CPU)))
        self._bare: dict[int, torch.Tensor] = {}

    def empty(self, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """A tensor with memory of its own."""
        with torch._C._DisableTorchDispatch():
            return self._wrapped(torch.empty_strided(shape, stride, dtype=dtype, device="meta"))

    def like(self, tensor: torch.Tensor) -> torch.Tensor:
        """A stand-in with the sizes, strides and type of a tensor."""
        return self.empty(tensor.shape, tensor.stride(), tensor.dtype)

    def view(self, base: torch.Tensor, shape: tuple[int, ...], stride: tuple[int, ...], offset: int) -> torch.Tensor:
        """Another look at the memory of a fake tensor."""
        bare = self._bare.get(id(base))
        if bare is None or bare.untyped_storage()._cdata != base.untyped_storage()._cdata:
            with self._kernels():
                return self._wrapped(torch.as_strided(base, shape, stride, offset))
        with torch._C._DisableTorchDispatch():
            return self._wrapped(bare.as_strided(shape, stride, offset))

    def run(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a function of `BY_PLACE` gives for fake tensors."""
        with self._kernels():
            out = func(*args, **kwargs)
            if isinstance(out, torch.Tensor):
                return self._wrapped(out)
            return type(out)([self._wrapped(x) for x in out])

    def _wrapped(self, bare: torch.Tensor) -> torch.Tensor:
        if isinstance(bare, FakeTensor):  # an argument given back
            return bare
        fake = torch.Tensor._make_subclass(FakeTensor, bare, False, dispatch_device=True, device_for_backend_keys=CPU)
        torch._C._set_throw_on_mutable_data_ptr(fake)
        vars(fake).update(self._attributes)
        self._bare[id(fake)] = bare
        return fake

    @contextmanager
    def _kernels(self) -> Generator[None, None, None]:
        """Functions reach the kernels for tensors without data, past every mode."""
        with torch._C._DisableTorchDispatch(), torch._C._PreserveDispatchKeyGuard():
            torch._C._set_meta_in_tls_dispatch_include(True)
            before, self.mode.in_kernel_invocation = self.mode.in_kernel_invocation, True
            try:
                yield
            finally:
                self.mode.in_kernel_invocation = before
