"""The order in which changes are told: what a reader must know first comes first."""

from __future__ import annotations

from irgen.diff.changes import TOTALS, Change

HEADINGS = ("structure", "facts", "sizes", "parameters", "operators")

FIRST = {"removed": 0, "added": 0, "replaced": 1, "period": 2, "moved": 3, "reordered": 4, "rewired": 5}


def section(change: Change) -> int:
    """The number of the heading that a change stands under."""
    if change.kind in ("total", "operators"):
        return 3 if change.kind == "total" else 4
    if change.is_size:
        return 2
    return 0 if change.kind in FIRST else 1


def importance(change: Change) -> tuple[int, bool, int, int]:
    """What changes are sorted by: section, the whole model before its parts, interfaces last."""
    port = change.where.startswith(("input", "output"))
    rank = TOTALS.index(change.key) if change.kind == "total" else FIRST.get(change.kind, 0)
    return section(change), port, 0 if change.where == "model" else 1, rank
