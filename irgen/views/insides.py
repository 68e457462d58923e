"""The inside of a convolutional layer, operator by operator as the graph has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from irgen.ir.architecture import Region
from irgen.ir.graph import Graph, Node
from irgen.ir.ops import LEAVES
from irgen.views.captions import ACTIVATIONS, activation
from irgen.views.layers import joint
from irgen.views.layout.tree import Chain, Leaf, Piece
from irgen.views.numbers import arrow, integers, size, whole
from irgen.views.series import arrange
from irgen.views.words import Words

MOST = 18
"""Boxes up to which a layer is opened."""

CONVOLUTIONS = ("conv", "conv_transposed")

NORMS = {
    "batch_norm": ("BatchNorm", "BN"), "layer_norm": ("LayerNorm", "LN"), "group_norm": ("GroupNorm", "GN"),
    "rms_norm": ("RMSNorm", ""), "instance_norm": ("InstanceNorm", "IN"),
}  # fmt: skip
"""Norms by operator: in a box of their own, and as a word in the box before."""

POOLS = {
    "max_pool": "Max pool", "avg_pool": "Average pool", "adaptive_pool": "Average pool", "reduce_mean": "Average pool",
    "reduce_max": "Max pool",
}  # fmt: skip

JOINS = {"add": ("+", "Sum"), "mul": ("×", "Elementwise product")}


@dataclass(slots=True)
class _Box:
    """An operator with what is said in its box."""

    role: str
    title: str
    notes: list[str] = field(default_factory=list[str])
    tip: str = ""
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Insides:
    """The layers of all stacks, ready to be opened."""

    regions: Sequence[Region]
    graph: Graph

    def layer(self, stack: str, at: int, prefix: str, words: Words) -> Chain | None:
        """Layer `at` of a stack from `x` to `y`; None where it is too large or not series-parallel."""
        region = next((r for r in self.regions if r.id == stack), None)
        layers = [child for child in region.children if child.label == "layer"] if region else []
        if not 0 <= at < len(layers):
            return None
        opened = _Opened(self.graph, set(layers[at].nodes), words)
        return opened.chain(prefix)


@dataclass(slots=True)
class _Opened:
    graph: Graph
    inside: set[str]
    words: Words
    boxes: dict[str, _Box] = field(default_factory=dict[str, _Box])
    reads: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def chain(self, prefix: str) -> Chain | None:
        """The boxes between the ports, None where the layer reads more than one stream or gives more than one."""
        origin: dict[str, str | None] = {}
        entries: set[str] = set()
        for name in (n for n in self.graph.nodes if n in self.inside):
            node = self.graph[name]
            sources: list[str] = []
            for read in node.inputs:
                if read in origin:
                    source = origin[read]
                elif read in self.inside or self.graph[read].op in LEAVES - {"input"}:
                    source = None
                elif self._varies(read):
                    source = "x"
                    entries.add(read)
                else:
                    source = None
                if source and source not in sources:
                    sources.append(source)
            origin[name] = self._box(name, node, sources)
        given = {r for n, node in self.graph.nodes.items() if n not in self.inside for r in node.inputs}
        made = {origin[n] for n in (given | set(self.graph.outputs)) & self.inside if origin.get(n)}
        if len(entries) != 1 or len(made) != 1 or not 1 < len(self.boxes) <= MOST:
            return None
        end = made.pop()
        names = ["x", *self.boxes, "y"]
        reads: Mapping[str, list[str]] = {"x": [], **self.reads, "y": [end] if end else []}
        piece = arrange(names, reads, lambda name: self._leaf(prefix, name))
        return piece if isinstance(piece, Chain) else None

    def _varies(self, name: str) -> bool:
        """Whether a node outside is data, not a weight seen through moves."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            at = pending.pop()
            node = self.graph[at]
            if node.op == "input":
                return True
            if at not in seen:
                seen.add(at)
                pending.extend(node.inputs)
            if len(seen) > 64:
                return True
        return False

    def _box(self, name: str, node: Node, sources: list[str]) -> str | None:
        """Add the operator as a box, or to what is said in the one before; the box that its result comes from."""
        if not sources:
            return None
        before = self.boxes.get(sources[0]) if len(sources) == 1 else None
        told = _told(node, before)
        if told and before and not self._branches(sources[0]) and self._only(node.inputs[0]):
            before.notes.append(told)
            before.tip += f" · {told}"
            return sources[0]
        box = self._operator(node, sources)
        if box is None:
            return sources[0]
        self.boxes[name], self.reads[name] = box, sources
        return name

    def _branches(self, name: str) -> bool:
        """Whether something else has read the box already."""
        return any(name in sources for sources in self.reads.values())

    def _only(self, name: str) -> bool:
        """Whether one operator of the layer reads a node."""
        return sum(name in self.graph[n].inputs for n in self.inside) == 1

    def _operator(self, node: Node, sources: list[str]) -> _Box | None:
        words = self.words
        if node.op in CONVOLUTIONS:
            return self._convolution(node)
        if node.op == "linear":
            weight = self.graph[node.inputs[1]].shape
            return _Box("ffn", words("Linear"), [arrow(*(reversed(weight) if len(weight) == 2 else ()))])
        if node.op in NORMS:
            return _Box("norm", words(NORMS[node.op][0]))
        if node.op in ACTIVATIONS:
            return _Box("norm", activation(node.op))
        if node.op in POOLS:
            kernel = integers(node.attrs.get("kernel"))
            largest = node.op == "adaptive_pool" and node.attrs.get("mode") == "max"
            return _Box("norm", words("Max pool" if largest else POOLS[node.op]), [size(kernel)] if kernel else [])
        if len(sources) > 1 and node.op in JOINS:
            sign, tip = JOINS[node.op]
            return _Box("op", "", tip=words(tip), sign=sign)
        if len(sources) > 1:
            return _Box("norm", words("Concat") if node.op == "concat" else node.op.replace("_", " "))
        return None

    def _convolution(self, node: Node) -> _Box:
        words = self.words
        weight = self.graph[node.inputs[1]].shape
        groups = integers(node.attrs.get("groups", 1))[0]
        kernel = weight[2:]
        into = self.graph[node.inputs[0]].shape[1]
        out = node.shape[1]
        depthwise = groups == into > 1
        kind = words("Depthwise conv") if depthwise else words("Transposed conv") if node.op != "conv" else "Conv"
        step = max(integers(node.attrs.get("stride")), default=1)
        notes = [whole(out) if depthwise else arrow(into, out)]
        notes += [words("stride {n}", n=step)] if step > 1 else []
        notes += [words("groups {n}", n=groups)] if groups > 1 and not depthwise else []
        title = f"{kind} {size(list(kernel))}" if len(kernel) > 1 else f"{kind} k={kernel[0]}" if kernel else kind
        return _Box("conv", title, notes)

    def _leaf(self, prefix: str, name: str) -> Piece:
        if name in ("x", "y"):
            return Leaf(f"{prefix}.{name}", "io", name, shape="port", least=96)
        box = self.boxes[name]
        number = f"{prefix}.{list(self.boxes).index(name)}"
        if box.sign:
            return joint(number, self.words, box.sign, box.tip)
        full = " · ".join(box.notes)
        short = " · ".join(box.notes[:1] + [n for n in box.notes[1:] if n.isalpha()])
        return Leaf(number, box.role, box.title, "\n".join(dict.fromkeys((full, short, *box.notes[:1]))))


def _told(node: Node, before: _Box | None) -> str:
    """What a norm or activation adds to the box of the convolution or projection before it."""
    if before is None or before.role not in ("conv", "ffn"):
        return ""
    if node.op in NORMS and before.role == "conv":
        return NORMS[node.op][1]
    return activation(node.op) if node.op in ACTIVATIONS else ""
