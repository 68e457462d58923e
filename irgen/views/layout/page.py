"""The page around the drawing: title, facts strip, legend, and the arithmetic of fitting panels beside a tower."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.scene import Key, Scene, Text
from irgen.views.layout.metrics import SLACK, cut, width, wrap
from irgen.views.words import Words

MARGIN = 24.0

LEGEND: dict[str, str] = {
    "embed": "Embedding",
    "attn": "Self-attention",
    "cross": "Cross-attention",
    "ffn": "Feed-forward",
    "moe": "Router / mixture",
    "ssm": "Recurrence",
    "conv": "Convolution",
    "norm": "Norm / projection",
    "head": "Output head",
    "off": "Unrecognised operators",
}


def title_block(scene: Scene, facts: Sequence[tuple[str, str]]) -> float:
    """Write title, subtitle and facts strip; returns where the content may begin."""
    across = scene.width - 2 * MARGIN
    y = 42.0
    for line in wrap(scene.title, "h", across / SLACK, 3):
        scene.texts.append(Text(MARGIN, y, line, "h"))
        y += 24
    y -= 4
    for line in wrap(scene.subtitle, "l", across / 1.09, 3) if scene.subtitle else []:
        scene.texts.append(Text(MARGIN, y, line, "l"))
        y += LINE
    y += 1.5
    if not facts:
        return y + 20
    scene.facts = list(facts)
    scene.rules.append((MARGIN, scene.width - MARGIN, y))
    for row in _rows(facts, 3 if scene.width < 500 else 6):
        cells = _cells(row, across, 3 if scene.width < 500 else 6)
        x = MARGIN
        for (label, value), cell in zip(row, cells, strict=True):
            scene.texts.append(Text(x, y + 18.5, cut(label, "k", (cell - 4) / 1.09), "k"))
            scene.texts.append(Text(x, y + 36.5, cut(value, "v", (cell - 4) / SLACK), "v"))
            x += cell
        y += 46
        if len(facts) > len(row):
            y += 0.0
    scene.rules.append((MARGIN, scene.width - MARGIN, y))
    return y + 23.5


LINE = 16.0


def _rows(facts: Sequence[tuple[str, str]], most: int) -> list[Sequence[tuple[str, str]]]:
    return [facts[at : at + most] for at in range(0, len(facts), most)]


def _cells(row: Sequence[tuple[str, str]], across: float, most: int) -> list[float]:
    """Equal cells unless a value is wider than its cell."""
    need = [max(width(value, "v") * SLACK, width(label, "k") * 1.09) + 8 for label, value in row]
    equal = across / most
    if max(need) <= equal:
        return [equal] * len(row)
    spare = max(across - sum(need), 0.0) / len(row)
    scale = min(1.0, across / sum(need))
    return [one * scale + spare for one in need]


def footnote(scene: Scene, bottom: float, text: str) -> float:
    """A remark under the drawing; returns the new lower edge."""
    across = scene.width - 2 * MARGIN
    y = bottom + 32
    for line in wrap(text, "l", across / 1.1, 2):
        scene.texts.append(Text(MARGIN, y, line, "l"))
        y += LINE
    return y - LINE


def legend(scene: Scene, bottom: float, words: Words, names: dict[str, str] | None = None) -> None:
    """List the roles and line kinds that the figure uses, and close the page below them."""
    names = names or {}
    roles = {node.role for node in scene.nodes if not (node.role == "off" and node.shape == "chip")}
    entries = [(role, words(names.get(role, LEGEND[role]))) for role in LEGEND if role in roles]
    kinds = {edge.kind for edge in scene.edges}
    for kind, label in (("residual", "Residual"), ("cross", "Keys, values"), ("recur", "Recurrence")):
        if kind in kinds:
            entries.append((f"line-{kind}", words(names.get(kind, label))))
    across = scene.width - 2 * MARGIN
    need = [18 + 1.09 * width(label, "l") for _, label in entries]
    y = bottom + 36
    if entries:
        columns = _columns(need, across)
        for at, (sample, label) in enumerate(entries):
            column = at % len(columns)
            if at and not column:
                y += 20
            scene.legend.append(Key(MARGIN + columns[column], y, sample, label))
    scene.height = y + 24 if entries else bottom + 24


def _columns(need: list[float], across: float) -> list[float]:
    """Left edges of the legend's columns: one row if it fits, else the fewest balanced rows."""
    for rows in range(1, len(need) + 1):
        count = -(-len(need) // rows)
        wide = [max(need[column::count]) for column in range(count)]
        room = across - sum(wide)
        if room >= 14 * (count - 1) or count == 1:
            gap = min(room / max(count - 1, 1), 18.0 if rows == 1 else 32.0)
            edges = [0.0]
            for one in wide[:-1]:
                edges.append(edges[-1] + one + gap)
            return edges
    return [0.0]
