"""Small drawings inside boxes: heads and the key-value heads they share."""

from __future__ import annotations

from irgen.views.layout.tree import Drawing


def heads_glyph(heads: int | None, shared: int | None, role: str, room: int = 272) -> Drawing | None:
    """One bar a query head, a bracket and a box for every key-value head that a group of them shares.

    None where the counts are not known, do not divide, or are too many to be seen (more than 64).
    """
    if not heads or not shared or heads % shared or heads * 4 > room + 16:
        return None
    pitch = max(4.0, min(16.0, room / heads))
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


def feature_map(side: float, cells: int, role: str) -> list[tuple[str, str]]:
    """A square feature map with `cells` × `cells` windows."""
    frame = f"M0,0 h{side:.4g} v{side:.4g} h{-side:.4g} z "
    step = side / cells
    lines = "".join(f"M{at * step:.1f},0 v{side:.4g} M0,{at * step:.1f} h{side:.4g} " for at in range(1, cells))
    return [(f"map-{role}", frame + lines)]


def windows(side: float, shifted: bool) -> list[tuple[str, str]]:
    """A feature map of 8 × 8 cells with the borders of its windows, regular or shifted by half a window."""
    step = side / 8
    fine = "".join(f"M{at * step:.1f},0 v{side:.4g} M0,{at * step:.1f} h{side:.4g} " for at in range(1, 8))
    bold = "".join(
        f"M{at * step:.1f},0 v{side:.4g} M0,{at * step:.1f} h{side:.4g} " for at in ((2, 6) if shifted else (4,))
    )
    frame = f"M0,0 h{side:.4g} v{side:.4g} h{-side:.4g} z "
    return [("map-attn", frame), ("hl", fine), ("e-attn", bold)]


def mask_cells(band: int | None, sink: bool, *, full: bool = False) -> Drawing:
    """Which of nine keys each of nine queries sees: the lower triangle, or a band of it; a learned sink beside them."""
    rows: list[str] = []
    for row in range(9):
        start = 0 if band is None else max(0, row - band + 1)
        seen = 9 if full else row + 1 - start
        rows.append(f"M{10 * start},{10 * row} h{10 * seen} v10 h{-10 * seen} z ")
    lines = "".join(f"M{10 * at},0 v90 M0,{10 * at} h90 " for at in range(1, 9))
    marks = [("hf", "M0,0 h90 v90 h-90 z "), ("q", "".join(rows)), ("cg", lines)]
    if sink:
        marks.append(("ek", "".join(f"M95,{10 * row} h10 v10 h-10 z " for row in range(9))))
        marks.append(("cg", "".join(f"M94,{10 * row} h12 " for row in range(1, 9))))
    return Drawing(105.0 if sink else 90.0, 90.0, marks)
