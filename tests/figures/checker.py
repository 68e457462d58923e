"""Reads a figure's SVG, and nothing else, and says what is wrong with it (design: figure.md, section 8)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from itertools import combinations

from irgen.views.layout.metrics import SLACK, advance

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


# ---- the checks: each yields what is wrong -------------------------------------------------------------------------


def clear_nodes(f: Figure):
    for (a, one), (b, two) in combinations(f.nodes.items(), 2):
        if overlap(one, two, 3.9) and {a, b} != {a, a + ".h"}:
            yield f"nodes {a} and {b} are closer than 4"
        elif overlap(one, two):
            yield f"nodes {a} and {b} overlap"


def edges_keep_off_nodes(f: Figure):
    for e in f.edges:
        for name, box in f.nodes.items():
            if name in (e.source, e.target) or name == f"{e.source}.h":
                continue
            if any(crosses(p, q, box, 2) for p, q in e.segments()):
                yield f"edge {e.source}>{e.target} runs through {name}"


def edges_orthogonal(f: Figure):
    for e in f.edges:
        for (x0, y0), (x1, y1) in e.segments():
            if abs(x0 - x1) > 0.1 and abs(y0 - y1) > 0.1:
                yield f"edge {e.source}>{e.target} is slanted"


def edges_outside_ends(f: Figure):
    for e in f.edges:
        for name in {e.source, e.target} & set(f.nodes):
            box = f.nodes[name]
            small = (box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1)
            if any(crosses(p, q, small, 0) for p, q in e.segments()):
                yield f"edge {e.source}>{e.target} runs inside {name}"


def distance(point, box: Box) -> float:
    x, y = point
    dx = max(box[0] - x, 0, x - box[2])
    dy = max(box[1] - y, 0, y - box[3])
    return max(dx, dy)


def edges_attached(f: Figure):
    for e in f.edges:
        for name, point, what in ((e.source, e.points[0], "starts"), (e.target, e.points[-1], "ends")):
            box = f.nodes.get(name) or f.groups.get(name)
            if box is None:
                yield f"edge {e.source}>{e.target} names {name}, which is not there"
            elif distance(point, box) > 6 and not (
                what == "starts" and any(abs(point[0] - x) + abs(point[1] - y) < 1 for x, y in f.taps)
            ):
                yield f"edge {e.source}>{e.target} {what} in the air"


def edges_do_not_cross(f: Figure):
    found = []
    for a, b in combinations(f.edges, 2):
        if a.source == b.source or a.target == b.target:
            continue
        for p, q in a.segments():
            for r, s in b.segments():
                if strictly(p, q, r, s):
                    found.append((a, b))
    loud = [pair for pair in found if not any(c.startswith("e-") for e in pair for c in e.classes)]
    allowed = 2 if any(c.startswith("e-") for e in f.edges for c in e.classes) else 0
    for a, b in loud or (found if len(found) > allowed else []):
        yield f"edges {a.source}>{a.target} and {b.source}>{b.target} cross"


def strictly(p, q, r, s) -> bool:
    flat, tall = ((p, q), (r, s)) if abs(p[1] - q[1]) < 0.1 else ((r, s), (p, q))
    if abs(flat[0][1] - flat[1][1]) > 0.1 or abs(tall[0][0] - tall[1][0]) > 0.1 or abs(tall[0][1] - tall[1][1]) < 0.1:
        return False
    x0, x1 = sorted((flat[0][0], flat[1][0]))
    y0, y1 = sorted((tall[0][1], tall[1][1]))
    return x0 + 0.5 < tall[0][0] < x1 - 0.5 and y0 + 0.5 < flat[0][1] < y1 - 0.5


def text_in_node(f: Figure):
    for w in f.words:
        if w.node is None:
            continue
        box = f.nodes[w.node]
        if w.x0 < box[0] + 5 or w.x1 > box[2] - 5 or w.top < box[1] or w.bottom > box[3]:
            yield f"text {w.shown!r} leaves {w.node}"
        if w.stretched(SLACK) > box[2] - box[0]:
            yield f"text {w.shown!r} leaves {w.node} in a wide font"


def text_clear(f: Figure):
    for a, b in combinations(f.words, 2):
        if overlap(a.box, b.box, -0.5):
            yield f"texts {a.shown!r} and {b.shown!r} overlap"
    for w in f.words:
        if w.node is None:
            for name, box in f.nodes.items():
                if overlap(w.box, box):
                    yield f"text {w.shown!r} lies on {name}"
        for e in f.edges:
            if w.node in (e.source, e.target) and w.node is not None:
                continue
            if any(crosses(p, q, w.box, 0) for p, q in e.segments()) and not on_chip(f, w):
                yield f"edge {e.source}>{e.target} runs through {w.shown!r}"


def on_chip(f: Figure, w: Words) -> bool:
    """A label on an edge has its own ground; the text of a state chip too."""
    if w.node is not None:
        return w.node.endswith(".h")
    return any(
        el.tag == NS + "rect"
        and el.get("class") == "bg"
        and el.get("width") != f.root.get("width")
        and inside(w.box, rect(el), 0)
        for el in f.root
    )


def text_large(f: Figure):
    for w in f.words:
        if w.size < 11:
            yield f"text {w.shown!r} is {w.size} px"


def on_page(f: Figure):
    if f.width not in (360, 720, 1080):
        yield f"width {f.width}"
    room = (11.9, 11.9, f.width - 11.9, f.height - 11.9)
    things = {
        **{f"node {k}": v for k, v in f.nodes.items()},
        **{f"group {k}": v for k, v in f.groups.items()},
        **{f"card {i}": v for i, v in enumerate(f.cards)},
        **{f"text {w.shown!r}": w.box for w in f.words},
    }
    for name, box in things.items():
        if not inside(box, room, 0):
            yield f"{name} leaves the page"
    for e in f.edges:
        if any(not (12 <= x <= f.width - 12 and 12 <= y <= f.height - 12) for x, y in e.points):
            yield f"edge {e.source}>{e.target} leaves the page"


def groups_hold_nodes(f: Figure):
    for g, frame in f.groups.items():
        for name, box in {**f.nodes, **{k: v for k, v in f.groups.items() if k != g}}.items():
            if overlap(box, frame) and not inside(box, frame, 6) and not inside(frame, box, 6):
                yield f"{name} straddles the border of {g}"


FORBIDDEN = {
    "image",
    "foreignObject",
    "script",
    "marker",
    "filter",
    "linearGradient",
    "use",
    "a",
    "iframe",
    "animate",
    "set",
}


def accessible(f: Figure):
    root = f.root
    if root.get("role") != "img" or not root.get("lang") or "ir" not in (root.get("class") or "").split():
        yield "the root lacks role, lang or class"
    ids = {el.get("id") for el in root.iter() if el.get("id")}
    if set((root.get("aria-labelledby") or "-").split()) != ids:
        yield "aria-labelledby does not name title and desc"
    for tag in ("title", "desc"):
        el = root.find(NS + tag)
        if el is None or not (el.text or "").strip():
            yield f"no {tag}"
    for el in root.iter():
        name = el.tag.removeprefix(NS)
        if name in FORBIDDEN:
            yield f"<{name}> in a figure"
        for key in el.attrib:
            if key == "transform" or key.startswith("on") or "href" in key:
                yield f"{key} on <{name}>"


def small(f: Figure):
    if len(f.text.encode()) > 24 * 1024:
        yield f"{len(f.text.encode())} bytes"


def straight_trunk(f: Figure):
    for e in f.edges:
        a, b = f.nodes.get(e.source), f.nodes.get(e.target)
        if a and b and len(e.points) == 2 and abs(e.points[0][0] - e.points[1][0]) < 0.1 and e.source != e.target:
            centres = [(box[0] + box[2]) / 2 for box in (a, b)]
            if min(abs(e.points[0][0] - c) for c in centres) > 0.5:
                yield f"edge {e.source}>{e.target} is off both centres"


def own_tracks(f: Figure):
    for a, b in combinations(f.edges, 2):
        if a.source == b.source or a.target == b.target:
            continue
        for p, q in a.segments():
            for r, s in b.segments():
                if shared(p, q, r, s):
                    yield f"edges {a.source}>{a.target} and {b.source}>{b.target} share a piece"


def shared(p, q, r, s) -> bool:
    for k in (0, 1):
        o = 1 - k
        if abs(p[k] - q[k]) < 0.1 and abs(r[k] - s[k]) < 0.1 and abs(p[k] - r[k]) < 1:
            low, high = max(min(p[o], q[o]), min(r[o], s[o])), min(max(p[o], q[o]), max(r[o], s[o]))
            if high - low > 1:
                return True
    return False


def labels_in_frames(f: Figure):
    """The text of a frame's header does not leave the frame, even in a wide font."""
    for w in f.words:
        for g, frame in f.groups.items():
            heads = (
                w.node is None and overlap(w.box, frame) and abs(w.x0 - frame[0] - 12) < 1 and w.bottom < frame[1] + 26
            )
            if heads and w.x0 + w.stretched(1.1) > frame[2]:
                yield f"label {w.shown!r} leaves {g}"


CHECKS = [
    clear_nodes,
    edges_keep_off_nodes,
    edges_orthogonal,
    edges_outside_ends,
    edges_attached,
    edges_do_not_cross,
    text_in_node,
    text_clear,
    text_large,
    on_page,
    groups_hold_nodes,
    accessible,
    small,
    straight_trunk,
    own_tracks,
    labels_in_frames,
]


def check(svg: bytes, skip: tuple[str, ...] = ()) -> list[str]:
    """Everything that is wrong with a figure."""
    figure = read(svg)
    found = [f"{p}" for p in figure.problems]
    for one in CHECKS:
        if one.__name__ not in skip:
            found += [f"{one.__name__}: {problem}" for problem in one(figure)]
    return found
