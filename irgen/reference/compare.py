"""Two results compared number by number against a float64 run: errors, their sizes, and what changed rank."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from irgen.reference.runs import Array

TOP = 5
"""How many of the largest entries of the last axis are compared as a set."""

SMALL = 1e-3
"""Relative errors are measured against at least this part of the result's own size."""


@dataclass(frozen=True)
class Errors:
    """How far one result lies from the float64 run.

    `rms` is the size of the float64 result, `rmse` the error's; relative errors are those of single entries;
    `worst` is the largest rmse of one example (first axis).
    """

    rms: float
    rmse: float
    max_abs: float
    mean_abs: float
    p99_abs: float
    max_rel: float
    mean_rel: float
    p99_rel: float
    cosine: float
    worst: float

    def plain(self) -> dict[str, float]:
        """As a record, in digits that mean something."""
        return {key: float(f"{value:.4g}") for key, value in asdict(self).items()}


def errors(values: Array, exact: Array, kept: Array) -> Errors:
    """The errors of `values` against `exact` where `kept` holds (both finite)."""
    rows = max(1, exact.shape[0]) if exact.ndim > 1 else 1
    away = np.where(kept, values, 0).astype(np.float64) - np.where(kept, exact, 0)
    found = np.abs(away[kept])
    true = exact[kept]
    if not found.size:
        return Errors(0, 0, 0, 0, 0, 0, 0, 0, 1, 0)
    size = float(np.sqrt(np.mean(true**2)))
    relative = found / np.maximum(np.abs(true), max(SMALL * size, np.finfo(np.float64).tiny))
    each = np.sqrt(np.mean(away.reshape(rows, -1) ** 2, axis=1))
    return Errors(
        rms=size,
        rmse=float(np.sqrt(np.mean(found**2))),
        max_abs=float(found.max()),
        mean_abs=float(found.mean()),
        p99_abs=float(np.quantile(found, 0.99)),
        max_rel=float(relative.max()),
        mean_rel=float(relative.mean()),
        p99_rel=float(np.quantile(relative, 0.99)),
        cosine=_cosine(values[kept].astype(np.float64), true),
        worst=float(each.max()),
    )


def _cosine(a: Array, b: Array) -> float:
    scale = float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0))
    if 0 in scale:
        return 1.0 if scale == (0, 0) else 0.0
    a, b = a / scale[0], b / scale[1]
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


@dataclass(frozen=True)
class Ranks:
    """Whether the same entries of the last axis are the largest.

    `top1` and `topk` are the parts of the rows that agree (k is `TOP` or less); `margin` is the largest gap, in the
    float64 run, between the winner and what won instead: a near tie where it is no more than the error.
    """

    rows: int
    k: int
    top1: float
    topk: float
    margin: float

    def plain(self) -> dict[str, float]:
        """As a record."""
        return {key: float(f"{value:.6g}") for key, value in asdict(self).items()}


def ranks(values: Array, exact: Array) -> Ranks | None:
    """The ranks of two finite results; None where the last axis is no choice between entries."""
    if exact.ndim < 2 or exact.shape[-1] < 2 or not (np.isfinite(values).all() and np.isfinite(exact).all()):
        return None
    width = exact.shape[-1]
    ours, true = values.reshape(-1, width), exact.reshape(-1, width)
    first, best = ours.argmax(-1), true.argmax(-1)
    flipped = np.flatnonzero(first != best)
    gaps = true[flipped, best[flipped]] - true[flipped, first[flipped]]
    k = min(TOP, width - 1)
    same = 0
    for a, b in zip(ours, true, strict=True):
        same += set(np.argpartition(-a, k - 1)[:k]) == set(np.argpartition(-b, k - 1)[:k])
    return Ranks(len(true), k, 1 - len(flipped) / len(true), same / len(true), float(gaps.max(initial=0.0)))


def special(values: Array) -> dict[str, int]:
    """How many entries are not numbers or infinite."""
    if values.dtype.kind not in "fc":
        return {"nan": 0, "inf": 0}
    return {"nan": int(np.isnan(values).sum()), "inf": int(np.isinf(values).sum())}


def record(value: Any) -> Any:
    """A part of a record, or None."""
    return None if value is None else value.plain()
