"""Which operators an operator view shows: layers that repeat once, moves and constants folded into arrows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from irgen.ir.architecture import Region
from irgen.ir.graph import Graph, Node
from irgen.ir.ops import LEAVES

SILENT = frozenset({"reshape", "transpose", "expand", "cast", "pick", "stop_gradient", "slice"})
"""Operators that only rearrange, drawn as part of the arrow."""

HIDDEN = LEAVES - {"input"}
"""Leaves that are not drawn: what they are stands in the box that reads them."""


@dataclass(slots=True)
class Cluster:
    """A frame around operators; `count` layers are alike."""

    id: str
    label: str
    count: int = 1
    members: list[str] = field(default_factory=list[str])
    children: list[Cluster] = field(default_factory=list["Cluster"])


@dataclass(slots=True)
class Unfolded:
    """The operators to draw, in execution order, with their frames, labels and arrows."""

    nodes: list[str]
    edges: list[tuple[str, str]]
    clusters: list[Cluster]
    label: dict[str, str]
    """Label of the innermost region of each operator."""
    merged: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """Boxes that stand for a whole region, with its label and the number of its operators."""


def shape_of(region: Region, graph: Graph) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """What makes two layers alike: their operators with their sizes, in order."""
    return tuple((node.op, node.shape) for name in region.nodes if (node := graph.nodes.get(name)))


def unfold(graph: Graph, regions: Sequence[Region], most: int) -> Unfolded:
    """Fold repeated layers and, while more than `most` boxes are left, the innermost regions."""
    stands: dict[str, str] = {}
    clusters = [_cluster(region, graph, stands, 0) for region in regions]
    labels = _labels(regions)
    made = Unfolded([], [], [cluster for cluster in clusters if cluster.members or cluster.children], labels)
    for depth in (9, 2, 1, 0):
        merged, sizes = _merge(regions, depth)
        _collect(graph, made, stands, merged)
        made.merged = {box: what for box, what in sizes.items() if box in made.nodes}
        if len(made.nodes) <= most or not depth:
            break
    return made


def _cluster(region: Region, graph: Graph, stands: dict[str, str], depth: int) -> Cluster:
    """The frame of a region; of neighbouring children that are alike only the first is kept."""
    inside = {name for child in region.children for name in child.nodes}
    made = Cluster(region.id, region.label, 1, [name for name in region.nodes if name not in inside])
    keys = [(child.label, shape_of(child, graph)) for child in region.children]
    at = 0
    while at < len(keys):
        period, times = _repetition(keys, at)
        for offset in range(period):
            first = region.children[at + offset]
            cluster = _cluster(first, graph, stands, depth + 1)
            cluster.count = times
            made.children.append(cluster)
            for again in range(1, times):
                stands.update(zip(region.children[at + again * period + offset].nodes, first.nodes, strict=True))
        at += period * times
    return made


def _repetition(keys: Sequence[tuple[str, object]], at: int) -> tuple[int, int]:
    """Period and number of the layers that repeat from here on: (1, 1) where they do not."""
    for period in range(1, 7):
        block = keys[at : at + period]
        if any(label != "layer" for label, _ in block):
            break
        times = 1
        while keys[at + times * period : at + (times + 1) * period] == block:
            times += 1
        if times > 1:
            return period, times
    return 1, 1


def _labels(regions: Sequence[Region]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for region in regions:
        labels.update(dict.fromkeys(region.nodes, region.label))
        labels.update(_labels(region.children))
    return labels


def _merge(regions: Sequence[Region], depth: int, at: int = 0) -> tuple[dict[str, str], dict[str, tuple[str, int]]]:
    """Regions at this depth or below as single boxes, named by their last operator."""
    merged: dict[str, str] = {}
    sizes: dict[str, tuple[str, int]] = {}
    for region in regions:
        if at >= depth and len(region.nodes) > 1:
            box = region.nodes[-1]
            merged.update(dict.fromkeys(region.nodes, box))
            sizes[box] = region.label, len(region.nodes)
        else:
            inner, counts = _merge(region.children, depth, at + 1)
            merged.update(inner)
            sizes.update(counts)
    return merged, sizes


def _collect(graph: Graph, made: Unfolded, stands: Mapping[str, str], merged: Mapping[str, str]) -> None:
    """Shown operators, and for each the shown ones that it reads through what is folded."""
    seen: dict[str, tuple[str, ...]] = {}
    nodes: dict[str, None] = {}
    edges: dict[tuple[str, str], None] = {}
    live: set[str] = set()
    for node in graph:
        if node.op in ("input", "param") or any(name in live for name in node.inputs):
            live.add(node.id)
        sources = dict.fromkeys(source for name in node.inputs if name for source in seen.get(name, ()))
        if node.op in HIDDEN or node.id not in live:
            seen[node.id] = ()
            continue
        if node.op in SILENT and node.id not in merged.values():
            seen[node.id] = tuple(sources)
            continue
        box = stands.get(node.id, node.id)
        box = merged.get(box, box)
        seen[node.id] = (box,)
        if node.id in stands:
            continue
        nodes[box] = None
        edges.update(dict.fromkeys((source, box) for source in sources if source != box))
    order = {name: at for at, name in enumerate(graph.nodes)}
    kept = [edge for edge in edges if edge[0] in nodes and edge[1] in nodes and order[edge[0]] < order[edge[1]]]
    ends = {box for name in graph.outputs for box in seen.get(name, ())} | set(stands.values())
    needed = {merged.get(name, name) for name in ends}
    for source, target in sorted(kept, key=lambda edge: -order[edge[1]]):
        if target in needed:
            needed.add(source)
    made.nodes = sorted(set(nodes) & needed, key=order.__getitem__)
    made.edges = [edge for edge in kept if edge[0] in needed and edge[1] in needed]


def weights(graph: Graph, node: Node) -> list[tuple[int, ...]]:
    """Sizes of the parameters that an operator reads."""
    return [graph[name].shape for name in node.inputs if name and name in graph.nodes and graph[name].op == "param"]
