"""Tensors whose values show that nobody learned them: masks, positions, frequencies, waves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

TABLE_LIMIT = 1 << 22
"""Elements of a tensor that is looked at."""


def repeats(value: Numbers) -> bool:
    """Whether a tensor is one number, repeated."""
    if not value.size:
        return True
    line = value.reshape(-1)
    return bool(line[0] == line[-1]) and bool((line == line[0]).all())


def is_fixed(value: Numbers) -> bool:
    """Whether the values show that nobody learned them."""
    if value.dtype.kind != "f":
        return False
    if value.ndim == 1 and _random(value[:8].tolist()):
        return is_mask(value)
    return (
        is_mask(value)
        or is_triangle(value)
        or is_whole(value)
        or is_progression(value)
        or is_wave(value)
        or is_ramp(value)
    )


def _random(first: list[float]) -> bool:
    """Whether the first numbers of a vector are neither whole nor in progression (a look before the careful tests)."""
    if len(first) < 4 or all(x == round(x) for x in first if np.isfinite(x)):
        return False
    a, b, c = first[:3]
    return abs((b - a) - (c - b)) > 1e-3 * abs(b - a) and abs(b * b - a * c) > 1e-3 * abs(b * b)


def is_mask(value: Numbers) -> bool:
    """Minus infinity (or almost) among the values."""
    return bool(value.size) and (float(np.nanmin(value)) <= -1e4 or not np.isfinite(value).all())


def is_triangle(value: Numbers) -> bool:
    """Square in the last two axes, and exactly zero above the diagonal: a decay, or a mask that multiplies."""
    if value.ndim < 2 or value.shape[-1] != value.shape[-2] or value.shape[-1] < 3:
        return False
    return not np.triu(value, 1).any() and bool(np.tril(value, -1).any())


def is_whole(value: Numbers) -> bool:
    """Whole numbers that differ: indicators, positions, offsets."""
    return value.size >= 2 and bool((value == np.round(value)).all()) and not repeats(value)


def is_progression(value: Numbers) -> bool:
    """One axis of at least four numbers in arithmetic or geometric progression (frequencies, slopes, positions)."""
    line = value.reshape(-1).astype(np.float64)
    if line.size < 4 or max(value.shape) != line.size or repeats(line):
        return False
    steps = np.diff(line)
    if np.allclose(steps, steps[0], rtol=1e-4, atol=0):
        return True
    if (line == 0).any():
        return False
    ratios = line[1:] / line[:-1]
    return bool(np.allclose(ratios, ratios[0], rtol=1e-4, atol=0))


def is_wave(value: Numbers) -> bool:
    """Every column along the second to last axis a sinusoid: x[t+1] + x[t−1] = 2 cos ω · x[t], not all still."""
    if value.ndim < 2 or value.shape[-2] < 5 or value.shape[-1] < 2:
        return False
    table = value.reshape(-1, *value.shape[-2:])[0].astype(np.float64)
    if np.abs(table).max() > 1.0001 or np.abs(np.diff(table, axis=0)).max() == 0:
        return False
    sums, middle = table[2:] + table[:-2], table[1:-1]
    power = (middle * middle).sum(axis=0)
    double = np.where(power > 0, (sums * middle).sum(axis=0) / np.where(power > 0, power, 1), 0)
    return bool((np.abs(double) <= 2.001).all() and np.abs(sums - double * middle).max() < 2e-4)


def is_ramp(value: Numbers) -> bool:
    """Every column along the second to last axis grows by equal steps: positions times frequencies."""
    if value.ndim < 2 or value.shape[-2] < 4:
        return False
    steps = np.diff(value.reshape(-1, *value.shape[-2:])[0].astype(np.float64), axis=0)
    return bool(np.abs(steps).max() > 0 and np.allclose(steps, steps[:1], rtol=1e-3, atol=1e-6))


def is_rows_of_one_length(value: Numbers) -> bool:
    """A table of sines and cosines in any order: its rows (beside rows of zeros) have one norm, √(width / 2)."""
    if value.ndim < 2 or value.shape[-1] < 4 or value.shape[-2] < 3 or value.dtype.kind != "f":
        return False
    rows = value.reshape(-1, value.shape[-1])[:64].astype(np.float64)
    squares = (rows * rows).sum(axis=1)
    squares = squares[squares > 0]
    return bool(squares.size > 1) and bool(np.abs(squares - value.shape[-1] / 2).max() < 1e-3 * value.shape[-1])
