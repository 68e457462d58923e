"""The rows of a validation: a module and an ONNX file run on the same cases, and every result judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from irgen.errors import InputError, SourceError
from irgen.reference import coarse, ports, precise, runs
from irgen.reference.cases import REFUSALS, TRACED, Case
from irgen.reference.outcome import Row
from irgen.reference.runs import Outputs, Session, Slot
from irgen.reference.verdict import judge

Say = Callable[[str], None]


@dataclass(frozen=True)
class Truth:
    """What PyTorch gives on one case: as it is, with its weights in the precision of the file, and in float64."""

    case: Case
    eager: Outputs
    own: Outputs
    exact: Outputs


@dataclass
class Measured:
    """The rows, the cases that were left out with the reason, and remarks."""

    rows: list[Row] = field(default_factory=list[Row])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])


def truths(
    module: torch.nn.Module, cases: Sequence[Case], skipped: dict[str, str], precision: str = "float32"
) -> list[Truth]:
    """PyTorch's results; one that the module refuses goes to `skipped`, `InputError` where that is the traced one."""
    eager: dict[str, Outputs] = {}
    for case in cases:
        try:
            eager[case.name] = runs.of_module(module, case.inputs)
        except REFUSALS as error:
            if case.name == TRACED:
                raise InputError(
                    f"the module does not run on its inputs: {_line(error)}",
                    at=", ".join(f"{name} {shape}" for name, shape in case.shapes.items()),
                    fix="run it on them first, or give others with --input NAME=SHAPE",
                ) from error
            skipped[case.name] = f"the module itself refuses it: {_line(error)}"
    shown = [case for case in cases if case.name in eager]
    own = eager
    if precision in coarse.ROUNDED:
        with coarse.rounded(module, precision):
            own = {case.name: runs.of_module(module, case.inputs) for case in shown}
    try:
        with precise.in_double(module):
            exact = {case.name: runs.of_module(module, case.inputs, double=True) for case in shown}
    except REFUSALS as error:
        raise InputError(
            f"the module does not run in float64, which both runs are measured against: {_line(error)}",
            at=type(module).__name__,
            fix="let its forward take the type of its inputs instead of naming float32",
        ) from error
    return [Truth(case, eager[case.name], own[case.name], exact[case.name]) for case in shown]


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def measure(
    module: torch.nn.Module,
    file: Path,
    cases: Sequence[Case],
    axes: Mapping[str, Sequence[str | None]],
    *,
    precision: str,
    threads: int = 1,
    say: Say = lambda _: None,
) -> Measured:
    """Run the module and the file on all cases, with the runtime's optimisations off and on.

    `axes` names the axes of the inputs that vary; `precision` is that of the file. Raises `SourceError` where the
    runtime cannot load the file, and `InputError` where its inputs are none of the module's.
    """
    found = Measured()
    say("running PyTorch")
    true = truths(module, cases, found.skipped, precision)
    for optimised in (False, True):
        say(f"running ONNX Runtime, optimisations {'on' if optimised else 'off'}")
        session = open_session(file, optimised=optimised, threads=threads)
        for truth in true:
            fixed = _fixed(session.inputs, truth.case, axes)
            if fixed:
                found.skipped[truth.case.name] = fixed
                continue
            matched = ports.inputs(session.inputs, truth.case.inputs)
            found.notes += [note for note in matched.notes if note not in found.notes]
            found.rows.append(_row(session, truth, matched, optimised, precision, found.notes))
        del session
    found.rows = [_baked(row, found.rows, true, axes) for row in found.rows]
    return found


def open_session(file: Path, *, optimised: bool, threads: int) -> Session:
    """The file ready to run. Raises `SourceError` where the runtime does not take it."""
    try:
        return Session(file, optimised=optimised, threads=threads)
    except runs.REFUSED as error:
        raise SourceError(
            f"ONNX Runtime cannot load the file: {runtime_line(error)}", at=str(file), fix="export the model again"
        ) from error


def runtime_line(error: Exception) -> str:
    """What the runtime says, without its own places in its source."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = lines[0].split(" : ", 3)[-1]
    return said.partition("onnxruntime::")[2].rpartition(") ")[2][:300] or said[:300]


def _fixed(slots: Sequence[Slot], case: Case, axes: Mapping[str, Sequence[str | None]]) -> str:
    """What keeps the file from this case: sizes that it declares for an axis that the case changes."""
    for slot in slots:
        value = case.inputs.get(slot.name)
        if value is None or len(slot.shape) != value.dim():
            continue
        for axis, size, wanted in zip(axes.get(slot.name, ()), slot.shape, value.shape, strict=False):
            if isinstance(size, int) and size != wanted and axis in case.changed:
                return f"the file fixes {axis} at {size}"
    return ""


def _row(
    session: Session, truth: Truth, matched: ports.Ports, optimised: bool, precision: str, notes: list[str]
) -> Row:
    name, shapes = truth.case.name, truth.case.shapes
    try:
        given = session.run(matched.feeds(truth.case.inputs))
    except runs.REFUSED as error:
        return Row(name, optimised, shapes, refused=runtime_line(error))
    partners, remarks = ports.outputs(given, truth.eager)
    notes += [remark for remark in remarks if remark not in notes]
    judged = tuple(
        judge(ours, given[theirs], truth.eager[ours], truth.own[ours], truth.exact[ours], precision)
        for ours, theirs in partners.items()
    )
    missing = tuple(name for name in truth.eager if name not in partners)
    return Row(name, optimised, shapes, judged, missing, names=partners)


def _baked(row: Row, rows: Sequence[Row], true: Sequence[Truth], axes: Mapping[str, Sequence[str | None]]) -> Row:
    """The row with the remark that an axis is baked in, where the file is right at the traced size of it only."""
    case = next(truth.case for truth in true if truth.case.name == row.case)
    traced = next((one for one in rows if one.case == TRACED and one.optimised == row.optimised), None)
    if row.verdict != "differs" or not case.changed or traced is None or traced.verdict == "differs":
        return row
    start = next(truth.case for truth in true if truth.case.name == TRACED)
    sizes = {
        axis: int(start.inputs[name].shape[i])
        for name, row_axes in axes.items()
        for i, axis in enumerate(row_axes)
        if axis in case.changed and name in start.inputs
    }
    said = ", ".join(f"{axis} is baked in at {size}" for axis, size in sizes.items())
    baked = f"the file claims that it takes other sizes, and {said}: {row.reason}"
    return replace(row, baked=baked)
