"""How wide a text is, and how a long one is wrapped or cut, without a font library."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

from irgen.scene import runs
from irgen.views.layout.inter import ASCII, BEYOND, SYMBOLS

SLACK = 1.18
"""The widest common fallback font (DejaVu Sans Bold) against Inter."""

FONTS: dict[str, tuple[float, int]] = {
    "h": (20, 700), "v": (14, 600), "t": (13, 600), "g": (12, 600), "b": (12, 700), "s": (11, 400), "l": (11, 400),
    "k": (11, 400),
}  # fmt: skip
"""Size in pixels and weight of each text style."""

SMALL = 0.75
"""Size of sub- and superscripts."""

_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7A3))
_SYMBOL = {char: at for at, char in enumerate(SYMBOLS)}


def advance(char: str, weight: int) -> float:
    """Advance of one character in em."""
    code = ord(" " if char == "\xa0" else char)
    if 32 <= code < 127:
        return ASCII[weight][code - 32] / 1000
    if char in _SYMBOL:
        return BEYOND[weight][_SYMBOL[char]] / 1000
    if unicodedata.combining(char):
        return 0.0
    if any(low <= code <= high for low, high in _HANGUL):
        return 0.92
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    return 0.62 if code < 0x250 else 1.0


@lru_cache(maxsize=16384)
def width(text: str, style: str) -> float:
    """Width of one line of marked-up text in pixels."""
    size, weight = FONTS[style]
    total = 0.0
    for run, place in runs(text):
        scale = SMALL if place else 1.0
        total += sum(advance(char, weight) for char in run) * size * scale
    return total


def boxed(text: str, style: str) -> float:
    """Width that a box needs to hold the text in any fallback font, a multiple of 4."""
    wide = width(text, style)
    return math.ceil(max(wide + 28, SLACK * wide + 12) / 4) * 4


def room(box: float) -> float:
    """Widest text that a box of this width may hold."""
    return min(box - 14, (box - 12) / SLACK)


def cut(text: str, style: str, most: float) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    if width(text, style) <= most:
        return text
    pieces = _units(text)
    while pieces and width("".join(pieces).rstrip(" ·") + "…", style) > most:
        pieces.pop()
    return "".join(pieces).rstrip(" ·") + "…"


def choose(text: str, style: str, most: float, lines: int) -> list[str]:
    """The first alternative (line feeds part them) that fits one line, or breaks well; else the last, cut."""
    options = text.split("\n")
    for option in options:
        if width(option, style) <= most:
            return [option]
    for option in options:
        broken = wrap(option, style, most, lines)
        whole = all(part.strip() for part in broken) and not broken[-1].endswith("…")
        if whole and (style != "s" or " · ".join(broken) == option):
            return broken
    return wrap(options[-1], style, most, lines)


def wrap(text: str, style: str, most: float, lines: int) -> list[str]:
    """The text in at most `lines` lines of at most `most` pixels, broken at ` · ` or spaces; the rest is cut."""
    if width(text, style) <= most or lines == 1:
        return [cut(text, style, most)]
    done: list[str] = []
    rest = text
    while rest and len(done) < lines - 1 and width(rest, style) > most:
        head, tail = _break(rest, style, most)
        done.append(head)
        rest = tail
    if rest:
        done.append(cut(rest, style, most))
    return done


def _break(text: str, style: str, most: float) -> tuple[str, str]:
    """Split at the last place where the first part still fits, preferring the separators of a caption."""
    for mark in (" · ", " ", "-", "_"):
        at = len(text)
        while (at := text.rfind(mark, 0, at)) > 0:
            if width(text[:at] + mark.strip(" ·"), style) <= most and "{" not in text[:at].rpartition("}")[2]:
                return text[:at] + mark.strip(" ·"), text[at + len(mark) :]
    units = _units(text)
    fits = 1
    while fits < len(units) and width("".join(units[: fits + 1]), style) <= most:
        fits += 1
    return "".join(units[:fits]), "".join(units[fits:]).lstrip()


def _units(text: str) -> list[str]:
    """The text in pieces that must stay whole: letters with their combining marks, escapes, sub- and superscripts."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        end = at + 1
        if text[at] == "\\":
            end = at + 2
        elif text[at] in "_^" and text[at + 1 : at + 2] == "{" and "}" in text[at:]:
            end = text.index("}", at) + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        pieces.append(text[at:end])
        at = end
    return pieces
