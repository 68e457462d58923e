"""From placed pieces to the nodes, groups and edges of a scene."""

from __future__ import annotations

from irgen.scene import Badge, Edge, Group, Mark, Node, Point, Scene, Text, plain
from irgen.views.layout.metrics import width
from irgen.views.layout.route import Router
from irgen.views.layout.tree import LINE, Chain, Frame, Leaf, Piece

LOOP = 44.0


def put(scene: Scene, piece: Piece, x: float, bottom: float, *, depth: int = 0, parent: str | None = None) -> None:
    """Place a measured piece with its axis at `x` and its lower edge at `bottom`, and add it to the scene."""
    piece.place(x, -bottom)
    router = Router()
    router.walk(piece, [])
    _add(scene, piece, depth, parent)
    for edge in router.edges:
        edge.points = [(c, -m) for c, m in edge.points]
        scene.edges.append(edge)


def _add(scene: Scene, piece: Piece, depth: int, parent: str | None) -> None:
    if isinstance(piece, Leaf):
        scene.nodes.append(node(piece, parent))
        if piece.loop:
            _loop(scene, piece)
    elif isinstance(piece, Frame):
        scene.groups.append(group(piece, depth, parent))
        if piece.label:
            x, y = piece.c - piece.left, -(piece.m + piece.high)
            scene.texts.append(Text(x + 12, y + 20, piece.label, "g"))
        _add(scene, piece.child, depth + 1, piece.id)
    else:
        if isinstance(piece, Chain):
            _labels(scene, piece)
        for item in piece.items:
            _add(scene, item, depth, parent)


def _labels(scene: Scene, chain: Chain) -> None:
    for at, text in chain.labels.items():
        floor = -(chain.items[at - 1].m + chain.items[at - 1].high)
        roof = -chain.items[at].m
        scene.texts.append(Text(chain.c + 8, (floor + roof) / 2 + 4, text, "l"))


def group(frame: Frame, depth: int, parent: str | None) -> Group:
    """The frame as a group of the scene."""
    x, y = frame.c - frame.left, -(frame.m + frame.high)
    wide = frame.left + frame.side
    badge = Badge(x + wide - 2 - frame.pill / 2, y, frame.pill, frame.badge) if frame.badge else None
    return Group(frame.id, x, y, wide, frame.high, frame.label, depth, frame.cards, badge, parent)


def node(leaf: Leaf, parent: str | None) -> Node:
    """The box with its texts and glyph at their places."""
    x, y = leaf.c - leaf.left, -(leaf.m + leaf.high)
    made = Node(
        leaf.id, leaf.role, leaf.shape, x, y, leaf.span, leaf.high,
        plain(first(leaf.title)), plain(first(leaf.caption)),
        plain(leaf.tooltip or " — ".join(first(t) for t in (leaf.title, leaf.caption) if t)),
        sign=leaf.sign, cards=leaf.cards, dashed=leaf.dashed, group=parent,
    )  # fmt: skip
    middle = x + leaf.span / 2
    rows = [(line, "t") for line in leaf.lines] + [(note, "s") for note in leaf.notes]
    spoken = len(rows)
    if spoken == 1 and not leaf.drawing:
        baseline = y + leaf.high / 2 + (4.8 if rows[0][1] == "t" else 4)
    else:
        usual = 46 if leaf.notes else 32
        extra = leaf.high - usual - LINE * (spoken - len(leaf.notes[:1]) - 1)
        baseline = y + (19.8 if leaf.notes else 20.3) + (0.0 if leaf.drawing else max(0.0, extra / 2))
    for at, (text, style) in enumerate(rows):
        if at:
            baseline += 16 if rows[at - 1][1] != style else LINE
        made.texts.append(Text(middle, baseline, text, style, "middle"))
    if leaf.drawing:
        left, top = middle - leaf.drawing.wide / 2, baseline + 10
        made.marks = [Mark(style, shift(d, left, top)) for style, d in leaf.drawing.marks]
    return made


def first(text: str) -> str:
    """The fullest of the alternatives of a text."""
    return text.partition("\n")[0]


def _loop(scene: Scene, leaf: Leaf) -> None:
    """The recurrence: out on the left near the top, through a chip with the state, back in near the bottom."""
    x, top, bottom = leaf.c - leaf.left, -(leaf.m + leaf.high), -leaf.m
    out, middle = x - LOOP, (top + bottom) / 2
    scene.edges.append(
        Edge(
            leaf.id,
            leaf.id,
            "recur",
            [(x, top + 12), (out, top + 12), (out, bottom - 12), (x, bottom - 12)],
            role="ssm",
        )
    )
    chip = Node(f"{leaf.id}.h", "ssm", "chip", out - 22, middle - 11, 44, 22, plain(leaf.loop), tooltip="carried state")
    chip.texts.append(Text(out, middle + 4, leaf.loop, "s", "middle"))
    scene.nodes.append(chip)


def shift(d: str, x: float, y: float) -> str:
    """Path data whose absolute commands M, H, V and L are moved by (x, y); relative ones stay."""
    out: list[str] = []
    for word in d.split():
        if word[0] == "M" or word[0] == "L":
            px, _, py = word[1:].partition(",")
            out.append(f"{word[0]}{number(float(px) + x)} {number(float(py) + y)}")
        else:
            out.append(word)
    return "".join(out)


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def wedge(scene: Scene, source: Leaf, panel: Frame) -> None:
    """Two dashed lines and a tinted area from a box to the panel that opens it, standing on its right."""
    x = source.c + source.right
    top, bottom = -(source.m + source.high) + 8, -source.m - 8
    left = panel.c - panel.left
    roof, floor = -(panel.m + panel.high) + 10, -panel.m - 10
    corners: list[Point] = [(x, top), (left, roof), (left, floor), (x, bottom)]
    scene.wedges.append(corners)


def caption_width(leaf: Leaf) -> float:
    """Widest text of a box."""
    return max([width(t, "t") for t in leaf.lines] + [width(t, "s") for t in leaf.notes], default=0.0)


def extent(piece: Piece) -> float:
    """Full width of a measured piece."""
    return piece.outer + piece.right
