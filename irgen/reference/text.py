"""A validation as text: the verdict with its reason, and a table of every case, run and result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from irgen.reference.outcome import Row, Validation
from irgen.reference.verdict import Judged

HEAD = ("case", "optimised", "output", "shape", "rmse", "own", "bound", "max abs", "p99 abs", "max rel", "cosine",
        "top-1", "top-k", "verdict")  # fmt: skip


def text(found: Validation) -> str:
    """What `irgen validate` prints."""
    lines = [f"{found.source}: {found.verdict}: {found.reason}", ""]
    lines += _table([HEAD, *(cells for row in found.rows for cells in _cells(row))])
    if any(one.bound for row in found.rows for one in row.outputs):
        lines += [
            "",
            "rmse: distance of ONNX Runtime from a float64 run of PyTorch",
            "own: the same of PyTorch itself, with weights in the precision of the file",
        ]
    if found.parting is not None:
        lines += ["", *_parting(found.parting)]
    lines += [f"not run: {name}: {reason}" for name, reason in found.skipped.items()]
    lines += [f"note: {note}" for note in found.notes]
    return "\n".join(lines) + "\n"


def _parting(place: Any) -> Iterator[str]:
    """Where they part, a line for each thing that is known."""
    found = place.divergence
    yield f"they part in {place.name}"
    if place.path:
        yield f"  inside:   {' > '.join(place.path)}"
    yield f"  operator: {place.operator}; in the file {_counted(found.operators)} up to {found.value!r}"
    if place.surplus:
        yield f"  surplus:  the file computes {', '.join(place.surplus)} here, PyTorch does not"
    if place.module or place.line:
        yield f"  source:   {', '.join(filter(None, (place.module, place.line)))}"
    proof = "gives this from PyTorch's own values" if found.confirmed else "is right on PyTorch's own values"
    yield f"  error:    {found.reason}; the part {proof}"
    yield f"  found in {found.runs} runs over {found.regions} boundaries, on the case {place.case!r}"


def _counted(operators: Sequence[str]) -> str:
    """Operators in order, each once with its count, those that only handle shapes left out where others remain."""
    count = Counter(operators)
    telling = [name for name in count if name not in SHAPES] or list(count)
    said = [f"{count[name]} × {name}" if count[name] > 1 else name for name in telling[:LONGEST]]
    return ", ".join(said) + (f" and {len(telling) - LONGEST} kinds more" if len(telling) > LONGEST else "")


SHAPES = frozenset(["Shape", "Squeeze", "Unsqueeze", "Reshape", "Concat", "Range", "Expand", "Cast", "Slice", "Gather",
                    "Identity", "Transpose", "GatherND", "Constant", "ConstantOfShape", "Split"])  # fmt: skip
LONGEST = 8


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(n) for cell, n in zip(row, wide, strict=True)).rstrip() for row in rows]


def _cells(row: Row) -> Iterator[tuple[str, ...]]:
    run = "on" if row.optimised else "off"
    if not row.outputs:
        yield (row.case, run, "-", *["-"] * 10, row.verdict)
    for one in row.outputs:
        yield (row.case, run, one.output, "x".join(map(str, one.shape)) or "scalar", *_numbers(one), one.verdict)


def _numbers(one: Judged) -> tuple[str, ...]:
    if one.onnx is None or one.eager is None or one.bound is None:
        return ("-",) * 9
    ranks = (f"{one.ranks.top1:.3g}", f"{one.ranks.topk:.3g}") if one.ranks else ("-", "-")
    found = one.onnx
    numbers = (found.rmse, one.eager.rmse, one.bound.rmse, found.max_abs, found.p99_abs, found.max_rel)
    return (*(f"{n:.1e}" for n in numbers), f"{found.cosine:.7f}", *ranks)
