"""Says what is wrong with a figure, from its SVG alone (design: figure.md, section 8)."""

from __future__ import annotations

from itertools import combinations

from irgen.views.layout.metrics import SLACK
from tests.figures.parts import NS, Box, Figure, Words, crosses, inside, overlap, read, rect

__all__ = ["check", "read"]

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
