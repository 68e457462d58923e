"""Small drawings inside boxes: heads and the key-value heads they share."""

from __future__ import annotations

from irgen.views.layout.tree import Drawing


def heads_glyph(heads: int | None, shared: int | None, role: str) -> Drawing | None:
    """One bar a query head, a bracket and a box for every key-value head that a group of them shares.

    None where the counts are not known, do not divide, or are too many to be seen (more than 64).
    """
    if not heads or not shared or heads % shared or heads > 64:
        return None
    pitch = max(4.0, min(16.0, 272 / heads))
    bar = 14.0 if pitch == 16 else round(pitch - (1.4 if pitch < 6 else 2.0), 1)
    each = heads // shared
    q = "".join(_bar(at * pitch, bar) for at in range(heads))
    brackets: list[str] = []
    boxes: list[str] = []
    span = each * pitch - (pitch - bar)
    for group in range(shared):
        x = group * each * pitch
        middle = x + span / 2
        if each > 1 or pitch >= 10:
            inner = max(span - 2, 1)
            brackets.append(f"M{x + 1:.1f},11 v3 h{inner:.4g} v-3 M{middle:.1f},14 v4 ")
        box = min(max(span - 2, 3), 40)
        boxes.append(f"M{middle - box / 2:.1f},18 h{box:.4g} v9 h{-box:.4g} z ")
    names = ("q", "qk", "attn") if role == "attn" else ("a-cross", "ck", "cross")
    marks = [(names[0], q), (names[1], "".join(brackets)), (names[2], "".join(boxes))]
    return Drawing(heads * pitch - (pitch - bar), 27.0, [(style, d) for style, d in marks if d])


def _bar(x: float, wide: float) -> str:
    return f"M{x:.1f},0 h{wide:.4g} v8 h{-wide:.4g} z "
