"""A module written as an ONNX file: by the exporter that fits it, with the axes that it lets vary."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irgen import files
from irgen.errors import ExportError, OutputError
from irgen.source import Built

if TYPE_CHECKING:
    from irgen.reference.written import Labels

Say = Callable[[str], None]
"""Told what is being done now, in a few words."""


@dataclass(frozen=True)
class Baked:
    """An axis of an input that the module varies and the exported file does not."""

    input: str
    axis: int
    symbol: str
    size: int

    def __str__(self) -> str:
        return f"axis {self.axis} ({self.symbol}) of {self.input!r} is baked in at {self.size}"


@dataclass(frozen=True)
class Exported:
    """An ONNX file and what is known of how it came about.

    `inputs` and `outputs` are names in the file's order; `dynamic` names the axes of each input that vary in the file,
    `baked` the ones that the module lets vary and the file does not. `scans` counts the recurrences written as loops.
    """

    path: Path
    exporter: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]])
    baked: tuple[Baked, ...] = ()
    warnings: tuple[str, ...] = ()
    scans: int = 0
    weights: bool = True


def _silent(_: str) -> None: ...


def export(
    built: Built,
    target: Path,
    *,
    weights: bool = True,
    timeout: float | None = None,
    progress: Say = _silent,
    labels: Callable[[Path], Labels] | None = None,
) -> Exported:
    """Write `built.module` to `target` as ONNX, its inputs named as in `built.kwargs`.

    Axes named in `built.axes` vary in the file where the exporter lets them; the others are listed in `baked`. Without
    `weights` the file says where its tensors would stand, and they are not there. `timeout` is in seconds. `labels`
    reads the finished file and says what to write into its metadata. The file is written beside its target and moved
    over it. Raises `ExportError` where no exporter takes the model or the time is over, `OutputError` for a bad target.
    """
    from irgen.reference import child, exporters, written  # noqa: PLC0415 - loads torch and onnx

    files.check(target)
    progress(f"loading what exports {built.title}")
    with exporters.quiet():
        exporters.prepare(built)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"the target cannot be written: {error.strerror}", at=str(target), fix="choose a place you may write to"
        ) from error
    try:

        def work(say: Say) -> Exported:
            return _exported(built, scratch, target.name, weights, say)

        made = child.run(work, title=built.title, timeout=timeout, say=progress)
        if labels is not None:
            progress(f"labelling {target.name}")
            written.label(made.path, labels(made.path))
        written.place(made.path, target, weights=weights)
        return replace(made, path=target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _exported(built: Built, folder: Path, name: str, weights: bool, say: Say) -> Exported:
    """The exporter's work, in the child: the program, written into a folder and checked."""
    from irgen.reference import exporters, hollow, written  # noqa: PLC0415 - loads torch and onnx

    if not weights:
        hollow.hollow(built.module)
    program = exporters.run(built, say)
    model: Any = program.model
    written.name_axes(model, built.axes)
    say(f"writing {name}")
    try:
        path = written.save(model, folder, name, weights=weights)
    except OSError as error:
        raise OutputError(f"the file cannot be written: {error.strerror}", at=name, fix="free some space") from error
    say(f"checking {name}")
    try:
        written.checked(path, weights)
    except ExportError as error:
        raise ExportError(error.what, at=built.title, fix=error.fix) from error
    dynamic, fixed = _axes(model, built)
    return Exported(
        path,
        program.exporter,
        int(model.opset_imports[""]),
        tuple(value.name for value in model.graph.inputs),
        tuple(value.name for value in model.graph.outputs),
        dynamic,
        fixed,
        tuple(program.warnings),
        sum(node.op_type in ("Scan", "Loop") for node in model.graph),
        weights,
    )


def _axes(model: Any, built: Built) -> tuple[dict[str, dict[int, str]], tuple[Baked, ...]]:
    """Which axes of the inputs vary in the file, and which do not though the module lets them."""
    dynamic: dict[str, dict[int, str]] = {}
    fixed: list[Baked] = []
    for value in model.graph.inputs:
        for axis, symbol in enumerate(built.axes.get(value.name, ())):
            size: Any = value.shape[axis]
            if symbol and isinstance(size, int):
                fixed.append(Baked(value.name, axis, symbol, size))
            elif not isinstance(size, int):
                dynamic.setdefault(value.name, {})[axis] = str(size.value)
    return dynamic, tuple(fixed)
