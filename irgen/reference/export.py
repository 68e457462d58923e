"""A module written as an ONNX file: by the exporter that fits it, with the axes that it lets vary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from irgen import files
from irgen.source import Built

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
) -> Exported:
    """Write `built.module` to `target` as ONNX, its inputs named as in `built.kwargs`.

    Axes named in `built.axes` vary in the file where the exporter lets them; the others are listed in `baked`. Without
    `weights` the file says where its tensors would stand, and they are not there. `timeout` is in seconds. Raises
    `ExportError` where no exporter takes the model or the time is over, and `OutputError` for a bad target.
    """
    from irgen.reference import exporters  # noqa: PLC0415 - loads torch and onnx

    files.check(target)
    progress(f"exporting {built.title}")
    done = exporters.run(built, progress)
    progress(f"writing {target.name}")
    done.save(target)
    return Exported(
        target,
        done.exporter,
        done.opset,
        done.inputs,
        done.outputs,
        done.dynamic,
        done.baked,
        done.warnings,
        weights=weights,
    )
