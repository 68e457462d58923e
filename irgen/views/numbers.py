"""Numbers as figures write them: separators, significant digits, shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from irgen.scene import literal

SYMBOLS = {"batch": "B", "seq": "T", "target": "T", "batch_size": "B", "sequence": "T", "sequence_length": "T"}


def whole(value: object) -> str:
    """An integer with separators; anything else as text."""
    if isinstance(value, bool) or not isinstance(value, int):
        return literal(str(value), 24)
    return f"{value:,}".replace("-", "−")


def parameters(value: int, lang: str) -> str:
    """A parameter count with three significant digits: `46.7 B`, in Korean `467억`."""
    steps = ((10**12, "조"), (10**8, "억"), (10**4, "만")) if lang == "ko" else (
        (10**12, " T"), (10**9, " B"), (10**6, " M"), (10**3, " K"),
    )  # fmt: skip
    for step, unit in steps:
        if value >= step:
            scaled = value / step
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            shown = f"{scaled:,.{digits}f}"
            if lang == "ko" and "." in shown:
                shown = shown.rstrip("0").rstrip(".")
            return shown + unit
    return f"{value:,}"


def shape(sizes: Sequence[int | str], letters: Mapping[str, str] = SYMBOLS) -> str:
    """A tensor shape: `[B, T, 768]`, of a single value `scalar`; `letters` are short names of dimensions."""
    if not sizes:
        return "scalar"
    return "[" + ", ".join(_named(s, letters) if isinstance(s, str) else whole(s) for s in sizes) + "]"


def _named(size: str, letters: Mapping[str, str]) -> str:
    """A dimension, or a sum of dimensions, by its short names: `seq+197` as `T+197`."""
    words = re.split(r"([A-Za-z_]\w*)", size[:60])
    return literal("".join(letters.get(word, word) for word in words).replace("*", "·").replace("-", "−"), 16)


def arrow(*values: object) -> str:
    """Widths along a path: `768 → 3,072`."""
    return " → ".join(whole(value) for value in values)


def times(*values: object) -> str:
    """A product: `50,257 × 768`."""
    return " × ".join(whole(value) for value in values)


def dots(values: Sequence[object]) -> str:
    """A list: `2 · 2 · 6 · 2`."""
    return " · ".join(whole(value) for value in values)


def integers(value: object) -> list[int]:
    """The integers in a fact that is one, or a list of them."""
    values = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else [value]
    return [one for one in values if isinstance(one, int) and not isinstance(one, bool)]


def size(value: object) -> str:
    """A kernel or window: `3` and `[3, 3]` as `3 × 3`."""
    found = integers(value)
    if isinstance(value, (list, tuple)):
        return times(*found)
    return times(value, value)


def ranges(at: Sequence[int]) -> str:
    """Layer indices: `0–3, 7, 9–11`."""
    runs: list[list[int]] = []
    for index in sorted(at):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
