"""How far two results may lie apart, and why: from PyTorch's own distance to float64 and the precision of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from irgen.reference.compare import Errors

FACTOR = 3.0
"""An ONNX run may be this many times as far from the float64 run as PyTorch's own is (field.md: 2–3)."""

PEAK = 8.0
"""The same for its largest single error, which varies more."""

FLOORS: Mapping[str, float] = {
    "float64": 8 * 2.0**-52,
    "float32": 8 * 2.0**-23,
    "bfloat16": 2 * 2.0**-7,
    "float16": 2 * 2.0**-10,
    "int8": 2.0**-6,
}
"""What every run in this precision is granted, as a part of the result's own size: some roundings, one after another.
`int8` stands for files with quantised weights, which often round activations to eight bits too."""

UNSTABLE = 1e-2
"""Where PyTorch's own run is this far (relative) from float64, its result says nothing about another run."""

PEAKS = 16.0
"""The floor of the largest error, in multiples of the floor of the mean: errors of single entries vary."""


@dataclass(frozen=True)
class Bound:
    """What one result is allowed: the root of its mean squared error, and its largest error."""

    rmse: float
    peak: float
    reason: str

    def exceeded(self, found: Errors) -> str | None:
        """Why these errors are too large, or None."""
        if not found.rmse <= self.rmse:
            return f"rmse {found.rmse:.2g} is more than {self.rmse:.2g} ({self.reason})"
        if not found.worst <= 4 * self.rmse:
            return f"rmse {found.worst:.2g} of one example is more than {4 * self.rmse:.2g} ({self.reason})"
        if not found.max_abs <= self.peak:
            return f"an error of {found.max_abs:.2g} is more than {self.peak:.2g} ({self.reason})"
        return None


FEW = 4.0
"""A result of n entries is granted 1 + this/√n times as much: on few entries PyTorch's own error is small by luck."""


def bound(eager: Errors, largest: float, precision: str, count: int) -> Bound:
    """The bound for a result, from PyTorch's errors on the same inputs and the precision of the file.

    `largest` is the largest of the `count` entries of the float64 result; `precision` a key of `FLOORS`.
    """
    slack = 1 + FEW / max(1, count) ** 0.5
    floor = slack * FLOORS[precision]
    rmse = slack * FACTOR * eager.rmse + floor * eager.rms
    peak = slack * PEAK * eager.max_abs + floor * max(largest, PEAKS * eager.rms)
    said = f"{slack * FACTOR:.2g} × PyTorch's own {eager.rmse:.2g} + {floor:.2g} × the result's size {eager.rms:.2g}"
    return Bound(rmse, peak, said)


def largest(values: np.ndarray, kept: np.ndarray) -> float:
    """The largest entry by size, where `kept`."""
    return float(np.abs(values[kept]).max(initial=0.0))
