"""What a validation found: rows of cases and runs with their verdicts, and the verdict of the whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irgen.reference import verdict
from irgen.reference.verdict import Judged, Verdict


@dataclass(frozen=True)
class Row:
    """One case in one run of the runtime. `refused` is what the runtime said where it did not run."""

    case: str
    optimised: bool
    shapes: dict[str, list[int]]
    outputs: tuple[Judged, ...] = ()
    missing: tuple[str, ...] = ()
    refused: str = ""
    baked: str = ""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """The file's name of each output."""

    @property
    def verdict(self) -> Verdict:
        """That of the worst output."""
        if self.refused or self.missing or not self.outputs:
            return "differs"
        counted = self.outputs
        found = {one.verdict for one in counted}
        if "differs" not in found and "agrees" in found:  # results without evidence take none away from the others
            counted = tuple(one for one in counted if one.verdict == "agrees" or one.ranks is not None)
        return verdict.worst(one.verdict for one in counted)

    @property
    def reason(self) -> str:
        """Why, of the worst output."""
        if self.baked:
            return self.baked
        if self.refused:
            return f"ONNX Runtime refuses: {self.refused}"
        if self.missing:
            return f"the file does not give {', '.join(self.missing)}"
        if not self.outputs:
            return "the model returns no tensor"
        one = next(one for one in self.outputs if one.verdict == self.verdict)
        return f"{one.output}: {one.reason}"


@dataclass
class Validation:
    """What a validation found. `skipped` names the cases that were not run, with the reason."""

    source: str
    title: str
    seed: int
    threads: int
    precision: str
    exporter: str
    opset: int
    rows: list[Row]
    skipped: dict[str, str]
    notes: list[str]
    operators: dict[str, int] = field(default_factory=dict[str, int])
    size: int = 0
    scale: str = "given"
    """Which of its sizes a built-in system had (`twin`, `full`); `given` for everything else."""
    ir: str | None = None
    """The hash of the canonical graph, None where it could not be traced."""
    parting: Any = None
    """Where the runs part (`irgen.parting.Parting`), where they do and both sides could be traced."""

    @property
    def verdict(self) -> Verdict:
        """The worst of all rows; ambiguous where nothing could be compared, or no region alone is wrong."""
        if not self.rows:
            return "ambiguous"
        if self.parting is not None and not self.parting.divergence.confirmed:
            return "ambiguous"
        return verdict.worst(row.verdict for row in self.rows)

    @property
    def reason(self) -> str:
        """Why, of the first row that has the verdict."""
        if not self.rows:
            return "no case could be run"
        first = verdict.worst(row.verdict for row in self.rows)
        row = next(row for row in self.rows if row.verdict == first)
        if self.verdict == "agrees":
            return f"{len(self.rows)} runs are as close to the float64 run as the bound asks"
        said = f"{row.case}, optimisations {'on' if row.optimised else 'off'}: {row.reason}"
        if self.verdict == "ambiguous" and first == "differs":
            said += "; no region is wrong on PyTorch's own values: rounding adds up, or a near tie flipped"
        return said

    def __bool__(self) -> bool:
        return self.verdict == "agrees"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The verdict and the table, for people."""
        from irgen.reference import text  # noqa: PLC0415 - it reads this file

        return text.text(self)

    def json(self) -> str:
        """The record as JSON text (`irgen.reference/1`)."""
        from irgen.reference import record  # noqa: PLC0415 - it reads this file

        return json.dumps(record.record(self), indent=2, ensure_ascii=False) + "\n"
