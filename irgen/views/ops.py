"""The operator graph, placed by Graphviz: framed by region, repeated layers drawn once."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.errors import OutputError
from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.ir.tensor import TensorType
from irgen.scene import Edge, Group, Node, Scene, Text, literal
from irgen.views.layout.graphviz import Placed, layered, place
from irgen.views.layout.metrics import boxed, cut, room
from irgen.views.layout.page import MARGIN, legend, title_block
from irgen.views.layout.tree import LINE
from irgen.views.numbers import arrow, shape, whole
from irgen.views.overview import slug
from irgen.views.summary import describe, subtitle_of
from irgen.views.unfolding import Cluster, Unfolded, unfold, weights
from irgen.views.words import Words

MOST = 160
"""Boxes above which regions are folded into one box each."""

WIDEST = 220.0

WIDE_PAGE, LONGEST = 1080.0, 6000.0
"""Size of a page above which more is folded."""

LABELS: dict[str, str] = {
    "self-attention": "attn", "cross-attention": "cross", "attention": "attn", "feed-forward": "ffn", "moe": "moe",
    "router": "moe", "expert": "ffn", "selective-scan": "ssm", "linear-recurrence": "ssm", "rnn": "ssm", "norm": "norm",
    "convolution": "conv", "patch-merging": "conv", "embedding": "embed", "head": "head", "unknown": "off",
}  # fmt: skip
"""Colour role of the operators of a region."""

NAMES: dict[str, str] = {
    "moe": "Mixture of experts", "entry": "Input", "rnn": "Recurrence", "rotary": "RoPE",
}  # fmt: skip
"""Words for region labels that are not words themselves."""

OPS: dict[str, str] = {
    "input": "io", "embedding": "embed", "rotary": "embed", "conv": "conv", "conv_transposed": "conv", "topk": "moe",
    "layer_norm": "norm", "rms_norm": "norm", "batch_norm": "norm", "group_norm": "norm", "opaque": "off", "rnn": "ssm",
    "scan": "ssm",
}  # fmt: skip
"""Colour role of operators whatever region they are in."""


def draw(
    architecture: Architecture,
    regions: Sequence[Region] = (),
    graph: Graph | None = None,
    *,
    title: str,
    subtitle: str | None = None,
    lang: str = "en",
    width: int = 720,
    note: str | None = None,
) -> Scene:
    """The operators of a graph, folded by repetition; at least `width` pixels wide. OutputError without a graph."""
    if graph is None:
        raise OutputError("the operator view needs the graph, and there is only its architecture")
    words = Words(lang)
    said = literal(subtitle, 300) if subtitle is not None else subtitle_of(architecture, words)
    said = " · ".join(x for x in (said, literal(note, 300) if note else "") if x)
    shown, boxes, placed = _fitted(graph, regions, words)
    across = max(float(width), placed.width + 2 * MARGIN)
    scene = Scene(
        f"{slug(title)}-ops", literal(title, 120) or words("Operators"), describe(architecture, title, words),
        across, 0.0, subtitle=said, lang=lang, exempt=True,
    )  # fmt: skip
    facts = [(words("Operators"), whole(len(graph))), (words("Nodes"), whole(len(shown.nodes)))]
    top = title_block(scene, facts)
    left = (across - placed.width) / 2
    _frames(scene, shown.clusters, placed, words, left, top, 0, None)
    _show(scene, shown, boxes, placed, left, top)
    legend(scene, top + placed.height, words)
    return scene


Laid = tuple[Unfolded, dict[str, Node], Placed]


def _fitted(graph: Graph, regions: Sequence[Region], words: Words) -> Laid:
    """The operators with as little folded as a wide page holds; the narrowest there is where none fits."""
    best: Laid | None = None
    seen: set[int] = set()
    for most in (MOST, MOST // 2, MOST // 4, 1):
        shown = unfold(graph, regions, most)
        if len(shown.nodes) in seen:
            continue
        seen.add(len(shown.nodes))
        boxes = {name: _box(graph, shown, name, words) for name in shown.nodes}
        placed = _place(shown, boxes)
        if best is None or placed.width < best[2].width:
            best = shown, boxes, placed
        if placed.width + 2 * MARGIN <= WIDE_PAGE and placed.height <= LONGEST:
            return shown, boxes, placed
    assert best is not None
    return best


def _box(graph: Graph, shown: Unfolded, name: str, words: Words) -> Node:
    """The box of an operator: what it is called, and its weight's or its result's shape."""
    node = graph[name]
    said = literal(graph.provenance[name].name, 40) if node.op == "input" and name in graph.provenance else ""
    title = said or (
        literal(str(node.attrs.get("name", "opaque")), 40) if node.op == "opaque" else node.op.replace("_", " ")
    )
    held = weights(graph, node)
    caption = ""
    if node.op == "linear" and held and len(held[0]) == 2:
        sizes = held[0] if node.attrs.get("layout") == "io" else held[0][::-1]
        caption = arrow(*sizes)
    elif isinstance(node.type, tuple) or not node.tensor.shape:
        caption = ""
    else:
        caption = shape(_sizes(node.tensor))
    label = shown.label.get(name, "")
    if name in shown.merged:
        label, count = shown.merged[name]
        title, caption = region_name(label, words), words("{n} operators", n=count)
    role = LABELS.get(label) if name in shown.merged else OPS.get(node.op)
    role = role or LABELS.get(label) or "norm"
    made = Node(name, role, "pill" if role == "io" else "box", 0, 0, 0, 0, title, caption)
    made.tooltip = literal(
        f"{name} {node.op} {caption} {graph.provenance[name].module if name in graph.provenance else ''}", 200
    )
    made.dashed = role == "off"
    lines = [(cut(title, "t", room(WIDEST)), "t")]
    if caption:
        lines.append((cut(caption, "s", room(WIDEST)), "s"))
    made.w = max(boxed(text, style) for text, style in lines)
    made.h = 32.0 if not caption else 46.0
    made.texts = [Text(0, 0, text, style, "middle") for text, style in lines]
    return made


def region_name(label: str, words: Words) -> str:
    """A region's label as a word of the figure."""
    return literal(words(NAMES.get(label, label.capitalize())), 40)


def _sizes(tensor: TensorType) -> list[int | str]:
    """Sizes, by name where they vary with the input."""
    sizes = tensor.shape or ()
    names = tensor.symbols or (None,) * len(sizes)
    return [name or size for size, name in zip(sizes, names, strict=False)]


def _dot(shown: Unfolded, boxes: dict[str, Node], words: Words | None = None) -> str:
    del words
    lines = ["digraph {", "graph [rankdir=BT, ranksep=0.25, nodesep=0.2, splines=spline, nslimit=2, nslimit1=2];"]
    lines.append('node [shape=box, fixedsize=true, label=""]; edge [arrowsize=0.1];')
    for name, box in boxes.items():
        lines.append(f'"{name}" [width={box.w / 72:.3f}, height={box.h / 72:.3f}];')
    for cluster in shown.clusters:
        lines += _subgraph(cluster, boxes)
    for number, (source, target) in enumerate(shown.edges):
        lines.append(f'"{source}" -> "{target}" [id="{number}"];')
    return "\n".join([*lines, "}"])


def _present(cluster: Cluster, boxes: dict[str, Node]) -> bool:
    return any(name in boxes for name in cluster.members) or any(_present(child, boxes) for child in cluster.children)


def _wide(cluster: Cluster, boxes: dict[str, Node]) -> bool:
    """A frame around a single box says nothing."""
    shown = sum(name in boxes for name in cluster.members) + sum(_present(child, boxes) for child in cluster.children)
    return shown > 1 or cluster.count > 1


def _subgraph(cluster: Cluster, boxes: dict[str, Node]) -> list[str]:
    if not _present(cluster, boxes):
        return []
    inner = [f'"{name}";' for name in cluster.members if name in boxes]
    for child in cluster.children:
        inner += _subgraph(child, boxes)
    if not _wide(cluster, boxes):
        return inner
    label = "x" * max(4, len(cluster.label) + (5 if cluster.count > 1 else 0))
    return [
        f'subgraph "cluster_{cluster.id}" {{', f'label="{label}"; fontsize=14; labeljust=l; labelloc=b; margin=14;',
        *inner, "}",
    ]  # fmt: skip


def _place(shown: Unfolded, boxes: dict[str, Node]) -> Placed:
    found = place(_dot(shown, boxes))
    return found or layered({name: (box.w, box.h) for name, box in boxes.items()}, shown.edges)


def _frames(
    scene: Scene, clusters: list[Cluster], placed: Placed, words: Words, left: float, top: float, depth: int,
    parent: str | None,
) -> None:  # fmt: skip
    for cluster in clusters:
        box = placed.clusters.get(f"cluster_{cluster.id}")
        inside = parent
        if box:
            inside = cluster.id
            x0, y0, x1, y1 = box
            label = region_name(cluster.label, words) + (f" × {cluster.count}" if cluster.count > 1 else "")
            scene.groups.append(Group(cluster.id, left + x0, top + y0, x1 - x0, y1 - y0, label, depth, 0, None, parent))
            scene.texts.append(Text(left + x0 + 10, top + y0 + 17, cut(label, "g", max(x1 - x0 - 16, 40)), "g"))
        for name in cluster.members:
            scene.facts.append((f"\x00{name}", inside or ""))
        _frames(scene, cluster.children, placed, words, left, top, depth + bool(box), inside)


def _show(scene: Scene, shown: Unfolded, boxes: dict[str, Node], placed: Placed, left: float, top: float) -> None:
    homes = {key[1:]: value for key, value in scene.facts if key.startswith("\x00")}
    scene.facts = [fact for fact in scene.facts if not fact[0].startswith("\x00")]
    for name, box in boxes.items():
        x, y = placed.nodes[name]
        box.x, box.y, box.group = left + x - box.w / 2, top + y - box.h / 2, homes.get(name) or None
        baseline = box.y + (19.8 if len(box.texts) > 1 else box.h / 2 + 4.8)
        for text in box.texts:
            text.x, text.y = box.x + box.w / 2, baseline
            baseline += LINE + 1
        scene.nodes.append(box)
    for number, (source, target) in enumerate(shown.edges):
        points = [(left + x, top + y) for x, y in placed.curves.get(number, [])]
        if len(points) > 1:
            scene.edges.append(Edge(source, target, "flow", points, curved=True))


VIEW = draw
