"""What is changed around a module while its pass is recorded, and put back afterwards."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    FakeTensor,
    unset_fake_temporarily,
)

from irgen.frontends.torch_fake import Fakes
from irgen.frontends.torch_mode import Recorder
from irgen.frontends.torch_record import ATOMS
from irgen.frontends.torch_trail import Below
from irgen.trees import tensors_by_name


@contextmanager
def fake_parameters(module: nn.Module, fakes: Fakes) -> Generator[dict[int, torch.Tensor], None, None]:
    """Every parameter, and every buffer on meta, replaced by its stand-in: `{id(original): stand-in}`."""
    made: dict[int, torch.Tensor] = {}
    put_back: list[tuple[dict[str, Any], str, Any]] = []
    flat: list[tuple[Any, list[Any]]] = []
    states = [(part, part.__dict__.copy(), part._buffers.copy()) for part in module.modules()]
    for part, _, _ in states:
        for name, value in part._parameters.items():
            if value is not None and type(value) in (nn.Parameter, torch.Tensor):
                if id(value) not in made:
                    made[id(value)] = fakes.like(value)
                    made[id(value)]._is_param = True
                put_back.append((part._parameters, name, value))
        for name, value in part._buffers.items():
            if value is not None and value.is_meta:
                if id(value) not in made:
                    made[id(value)] = fakes.like(value)
                put_back.append((part._buffers, name, value))
        if isinstance(part, nn.RNNBase):
            flat.append((part, part._flat_weights))
    for table, name, value in put_back:
        table[name] = made[id(value)]
    for part, weights in flat:
        part._flat_weights = [made.get(id(w), w) for w in weights]
    try:
        with replaced(nn.Module, _apply=_converted):
            yield made
    finally:
        for table, name, value in put_back:
            table[name] = value
        for part, state, buffers in states:
            _cleaned(part.__dict__, state)
            if buffers or part._buffers:
                _cleaned(part._buffers, buffers)


def _converted(module: nn.Module, change: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> nn.Module:
    """What `module.to(dtype)` inside a forward pass does, as calls that are recorded: torch's own swaps storages."""
    for part in module.children() if recurse else ():
        _converted(part, change)
    tables = cast("tuple[dict[str, torch.Tensor | None], ...]", (module._parameters, module._buffers))
    for table in tables:
        for name, value in table.items():
            if value is None or (changed := change(value)) is value:
                continue
            if getattr(value, "_is_param", False) or isinstance(value, nn.Parameter):
                changed._is_param = True  # pyright: ignore[reportAttributeAccessIssue]
            table[name] = changed
    return module


def _cleaned(table: dict[str, Any], before: dict[str, Any]) -> None:
    """Undo what the pass left behind where it is made of fake tensors; counters and hooks stay."""
    for name, value in list(table.items()):
        if value is before.get(name, table) or type(value) in ATOMS:
            continue
        if any(isinstance(tensor, FakeTensor) for _, tensor in tensors_by_name({"": value})):
            if name in before:
                table[name] = before[name]
            else:
                del table[name]


@contextmanager
def evaluation(module: nn.Module) -> Generator[None, None, None]:
    """The module and its parts in evaluation mode."""
    before = [(part, part.training) for part in module.modules()]
    for part, _ in before:
        part.training = False
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


@contextmanager
def replaced(owner: Any, **values: Any) -> Generator[None, None, None]:
    """Attributes of `owner` replaced for a while."""
    before = {name: getattr(owner, name) for name in values}
    for name, value in values.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)


def _as_python(script: Any, *args: Any, **kwargs: Any) -> Any:
    """A scripted function as it was written, since the interpreter of scripts shows nothing of itself."""
    return script._torchdynamo_inline(*args, **kwargs)


def _formatted(tensor: torch.Tensor, how: str) -> str:
    """A number in words (a key, say), as torch gives it for tensors that hold one: stand-ins are asked for theirs."""
    return format(tensor.item(), how) if tensor.dim() == 0 else object.__format__(tensor, how)


def _no(*_: Any) -> bool:
    return False


@contextmanager
def transparent_functions() -> Generator[None, None, None]:
    """`torch.nn.functional` and scripts run through to their primitives, fast paths and compilers are off.

    The log of fake tensors is silent: what they refuse is told as an error of irgen's own.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    log = logging.getLogger("torch._subclasses.fake_tensor")
    torch.backends.mha.set_fastpath_enabled(False)
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        stack.enter_context(replaced(log, disabled=True))
        stack.enter_context(replaced(torch.jit.ScriptFunction, __call__=_as_python))
        stack.enter_context(replaced(torch.Tensor, __format__=_formatted))
        stack.enter_context(
            replaced(
                nn.functional,
                has_torch_function=_no,
                has_torch_function_unary=_no,
                has_torch_function_variadic=_no,
            )
        )
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextmanager
def module_stack(module: nn.Module, entered: Callable[[int], int]) -> Generator[list[tuple[str, str]], None, None]:
    """Tells `entered` which module runs, as an index into the yielded list of (path, class).

    `entered(i)` makes module i current and returns the one before.
    """
    scopes: list[tuple[str, str]] = [("", type(module).__name__)]
    index: dict[int, int] = {}
    for path, part in module.named_modules():
        if part is not module:
            index[id(part)] = len(scopes)
            scopes.append((path, type(part).__name__))
    plain = nn.Module.__call__

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        here = index.get(id(self))
        if here is None:
            return plain(self, *args, **kwargs)
        before = entered(here)
        out = plain(self, *args, **kwargs)
        entered(before)
        return out

    with replaced(nn.Module, __call__=call):
        yield scopes


@contextmanager
def below_functions(recorder: Recorder) -> Generator[None, None, None]:
    """Stretches where functions do not show what happens are recorded at the dispatcher: vmap, `from_numpy`."""
    apis: Any = importlib.import_module("torch._functorch.apis")
    batched, from_numpy = apis.vmap_impl, torch.from_numpy

    def vmap_impl(*args: Any, **kwargs: Any) -> Any:
        if recorder.nested:
            return batched(*args, **kwargs)
        recorder.nested += 1
        try:
            with Below(recorder.below):
                return batched(*args, **kwargs)
        finally:
            recorder.nested -= 1

    def real(array: Any) -> torch.Tensor:
        with unset_fake_temporarily(), torch._C.DisableTorchFunction():
            return from_numpy(array)

    with replaced(apis, vmap_impl=vmap_impl), replaced(torch, from_numpy=real):
        yield
