"""Live capture: one ordinary forward pass under fake tensors, recorded call by call, and its canonical graph."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, cast

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from irgen.errors import CaptureError, InputError, IrgenError
from irgen.frontends.fixed import TABLE_LIMIT, is_fixed, is_rows_of_one_length, repeats
from irgen.frontends.torch_fake import Fakes
from irgen.frontends.torch_generated import placed
from irgen.frontends.torch_lower import lower
from irgen.frontends.torch_mode import HERE, TORCH, Recorder
from irgen.frontends.torch_record import INPUT, Leaf, Recording
from irgen.frontends.torch_scope import (
    below_functions,
    evaluation,
    fake_parameters,
    module_stack,
    transparent_functions,
)
from irgen.frontends.torch_seen import Hole
from irgen.frontends.torch_symbols import with_symbols
from irgen.frontends.torch_trail import Trail
from irgen.ir.collection import no_collection
from irgen.ir.graph import Graph
from irgen.trees import apart, swapped, tensors_by_name

Inputs = tuple[Sequence[Any], Mapping[str, Any]]


def capture(
    module: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    resized: Sequence[Inputs] = (),
    axes: Mapping[str, Sequence[str | None]] | None = None,
    frontend: str = "torch-live",
) -> Graph:
    """The canonical graph of one forward pass of `module`, in evaluation mode and without gradients.

    Parameters may be real or on meta; inputs are small real tensors. `resized` holds the same inputs at other
    sizes, and `axes` names the dimensions of each input (`{"input_ids": ("batch", "seq")}`): every dimension of
    the graph that changes with them gets its symbol. Raises `InputError` where the inputs do not fit the module
    and `CaptureError` where its forward raises.
    """
    with no_collection():
        graph = lower(record(module, args, kwargs), frontend)
        others = [lower(record(module, *other), frontend, placed=False) for other in resized]
        return with_symbols(graph, others, axes or {})


def record(module: nn.Module, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Recording:
    """One forward pass under fake tensors; every tensor of it has a recorded origin. See `capture` for errors."""
    once: tuple[tuple[Any, ...], dict[str, Any]] = apart((tuple(args), dict(kwargs or {})))
    names = bound(module, *once)
    try:
        return _pass(module, *once, names, trailed=False)
    except Hole:
        try:
            return _pass(module, *once, names, trailed=True)
        except Hole:
            raise CaptureError(
                "a tensor appears in the forward pass that no torch call made",
                at=type(module).__name__,
                fix="export the module with torch.export and give the .pt2 file",
            ) from None


def bound(module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by the name of the parameter that takes them."""
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return {f"input_{i}": arg for i, arg in enumerate(args)} | kwargs
    try:
        bound = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        takes = ", ".join(signature.parameters)
        raise InputError(
            f"the inputs do not fit {type(module).__name__}.forward: {error}", fix=f"forward takes ({takes})"
        ) from None
    named: dict[str, Any] = {}
    for name, value in bound.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            named |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            named |= {f"{name}_{i}": item for i, item in enumerate(value)}
        else:
            named[name] = value
    return named


def _pass(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], named: dict[str, Any], *, trailed: bool
) -> Recording:
    record = Recording()
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    fakes = Fakes(mode)
    trail = Trail() if trailed else None
    learned = dict(module.named_parameters())
    recorder = Recorder(record, fakes, _owned(module, learned), trail)
    record.parameters = sum(p.numel() for p in learned.values())
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(evaluation(module))
        recorder.seen.own(stack.enter_context(fake_parameters(module, fakes)))
        stand_ins = _fake_inputs(named, recorder, fakes)
        args, kwargs = swapped((args, kwargs), stand_ins)
        stack.enter_context(transparent_functions())
        record.scopes = stack.enter_context(module_stack(module, recorder.enter))
        stack.enter_context(below_functions(recorder))
        stack.enter_context(mode)
        if trail is not None:
            stack.enter_context(trail)
        stack.enter_context(recorder)
        try:
            out = module(*args, **kwargs)
        except (IrgenError, Hole):
            raise
        except (Exception, SystemExit) as error:
            raise _raised(error, module, recorder, named) from error
        _outputs(out, recorder)
    placed(record, module)
    _say_what_was_asked(record)
    _count_unused(learned, record)
    return record


def _owned(module: nn.Module, learned: Mapping[str, nn.Parameter]) -> dict[int, Leaf]:
    """Parameters and buffers by id. A frozen parameter is a constant where its values are those of a fixed table."""
    owned: dict[int, Leaf] = {}
    for name, tensor in learned.items():
        owned[id(tensor)] = Leaf("const" if _is_table(tensor) else "param", name, tensor)
    for name, tensor in module.named_buffers():
        owned.setdefault(id(tensor), Leaf("const", name, tensor))
    return owned


def _is_table(parameter: torch.Tensor) -> bool:
    """Whether a parameter was made and not learned: it is frozen and holds positions, waves or masks."""
    if parameter.requires_grad or parameter.is_meta or not parameter.is_floating_point():
        return False
    if parameter.numel() > TABLE_LIMIT or parameter.dim() == 0:
        return False
    value = parameter.detach().float().numpy()
    return not repeats(value) and (is_fixed(value) or is_rows_of_one_length(value))


def _fake_inputs(named: Mapping[str, Any], recorder: Recorder, fakes: Fakes) -> dict[int, torch.Tensor]:
    """A stand-in for every input tensor, by id."""
    seen: dict[int, torch.Tensor] = {}
    for name, tensor in tensors_by_name(named):
        if id(tensor) in seen:
            continue
        strided = tensor.layout is torch.strided
        stride = tensor.stride() if strided else torch.empty(tensor.shape, device="meta").stride()
        seen[id(tensor)] = fakes.empty(tensor.shape, stride, tensor.dtype)
        recorder.record.inputs.append(recorder.seen.leaf("input", name, tensor, seen[id(tensor)]))
    return seen


def _raised(error: BaseException, module: nn.Module, recorder: Recorder, named: Mapping[str, Any]) -> IrgenError:
    """What a forward pass that raised says: the inputs do not fit if a torch operator refused their sizes."""
    path, cls = recorder.record.scopes[recorder.scope]
    lines = str(error).strip().splitlines() or [type(error).__name__]
    at = f"{path} ({cls})" if path else cls
    layers: dict[str, nn.Module] = dict(cast("Any", module.named_modules()))
    fix = _sizes_to_give(layers.get(path, module), at, named)
    if recorder.refused is error:
        return InputError(f"the inputs do not fit the module: {lines[0]}", at=f"{at}, {recorder.last}", fix=fix)
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if not f.filename.startswith((TORCH, HERE))), frames[-1])
    by_torch = frames[-1].filename.startswith(TORCH)
    return CaptureError(
        f"the forward pass raised {type(error).__name__}: {lines[0]}",
        at=f"{at}, {place.filename}:{place.lineno}",
        fix=fix if by_torch else "run the module on these inputs first",
    )


TAKES = {
    "in_features": "{} numbers in the last dimension",
    "in_channels": "{} channels",
    "input_size": "{} numbers in the last dimension",
    "normalized_shape": "{} as the last dimensions",
    "num_features": "{} channels",
    "embed_dim": "{} numbers in the last dimension",
}
"""What a layer of torch that has this attribute takes."""


def _sizes_to_give(layer: nn.Module, at: str, named: Mapping[str, Any]) -> str:
    """The remedy for inputs of the wrong size: what the layer that refused them takes, and what was given."""
    given = ", ".join(f"{name}={'x'.join(map(str, t.shape))}" for name, t in tensors_by_name(named))
    known = [words.format(getattr(layer, name)) for name, words in TAKES.items() if hasattr(layer, name)]
    takes = f": {at} takes {known[0]}" if known and type(layer).__module__.startswith("torch.nn.") else ""
    return f"give sizes that the first layer takes{takes}; given was {given or 'no tensor'}"


def _outputs(out: Any, recorder: Recorder) -> None:
    """Name what the module returns. Integer results are left out, and said, where there are floating ones."""
    named = [(name, recorder.seen.ref(tensor)) for name, tensor in tensors_by_name(out, "output")]
    if not named:
        raise CaptureError(f"the module returns no tensor, but {type(out).__name__}", fix="return tensors from forward")
    floating = [(name, ref) for name, ref in named if ref.dtype.is_floating_point or ref.dtype.is_complex]
    for name, ref in named:
        if floating and (name, ref) not in floating:
            kind = str(ref.dtype).removeprefix("torch.")
            recorder.record.findings.append(f"output {name} ({kind}) is not a floating tensor and is left out")
    recorder.record.outputs = floating or named


def _say_what_was_asked(record: Recording) -> None:
    """One finding for each kind of module that read values: what the pass then did holds for these values."""
    told: set[tuple[str, str]] = set()
    for call in record.asked:
        path, cls = record.scopes[call.scope]
        file = os.path.basename(call.file)
        if (cls, file) in told:
            continue
        told.add((cls, file))
        depends = 0
        for ref in call.given:
            depends |= ref.depends
        what = "the inputs" if depends & INPUT else "parameters"
        where = f"{path or cls} ({file}:{call.line})" if file else path or cls
        record.findings.append(f"{where}: `{call.func.__name__}` reads a value that {what} decide; this pass fixes it")


def _count_unused(learned: Mapping[str, nn.Parameter], record: Recording) -> None:
    """Say which parameters the pass never read."""
    used = {id(leaf.tensor) for leaf in record.leaves.values()}
    missed = 0
    for name, tensor in learned.items():
        if id(tensor) not in used:
            record.unused.append(name)
            missed += tensor.numel()
    if missed:
        some = ", ".join(record.unused[:3]) + (", …" if len(record.unused) > 3 else "")
        record.findings.append(
            f"{len(record.unused)} parameters ({missed:,} elements) are not used by this pass: {some}"
        )
