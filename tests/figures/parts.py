"""A figure as its SVG shows it: boxes, lines, words and groups, read from the file and nothing else."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from irgen.views.layout.metrics import advance

NS = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]
Line = list[tuple[float, float]]


@dataclass
class Words:
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    shown: str
    node: str | None

    @property
    def box(self) -> Box:
        return (self.x0, self.top, self.x1, self.bottom)

    def stretched(self, by: float) -> float:
        return (self.x1 - self.x0) * by


@dataclass
class Edge:
    source: str
    target: str
    points: Line
    classes: set[str]

    def segments(self):
        return list(zip(self.points, self.points[1:], strict=False))


@dataclass
class Figure:
    text: str
    root: ET.Element
    width: float
    height: float
    nodes: dict[str, Box] = field(default_factory=dict)
    round: set[str] = field(default_factory=set)
    groups: dict[str, Box] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    taps: list[tuple[float, float]] = field(default_factory=list)
    cards: list[Box] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def rect(el: ET.Element) -> Box:
    x, y, w, h = (float(el.get(k, "0")) for k in ("x", "y", "width", "height"))
    return (x, y, x + w, y + h)


def polyline(d: str) -> list[Line]:
    """The lines of a path; a curve counts as its control points."""
    lines: list[Line] = []
    x = y = 0.0
    for command, args in re.findall(r"([MLHVQCAZz])([^A-Za-z]*)", d):
        n = [float(v) for v in re.findall(r"-?\d*\.?\d+", args)]
        if command == "M":
            x, y = n[0], n[1]
            lines.append([(x, y)])
        elif command == "L":
            x, y = n[0], n[1]
            lines[-1].append((x, y))
        elif command == "H":
            x = n[-1]
            lines[-1].append((x, y))
        elif command == "V":
            y = n[-1]
            lines[-1].append((x, y))
        elif command == "Q":
            lines[-1].append((n[0], n[1]))
            x, y = n[2], n[3]
            lines[-1].append((x, y))
    return lines


def fonts(style: str) -> dict[str, tuple[float, int]]:
    """Size and weight of each class that sets one."""
    found: dict[str, tuple[float, int]] = {}
    for name, body in re.findall(r"\.ir \.([\w-]+)\{([^}]*)\}", style):
        size = re.search(r"font-size:([\d.]+)px", body)
        weight = re.search(r"font-weight:(\d+)", body)
        if size or weight:
            found[name] = (float(size[1]) if size else 13.0, int(weight[1]) if weight else 400)
    return found


def read(svg: bytes) -> Figure:
    text = svg.decode("utf-8")
    root = ET.fromstring(svg)
    figure = Figure(text, root, float(root.get("width", "0")), float(root.get("height", "0")))
    style = "".join(el.text or "" for el in root.iter(NS + "style"))
    table = fonts(style)
    middle = set(re.findall(r"\.ir \.([\w-]+)\{[^}]*text-anchor:middle", style))
    for el in root:
        name = el.get("data-n")
        if name is not None:
            if name in figure.nodes:
                figure.problems.append(f"two nodes are called {name}")
            figure.nodes[name] = shape(el, figure, name)
            if el.find(NS + "title") is None or not (el.find(NS + "title").text or "").strip():
                figure.problems.append(f"node {name} has no tooltip")
        if el.tag == NS + "path" and el.get("data-e"):
            source, target = el.get("data-e").split(">")
            for line in polyline(el.get("d", "")):
                figure.edges.append(Edge(source, target, corners(line), set(el.get("class", "").split())))
        if el.tag == NS + "rect" and el.get("data-g"):
            figure.groups[el.get("data-g")] = rect(el)
        elif el.tag == NS + "rect" and el.get("data-g") is None and el.get("class") in ("gr", "pn"):
            figure.cards.append(rect(el))
        if el.tag == NS + "path" and (el.get("class") or "").startswith("a"):
            for x, y, r in re.findall(r"M(-?[\d.]+) (-?[\d.]+)a([\d.]+) ", el.get("d", "")):
                figure.taps.append((float(x) + float(r), float(y)))
    for el, node in texts(root):
        figure.words.append(words(el, node, table, middle, figure))
    return figure


def shape(el: ET.Element, figure: Figure, name: str) -> Box:
    circle = el.find(NS + "circle")
    if circle is not None:
        figure.round.add(name)
        x, y, r = (float(circle.get(k)) for k in ("cx", "cy", "r"))
        return (x - r, y - r, x + r, y + r)
    return rect([child for child in el if child.tag == NS + "rect"][-1])


def texts(root: ET.Element):
    for el in root:
        if el.tag == NS + "text":
            yield el, None
        elif el.get("data-n") is not None:
            for child in el.iter(NS + "text"):
                yield child, el.get("data-n")


def words(el: ET.Element, node: str | None, table, middle: set[str], figure: Figure) -> Words:
    classes = (el.get("class") or "").split()
    size, weight = next((table[c] for c in classes if c in table and c not in ("u", "new")), (13.0, 400))
    wide = sum(advance(c, near(weight)) for c in (el.text or "")) * size
    for span in el:
        small = float(span.get("font-size", size))
        if small < size and small < 8:
            figure.problems.append(f"sub- or superscript of {small} px in {''.join(el.itertext())!r}")
        wide += float(span.get("dx", "0")) + sum(advance(c, near(weight)) for c in (span.text or "")) * small
        wide += sum(advance(c, near(weight)) for c in (span.tail or "")) * size
    x, y = float(el.get("x")), float(el.get("y"))
    anchor = "middle" if set(classes) & middle else "end" if "z" in classes else "start"
    x0 = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
    return Words(x0, x0 + wide, y - 0.74 * size, y + 0.22 * size, size, "".join(el.itertext()), node)


def near(weight: int) -> int:
    return 400 if weight < 550 else 600 if weight < 650 else 700


def corners(line: Line) -> Line:
    """Without points in the middle of a straight piece."""
    kept: Line = []
    for point in line:
        if kept and abs(kept[-1][0] - point[0]) + abs(kept[-1][1] - point[1]) < 0.05:
            continue
        if len(kept) > 1 and any(
            abs(kept[-2][k] - kept[-1][k]) < 0.05 and abs(kept[-1][k] - point[k]) < 0.05 for k in (0, 1)
        ):
            kept.pop()
        kept.append(point)
    return kept


def overlap(a: Box, b: Box, pad: float = 0.0) -> bool:
    return a[0] < b[2] + pad and b[0] < a[2] + pad and a[1] < b[3] + pad and b[1] < a[3] + pad


def crosses(p, q, box: Box, pad: float) -> bool:
    x0, x1 = sorted((p[0], q[0]))
    y0, y1 = sorted((p[1], q[1]))
    return x0 < box[2] + pad and x1 > box[0] - pad and y0 < box[3] + pad and y1 > box[1] - pad


def inside(a: Box, b: Box, by: float) -> bool:
    return a[0] >= b[0] + by - 0.1 and a[1] >= b[1] + by - 0.1 and a[2] <= b[2] - by + 0.1 and a[3] <= b[3] - by + 0.1
