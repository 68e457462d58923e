"""A cone restricted to a few of its output channels: the same function, asked where it costs less.

What the wanted elements need is traced back through the operators axis by axis; the restricted cone is a graph of its
own whose leaves are inputs with only the features that are needed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from irgen.ir.attrs import integer, integers, pairs
from irgen.ir.graph import Attr, Graph, Node
from irgen.ir.tensor import TensorType
from irgen.match.analysis import Analysis
from irgen.match.asking import token_and_channel_axes
from irgen.match.memory import Mixing
from irgen.match.narrow_rules import Masks, everything, needs

TOKENS = 16
"""So many of the first tokens are asked for."""
CHANNELS = 4
"""So many output channels are asked for: enough to tell what reaches one of them from what reaches several."""


def narrowed(mixing: Mixing) -> Mixing | None:
    """The cone for its first tokens and output channels, or None where it would not get smaller."""
    analysis = mixing.analysis
    wanted = _wanted(mixing)
    if wanted is None or all(mask.all() for mask in wanted):
        return None
    order = _needed(mixing)
    masks: dict[str, Masks] = {mixing.out: wanted}
    reads: dict[str, list[Masks]] = {}
    for name in reversed(order):
        node = analysis[name]
        found = masks.get(name)
        if found is None or not all(mask.any() for mask in found):
            masks.pop(name, None)
            continue
        if isinstance(node.type, tuple):
            return None
        if name in mixing.axes:
            masks[name] = [m if i == mixing.axes[name] else np.ones_like(m) for i, m in enumerate(found)]
            continue
        sources = [s for s in node.inputs if s]
        if any(isinstance(analysis[s].type, tuple) for s in sources):
            return None
        masks[name], reads[name] = (
            (found, []) if not sources else needs(node, found, [analysis[s].shape for s in sources])
        )
        for source, part in zip(sources, reads[name], strict=True):
            known = masks.get(source)
            masks[source] = part if known is None else [a | b for a, b in zip(known, part, strict=True)]
    return _built(mixing, order, masks, reads)


def _wanted(mixing: Mixing) -> Masks | None:
    """The first tokens; four places of the last axis of channels and one of those in front of it (heads, groups)."""
    shape = mixing.analysis[mixing.out].shape
    wanted = everything(shape)
    rows = mixing.tokens * mixing.batch
    axes = token_and_channel_axes(mixing)
    if axes is not None:
        token, channels = axes
        wanted[token] = np.arange(shape[token]) < TOKENS
        for axis in channels:
            wanted[axis] = np.arange(shape[axis]) < (CHANNELS if axis == channels[-1] else 1)
        return wanted
    if len(shape) == 2 and shape[0] % rows == 0:
        heads = shape[0] // rows
        places = np.arange(shape[0])
        wanted[0] = (places % heads == 0) & (places // heads % mixing.tokens < TOKENS)
        wanted[1] = np.arange(shape[1]) < CHANNELS
        return wanted
    return None


def _needed(mixing: Mixing) -> list[str]:
    """The cone, its leaves and everything else that it reads, in order."""
    analysis = mixing.analysis
    leaves = set(mixing.leaves)
    found, stack = {mixing.out}, [mixing.out]
    while stack:
        name = stack.pop()
        for source in () if name in leaves else analysis.inputs(name):
            if source not in found:
                found.add(source)
                stack.append(source)
    return sorted(found, key=analysis.place.__getitem__)


def _built(mixing: Mixing, order: list[str], masks: dict[str, Masks], reads: dict[str, list[Masks]]) -> Mixing | None:
    graph = Graph()
    for name in (n for n in order if n in masks):
        node = mixing.analysis[name]
        if name in mixing.axes:
            graph.nodes[name] = Node(name, "input", (), _type(node, masks[name]))
            graph.inputs.append(name)
        else:
            pairs_read = zip(_read(node), reads[name], strict=True)
            sources = [_picked(graph, s, masks[s], part) if s in masks else "" for s, part in pairs_read]
            made = _made(node, masks[name], sources, reads[name])
            if made is None:
                return None
            graph.nodes[name] = made
    graph.outputs.append(mixing.out)
    leaves = [leaf for leaf in mixing.leaves if leaf in graph.nodes]
    if any(0 in graph[leaf].shape for leaf in leaves):
        return None
    steps = [kept for step in mixing.steps if (kept := tuple(leaf for leaf in step if leaf in graph.nodes))]
    analysis = Analysis(graph)
    nodes = [n for n in analysis.order if n not in mixing.axes and analysis.is_data(n)]
    places = {leaf: mixing.token_of(leaf) for leaf in leaves}
    axes = {leaf: mixing.axes[leaf] for leaf in leaves}
    tokens = min(mixing.tokens, TOKENS)
    return Mixing(analysis, mixing.out, nodes, leaves, tokens, mixing.batch, axes, steps, places)


def _read(node: Node) -> list[str]:
    return [s for s in node.inputs if s]


def _type(node: Node, masks: Masks) -> TensorType:
    return TensorType(node.dtype, tuple(int(mask.sum()) for mask in masks))


def _picked(graph: Graph, source: str, held: Masks, wanted: Masks) -> str:
    """The source, or what is wanted of it where it holds more."""
    for axis, (have, want) in enumerate(zip(held, wanted, strict=True)):
        if have.sum() == want.sum():
            continue
        places = np.flatnonzero(want[have])
        shape = list(graph[source].shape)
        shape[axis] = len(places)
        if len(places) and places[-1] - places[0] + 1 == len(places):
            kind = TensorType(graph[source].dtype, tuple(shape))
            start, stop = int(places[0]), int(places[-1]) + 1
            name = f"{source}.of{len(graph)}"
            source = graph.add("slice", [source], kind, id=name, axis=axis, start=start, stop=stop, step=1)
            continue
        index = graph.add("const", (), value=places.astype(np.int64), id=f"{source}.at{len(graph)}")
        source = graph.add(
            "gather",
            [source, index],
            TensorType(graph[source].dtype, tuple(shape)),
            id=f"{source}.of{len(graph)}",
            axis=axis,
        )
    return source


def _made(node: Node, masks: Masks, sources: list[str], reads: list[Masks]) -> Node | None:
    """The node on what is left of its axes."""
    kind = _type(node, masks)
    attrs: dict[str, Attr] = dict(node.attrs)
    value, op = node.value, node.op
    if value is not None and value.shape:
        value = value[np.ix_(*masks)]
    if op == "arange" and not masks[0].all():
        return None
    if op == "slice":
        # What is wanted of the source is already what the slice takes.
        falling = integer(node, "step") < 0
        axis = integer(node, "axis")
        count = kind.shape[axis] if kind.shape else 0
        bounds = {"start": count - 1, "stop": -1, "step": -1} if falling else {"start": 0, "stop": count, "step": 1}
        attrs |= bounds
    elif op == "pad":
        sides = pairs(node, "pads")
        if (
            any(s != (0, 0) and not m.all() for s, m in zip(sides, masks, strict=True))
            and attrs.get("mode") != "constant"
        ):
            return None
        attrs["pads"] = tuple(
            (int(m[:low].sum()), int(m[len(m) - high :].sum()) if high else 0)
            for m, (low, high) in zip(masks, sides, strict=True)
        )
    elif op == "write":
        if not sources[1] or not all(mask.any() for mask in reads[1]):
            return replace(node, op="reshape", type=kind, attrs={}, inputs=(sources[0],))
        attrs |= _box(node, masks)
    elif op == "concat":
        axis = integer(node, "axis")
        sources = [s for s, part in zip(sources, reads, strict=True) if s and part[axis].any()]
    inputs = _with_gaps(node, sources) if op != "concat" else tuple(sources)
    return replace(node, type=kind, attrs=attrs, value=value, inputs=inputs)


def _box(node: Node, masks: Masks) -> dict[str, Attr]:
    """Where the box of a write lies among what is left of its axes."""
    starts, stops, steps = (integers(node, key) for key in ("starts", "stops", "steps"))
    low = [int(m[:a].sum()) if step == 1 else a for m, a, step in zip(masks, starts, steps, strict=True)]
    high = [int(m[:b].sum()) if step == 1 else b for m, b, step in zip(masks, stops, steps, strict=True)]
    return {"starts": tuple(low), "stops": tuple(high)}


def _with_gaps(node: Node, sources: list[str]) -> tuple[str, ...]:
    """Sources put at the ports that were not empty."""
    left = iter(sources)
    return tuple(next(left) if s else "" for s in node.inputs)
