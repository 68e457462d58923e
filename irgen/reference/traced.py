"""A module traced by `torch.export` with the axes of its inputs that vary; what was baked in is rolled up again."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.export import Dim, ExportedProgram
from torch.utils import _pytree as pytree

from irgen.errors import IrgenError
from irgen.inputs import redrawn
from irgen.reference.hollow import is_hollow
from irgen.reference.rolling.loop import NotALoopError
from irgen.reference.rolling.roll import Rolled, roll
from irgen.source import Built

Say = Callable[[str], None]
Trace = Callable[[dict[str, Any], dict[str, Any]], ExportedProgram]
"""A program from inputs by name and from what `torch.export` calls dynamic shapes."""

TOLERANCE = 1e-4
"""Relative to the largest output: how far a rolled up program may be from the module, both in single precision."""


@dataclass
class Traced:
    """A program, the number of its loops, and remarks on how it came about."""

    program: ExportedProgram
    loops: int = 0
    warnings: list[str] = field(default_factory=list[str])


def dynamic_shapes(built: Built, but: str | None = None) -> dict[str, Any]:
    """All named axes of the inputs as axes that may vary, except those named `but`."""
    auto: Any = Dim.AUTO
    return {
        name: {i: auto for i, axis in enumerate(built.axes.get(name, ())) if axis and axis != but} or None
        for name in built.kwargs
    }


def baked(program: ExportedProgram, built: Built) -> dict[str, tuple[str, int]]:
    """Each axis that should vary and has one size in the program, with a place where it stands (input, axis)."""
    sizes = _placeholders(program)
    found: dict[str, tuple[str, int]] = {}
    for name, axes in built.axes.items():
        for i, axis in enumerate(axes):
            if axis and name in sizes and isinstance(sizes[name][i], int):
                found.setdefault(axis, (name, i))
    return found


def _placeholders(program: ExportedProgram) -> dict[str, tuple[Any, ...]]:
    """The sizes of the user's inputs: numbers, or symbols where they vary."""
    names = set(program.graph_signature.user_inputs)
    out: dict[str, tuple[Any, ...]] = {}
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names and isinstance(node.meta.get("val"), torch.Tensor):
            sizes = node.meta["val"].shape
            out[str(node.name)] = tuple(int(str(size)) if str(size).isdigit() else size for size in sizes)
    return out


def rolled(built: Built, first: ExportedProgram, trace: Trace, say: Say) -> Traced:
    """`first`, a program of the module, with the named axes of its inputs made to vary that tracing baked in.

    Loops of Python over an axis bake it in. Such an axis is traced again at another size, and the two programs become
    one (`irgen.reference.rolling`), which must give the module's outputs at a third size.
    """
    found = Traced(first)
    fixed = baked(found.program, built)
    for symbol, place in fixed.items():
        try:
            found = _rolled(built, found, symbol, place, trace, say)
        except (NotALoopError, IrgenError) as error:
            found.warnings.append(f"the axis {symbol!r} cannot vary: {str(error).splitlines()[0]}")
    found.warnings += _bounds(found.program, built)
    return found


def _rolled(built: Built, found: Traced, symbol: str, place: tuple[str, int], trace: Trace, say: Say) -> Traced:
    """The program with one axis that tracing baked in made to vary."""
    name, axis = place
    first = int(built.kwargs[name].shape[axis])
    second = int(built.resized[0][name].shape[axis]) if built.resized else first + 3
    reasons: list[NotALoopError] = []
    for sizes in (SMALL, (first, second)):
        if sizes is SMALL and first < SMALL[1]:
            continue
        try:
            made = _at_sizes(built, symbol, place, sizes, trace, say)
        except NotALoopError as error:
            reasons.append(error)
            continue
        say(f"tracing {built.title} with its loops")
        try:
            program = by_torch(made.module, dict(built.kwargs), dynamic_shapes(built))
        except Exception as error:
            raise NotALoopError(f"the loops cannot be traced: {first_line(error)}") from error
        if symbol in baked(program, built):
            raise NotALoopError(f"it stays {first} in what the loops are written with")
        return Traced(program, found.loops + made.loops, found.warnings)
    raise reasons[-1]


SMALL = (7, 10)
"""Sizes to trace at first: every step of a loop that is unrolled costs time."""


def _at_sizes(
    built: Built, symbol: str, place: tuple[str, int], sizes: tuple[int, int], trace: Trace, say: Say
) -> Rolled:
    """The programs at two sizes of an axis as one, which gives what the module gives at a third."""
    programs: list[ExportedProgram] = []
    for size in sizes:
        say(f"tracing {built.title} with {symbol} {size}")
        try:
            programs.append(trace(at(built, symbol, size), dynamic_shapes(built, but=symbol)))
        except Exception as error:
            raise NotALoopError(f"the module cannot be traced at {size}: {first_line(error)}") from error
    if any(map(_writes, programs)):
        programs = [program.run_decompositions({}) for program in programs]
    say(f"rolling up the loops of {built.title}")
    one, other = (program.module(check_guards=False) for program in programs)
    made = roll(one, other, sizes, *place)
    _check(built, made, symbol, sizes)
    return made


def _writes(program: ExportedProgram) -> bool:
    """Whether a program writes into tensors, so that it has to be made functional."""
    schemas = [getattr(node.target, "_schema", None) for node in program.graph.nodes]
    return any(schema is not None and schema.is_mutable for schema in schemas)


def by_torch(module: torch.nn.Module, kwargs: dict[str, Any], shapes: dict[str, Any]) -> ExportedProgram:
    """A program of any module, by torch itself."""
    with torch.no_grad():
        return torch.export.export(module, (), kwargs, dynamic_shapes=shapes, strict=False)


def at(built: Built, symbol: str, size: int) -> dict[str, Any]:
    """The example inputs with every axis of a name at another size."""
    out: dict[str, Any] = {}
    for name, value in built.kwargs.items():
        axes = built.axes.get(name, ())
        shape = tuple(size if axis == symbol else n for n, axis in zip(value.shape, axes, strict=False)) if axes else ()
        out[name] = redrawn(value, shape) if axes and shape != tuple(value.shape) else value
    return out


def _check(built: Built, made: Rolled, symbol: str, sizes: tuple[int, int]) -> None:
    """Compare the rolled up program with the module at a size at which neither was traced."""
    if is_hollow(built.module):
        return
    name, axis = next((n, axes.index(symbol)) for n, axes in built.axes.items() if symbol in axes)
    given_size = int(built.kwargs[name].shape[axis])
    third = given_size if given_size not in sizes else max(2, sizes[0] - 4)
    kwargs = at(built, symbol, third)
    with torch.no_grad():
        wanted = tensors(built.module(**kwargs))
        given = tensors(made.module(**kwargs))
    if len(wanted) != len(given) or any(a.shape != b.shape for a, b in zip(wanted, given, strict=True)):
        raise NotALoopError(f"at the size {third} the result has another shape")
    for a, b in zip(wanted, given, strict=True):
        if a.numel() and float((a.double() - b.double()).abs().max()) > TOLERANCE * (1 + float(a.double().abs().max())):
            raise NotALoopError(f"at the size {third} the result is another")


def tensors(result: Any) -> list[torch.Tensor]:
    """The tensors of a result, in the order in which an export lists them."""
    return [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]


def _bounds(program: ExportedProgram, built: Built) -> list[str]:
    """Axes that vary in a narrow range only: the module takes another branch beyond it."""
    names: dict[str, str] = {}
    for name, shape in _placeholders(program).items():
        for axis, size in zip(built.axes.get(name, ()), shape, strict=False):
            if axis and not isinstance(size, int):
                names[str(size)] = axis
    ranges: Mapping[Any, Any] = program.range_constraints
    out: list[str] = []
    for symbol, span in ranges.items():
        axis = names.get(str(symbol))
        if axis is None:
            continue
        low, high = float(span.lower), float(span.upper)
        if low > 2 or high < 1 << 30:
            most = f"{high:g}" if math.isfinite(high) and high < 1 << 30 else "any size"
            out.append(f"the axis {axis!r} varies from {low:g} to {most} only: the model branches on its size")
    return out


def first_line(error: BaseException) -> str:
    """The first telling line of an error of a library."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines or [''])[0][:200]}"
