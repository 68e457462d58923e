"""Rotary position embedding in every spelling as `rotary(x, cos, sin)`, found by what it does to pairs of channels."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from irgen.ir.graph import Graph, Node
from irgen.ir.ops import CONTRACTIONS
from irgen.ir.tensor import TensorType
from irgen.match.circle import Circles
from irgen.match.turning import Stretch, Turn, recognise, signs
from irgen.passes.engine import Builder, Pass, sweep

_MIXING = CONTRACTIONS | {"rnn", "scan", "loop", "attention", "fft", "opaque", "cond"}
_SUMS = frozenset({"add", "sub"})
_VIEWS = frozenset({
    "neg", "reshape", "transpose", "slice", "concat", "expand", "view_as_complex", "view_as_real", "complex", "real",
    "imag", "stop_gradient", "roll",
})  # fmt: skip
_ROOTS = frozenset({"add", "sub", "concat", "reshape", "view_as_real", "transpose"})
_LONGEST = 28


class _Search:
    """Stretches that end at a node, in a graph whose values are split into streams and tables."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.place = {name: i for i, name in enumerate(graph.nodes)}
        self.users = graph.users()
        self.outputs = frozenset(graph.outputs)
        self.stream: set[str] = set()
        self.number: dict[str, int] = {}
        known: dict[object, int] = {}
        for node in graph:
            if node.op in _MIXING or any(source in self.stream for source in node.inputs):
                self.stream.add(node.id)
            else:
                self.number[node.id] = known.setdefault(self._expression(node), len(known))

    def _expression(self, node: Node) -> object:
        """Equal for tables that are computed alike."""
        if not node.inputs and (node.op != "const" or node.value is None or node.value.size > 64):
            return node.id if node.op in {"const", "input", "param", "random"} else (node.op, node.type, *_items(node))
        value = node.value.tobytes() if node.value is not None else b""
        return node.op, str(node.type), value, _items(node), tuple(self.number.get(s) for s in node.inputs)

    def _operands(self, node: Node) -> tuple[list[str], list[str]] | None:
        """The inputs that are streams and those that are tables, or None where a stretch cannot pass."""
        if node.op in _VIEWS or node.op in _SUMS:
            return (list(node.inputs), []) if all(source in self.stream for source in node.inputs) else None
        if node.op != "mul":
            return None
        streams = [source for source in node.inputs if source in self.stream]
        tables = [s for s in node.inputs if s not in self.stream and self.graph[s].tensor.size > 1]
        return (streams, tables) if len(streams) == 1 and len(tables) == 1 else None

    def stretches(self, root: Node) -> Iterator[Stretch]:
        """Every stretch that ends in `root` and reads one stream, shortest first."""
        inside: dict[str, None] = {}
        tables: dict[str, None] = {}
        opened: set[str] = set()
        queue: list[tuple[int, str]] = []
        name, operands = root.id, self._operands(root)
        while operands is not None and len(inside) < _LONGEST:
            inside[name] = None
            tables.update(dict.fromkeys(operands[1]))
            for source in operands[0]:
                if source not in opened:
                    opened.add(source)
                    heapq.heappush(queue, (-self.place[source], source))
            if len(queue) == 1 and tables:
                yield self._stretch(queue[0][1], inside, tables)
            name = heapq.heappop(queue)[1]
            free = name not in self.outputs and all(user in inside for user in self.users[name])
            operands = self._operands(self.graph[name]) if free else None

    def _stretch(self, x: str, inside: Mapping[str, None], tables: Mapping[str, None]) -> Stretch:
        nodes = sorted((self.graph[name] for name in inside), key=lambda node: -self.place[node.id])
        groups: dict[object, int] = {}
        of = {
            name: groups.setdefault((self.number[name], self.graph[name].shape), len(groups))
            for name in sorted(tables, key=self.place.__getitem__)
        }
        shapes = {group: self.graph[name].shape for name, group in of.items()}
        turning = any(self.graph[name].dtype.startswith("complex") for name in tables)
        return Stretch(self.graph[x], tuple(nodes), of, tuple(shapes[i] for i in range(len(shapes))), turning)


def _items(node: Node) -> tuple[object, ...]:
    return tuple(sorted(node.attrs.items()))


@dataclass(frozen=True, slots=True)
class _Hit:
    turn: Turn
    x: str
    view: tuple[int, ...]
    first: str
    second: str


def _below(root: Node, graph: Graph) -> Node | None:
    """What a view shows, or None for a root that is no view."""
    node = root
    while node.op in {"reshape", "transpose"}:
        node = graph[node.inputs[0]]
    return None if node is root else node


def find(graph: Graph) -> dict[str, _Hit]:
    """The rotary embeddings of a graph by the node that gives their result."""
    search = _Search(graph)
    verdicts: dict[tuple[object, ...], Turn | None] = {}
    circles = Circles(graph)
    hits: dict[str, _Hit] = {}
    taken: set[str] = set()
    for root in reversed(graph.nodes.values()):
        if root.op not in _ROOTS or root.id in taken or root.id not in search.stream:
            continue
        below = _below(root, graph)
        if below is not None and below.op not in _SUMS | {"concat", "view_as_real"}:
            continue
        for found in search.stretches(root):
            key = found.key
            if key not in verdicts:
                verdicts[key] = recognise(found)
            turn = verdicts[key]
            if turn is None or (below is not None and below.op in _SUMS and turn.form != "matrix"):
                continue
            group = {index: name for name, index in reversed(list(found.tables.items()))}
            hit = _Hit(turn, found.x.id, found.view or (), group[turn.first], group[turn.second])
            proof = circles.hold_matrices if turn.form == "matrix" else circles.holds
            if proof(hit.first, hit.second):
                hits[root.id] = hit
                taken.update(node.id for node in found.nodes)
                break
    return hits


def _complex(hit: _Hit, b: Builder) -> tuple[str, str]:
    real = TensorType("float32", b[hit.first].shape)
    return b.emit("real", (hit.first,), real), b.emit("imag", (hit.first,), real)


def _signed(hit: _Hit, b: Builder) -> tuple[str, str]:
    sine = b[hit.second].tensor
    sign = signs(sine.shape[-1] if sine.shape else 1, hit.turn.interleaved)
    ready = b.constant(sign, TensorType(sine.dtype, sign.shape))
    return hit.first, b.emit("mul", (hit.second, ready), sine)


def _matrix(hit: _Hit, b: Builder) -> tuple[str, str]:
    column = b[hit.first].tensor
    lead = (column.shape or ())[:-1]

    def entry(place: int) -> str:
        kind = TensorType(column.dtype, (*lead, 1))
        cut = b.emit("slice", (hit.first,), kind, axis=len(lead), start=place, stop=place + 1, step=1)
        return b.emit("reshape", (cut,), TensorType(column.dtype, lead))

    return entry(0), entry(1)


_FORMS: dict[str, Callable[[_Hit, Builder], tuple[str, str]]] = {
    "pair": lambda hit, _b: (hit.first, hit.second),
    "complex": _complex,
    "signed": _signed,
    "matrix": _matrix,
}


def _place(hit: _Hit, node: Node, b: Builder) -> Node:
    turn, x = hit.turn, b[hit.x]
    width = hit.view[-1]
    if hit.view != x.shape:
        x = b[b.emit("reshape", (x.id,), TensorType(x.dtype, hit.view))]

    def part(start: int, stop: int) -> str:
        if (start, stop) == (0, width):
            return x.id
        kind = TensorType(x.dtype, (*x.shape[:-1], stop - start))
        return b.emit("slice", (x.id,), kind, axis=len(x.shape) - 1, start=start, stop=stop, step=1)

    turned = part(turn.start, turn.stop)
    cos, sin = _FORMS[turn.form](hit, b)
    if turn.backwards:
        sin = b.emit("neg", (sin,), b[sin].type)

    def table(name: str) -> str:
        kept = b[name].shape[:-1]
        return b.emit("reshape", (name,), TensorType(b[name].dtype, kept)) if turn.squeezed else name

    ports = (turned, table(cos), table(sin))
    if turn.stop == turn.end:
        return b.instead(node, "rotary", ports, interleaved=turn.interleaved)
    kind = TensorType(node.dtype, b[turned].shape)
    parts = (b.emit("rotary", ports, kind, interleaved=turn.interleaved), part(turn.stop, turn.end))
    return b.instead(node, "concat", parts, axis=len(node.shape) - 1)


def run(graph: Graph) -> Graph:
    """Raise every rotary embedding."""
    hits = find(graph)
    if not hits:
        return graph

    def rule(node: Node, b: Builder) -> Node | None:
        hit = hits.pop(node.id, None)
        return None if hit is None else _place(hit, node, b)

    ops = sorted({graph[name].op for name in hits})
    return sweep(graph, dict.fromkeys(ops, (rule,)))


PASS = Pass(run, after=("linear", "writes"))
