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
    q = _row(0.0, 0.0, pitch, bar, 8.0, heads)
    brackets: list[str] = []
    span = each * pitch - (pitch - bar)
    for group in range(shared):
        x = group * each * pitch
        middle = x + span / 2
        if each > 1 or pitch >= 10:
            inner = max(span - 2, 1)
            brackets.append(f"M{x + 1:.1f},11 v3 h{inner:.4g} v-3 M{middle:.1f},14 v4 ")
    box = min(max(span - 2, 3), 40)
    boxes = _row((span - box) / 2, 18.0, each * pitch, box, 9.0, shared)
    names = ("q", "qk", "attn") if role == "attn" else ("a-cross", "ck", "cross")
    marks = [(names[0], q), (names[1], "".join(brackets)), (names[2], boxes)]
    return Drawing(heads * pitch - (pitch - bar), 27.0, [(style, d) for style, d in marks if d])


def _row(x: float, y: float, pitch: float, wide: float, high: float, count: int) -> str:
    """Equal rectangles in a row, as one path."""
    one = f"h{wide:.4g}v{high:.4g}h{-wide:.4g}z"
    return f"M{x:.1f},{y:.1f} {one}" + f"m{pitch:.4g},0{one}" * (count - 1) + " "


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
    """Which of nine keys each of nine queries sees: all, the lower triangle, or a band of it; and a learned sink."""
    seen = "M0,0 " + "h10v10" * 9
    if full:
        seen = "M0,0 h90v90h-90z "
    elif band is None:
        seen += "h-90z "
    else:
        seen += f"h{-10 * band}" + "v-10h-10" * (9 - band) + "z "
    grid = "M10,0 v90" + "m10-90v90" * 7 + " M0,10 h90" + "m-90,10h90" * 7 + " "
    marks = [("hf", "M0,0 h90v90h-90z "), ("q", seen), ("cg", grid)]
    if sink:
        marks.append(("ek", "M95,0 h10v90h-10z "))
        marks.append(("cg", "M94,10 h12" + "m-12,10h12" * 7 + " "))
    return Drawing(105.0 if sink else 90.0, 90.0, marks)
