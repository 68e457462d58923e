"""What two runs of one result say of each other: agrees, differs or ambiguous, and the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from irgen.reference.bounds import FLOORS, UNSTABLE, Bound, bound, largest
from irgen.reference.compare import Errors, Ranks, errors, ranks, record, special
from irgen.reference.runs import Output

Verdict = Literal["agrees", "differs", "ambiguous"]
ORDER: tuple[Verdict, ...] = ("differs", "ambiguous", "agrees")
"""The verdict of several is the first of these that any of them has."""


@dataclass(frozen=True)
class Judged:
    """One result of an ONNX run, compared: verdict, reason, and the numbers behind it."""

    output: str
    verdict: Verdict
    reason: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    onnx: Errors | None = None
    eager: Errors | None = None
    bound: Bound | None = None
    ranks: Ranks | None = None
    special: dict[str, int] = field(default_factory=dict[str, int])

    def plain(self) -> dict[str, Any]:
        """The measured part of its record."""
        allowed = None if self.bound is None else {"rmse": float(f"{self.bound.rmse:.3g}")}
        return {"onnx": record(self.onnx), "eager": record(self.eager), "bound": allowed, "ranks": record(self.ranks)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several runs together."""
    found = set(verdicts)
    for verdict in ORDER:
        if verdict in found:
            return verdict
    return "agrees"


def judge(name: str, onnx: Output, eager: Output, own: Output, exact: Output, precision: str) -> Judged:
    """The verdict on one result: shape and type first, then what is no number, then the numbers.

    `eager` is PyTorch's result, `own` the same with weights rounded to the `precision` of the file (a key of
    `FLOORS`), and `exact` its float64 run.
    """
    shape = tuple(onnx.values.shape)

    def said(verdict: Verdict, reason: str, **more: Any) -> Judged:
        return Judged(name, verdict, reason, shape, onnx.dtype, **more)

    if onnx.values.shape != eager.values.shape:
        return said("differs", f"its shape is {list(shape)}, PyTorch's is {list(eager.values.shape)}")
    if onnx.dtype != eager.dtype and not _lower(onnx.dtype, eager.dtype):
        return said("differs", f"its type is {onnx.dtype}, PyTorch's is {eager.dtype}")
    if not eager.floating:
        return _whole(said, onnx, eager)
    return _numbers(said, onnx, eager, own, exact, precision)


def _lower(onnx: str, eager: str) -> bool:
    """Half precision for full is a choice of who made the file, not a difference."""
    return onnx in ("float16", "bfloat16") and eager in ("float16", "bfloat16", "float32")


def _whole(said: Any, onnx: Output, eager: Output) -> Judged:
    """Integers and booleans are equal, or they are not."""
    away = int((onnx.values != eager.values).sum())
    if away:
        return said("differs", f"{away} of {onnx.values.size} whole numbers are not PyTorch's")
    return said("agrees", "every entry is equal")


def _numbers(said: Any, onnx: Output, eager: Output, rounded: Output, exact: Output, precision: str) -> Judged:
    ours, theirs = np.isfinite(onnx.values), np.isfinite(eager.values)
    odd = {"onnx": special(onnx.values), "eager": special(eager.values)}
    if not _same_special(onnx.values, eager.values):
        counts = ", ".join(f"{n} {what}" for what, n in odd["onnx"].items())
        wanted = ", ".join(f"{n} {what}" for what, n in odd["eager"].items())
        return said("differs", f"it holds {counts}; PyTorch's holds {wanted}, in other places", special=odd["onnx"])
    kept = ours & theirs & np.isfinite(exact.values)
    if not (kept & np.isfinite(rounded.values)).any():
        return said("ambiguous", "PyTorch's own result holds no finite number: no evidence", special=odd["onnx"])
    kept &= np.isfinite(rounded.values)
    own = errors(rounded.values, exact.values, kept)
    found = errors(onnx.values, exact.values, kept)
    allowed = bound(own, largest(exact.values, kept), precision, int(kept.sum()))
    order = ranks(onnx.values, exact.values)
    numbers = {"onnx": found, "eager": own, "bound": allowed, "ranks": order, "special": odd["onnx"]}
    if own.rms == 0 and found.rmse == 0:
        return said("ambiguous", "every entry is zero in all runs: no evidence", **numbers)
    why = allowed.exceeded(found)
    if why is not None:
        return said("differs", why, **numbers)
    if own.rmse > max(UNSTABLE, 8 * FLOORS[precision], FLOORS[eager.dtype]) * own.rms:
        part = own.rmse / own.rms if own.rms else 1.0
        return said("ambiguous", f"PyTorch's own run is {part:.0%} away from float64: no evidence", **numbers)
    if order is not None and order.top1 < 1:
        flips = round((1 - order.top1) * order.rows)
        reason = f"{flips} of {order.rows} rows have another largest entry, by a near tie (margin {order.margin:.2g})"
        return said("ambiguous", reason, **numbers) if precision == "float32" else said("agrees", reason, **numbers)
    return said("agrees", f"rmse {found.rmse:.2g} is at most {allowed.rmse:.2g} ({allowed.reason})", **numbers)


def _same_special(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the same entries are NaN, and the same are infinite with the same sign."""
    with np.errstate(invalid="ignore"):
        same = np.array_equal(np.isnan(a), np.isnan(b))
        return (
            same and np.array_equal(np.isposinf(a), np.isposinf(b)) and np.array_equal(np.isneginf(a), np.isneginf(b))
        )
