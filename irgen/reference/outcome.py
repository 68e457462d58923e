"""What a validation found: rows of cases and runs with their verdicts, and the verdict of the whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

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

    @property
    def verdict(self) -> Verdict:
        """That of the worst output."""
        if self.refused or self.missing or not self.outputs:
            return "differs"
        found = [one.verdict for one in self.outputs]
        if "differs" not in found and "agrees" in found:  # results without evidence take none away from the others
            found = [one.verdict for one in self.outputs if not (one.verdict == "ambiguous" and one.ranks is None)]
        return verdict.worst(found)

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

    @cached_property
    def verdict(self) -> Verdict:
        """The worst of all rows; ambiguous where nothing could be compared."""
        return verdict.worst(row.verdict for row in self.rows) if self.rows else "ambiguous"

    @property
    def reason(self) -> str:
        """Why, of the first row that has the verdict."""
        row = next((row for row in self.rows if row.verdict == self.verdict), None)
        if row is None:
            return "no case could be run"
        if self.verdict == "agrees":
            return f"{len(self.rows)} runs are as close to the float64 run as the bound asks"
        return f"{row.case}, optimisations {'on' if row.optimised else 'off'}: {row.reason}"

    def __bool__(self) -> bool:
        return self.verdict == "agrees"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The verdict and the table, for people."""
        from irgen.reference import text  # noqa: PLC0415 - it reads this file

        return text.text(self)
