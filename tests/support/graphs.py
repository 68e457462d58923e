"""Random sound graphs for property tests, and what can be done to a graph without changing what it computes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from irgen.ir.graph import Attr, Graph, Node, Provenance
from irgen.ir.ops import COMMUTATIVE
from irgen.ir.rules import result_type
from irgen.ir.tensor import TensorType

WORDS = ("n0", "x", "layer.0.q", "a b", 'quo"te', "_", "return", "é", "line\nbreak", "in{f}", "@at", "-1", "true")
SHAPES = ((), (3,), (2, 3), (2, 1, 3), (2, 4, 3), (1, 3), (4, 6))
UNARY = ("neg", "exp", "tanh", "relu", "gelu", "sigmoid", "abs", "stop_gradient", "sign")
BINARY = ("add", "mul", "sub", "maximum", "minimum")


class Growing:
    """A graph that grows by one random call at a time, driven by a source of chance."""

    def __init__(self, chance: random.Random, words: list[str], depth: int = 0) -> None:
        self.chance, self.words, self.depth = chance, words, depth
        self.graph = Graph()
        self.floats: list[str] = []

    def name(self) -> str:
        """A new id, now and then an odd one."""
        free = [word for word in self.words if word not in self.graph]
        if free and self.chance.random() < 0.2:
            return self.chance.choice(free)
        count = len(self.graph)
        while f"v{count}" in self.graph:
            count += 1
        return f"v{count}"

    def add(self, op: str, inputs: tuple[str, ...] = (), kind: Any = None, value: Any = None, body: Any = None,
            **attrs: Attr) -> str:  # fmt: skip
        """Append a call; its type follows from the inputs unless it is given."""
        if value is not None and not isinstance(value, np.ndarray):
            attrs, value = {**attrs, "value": value}, None  # of `full`
        if kind is None:
            kind = result_type(op, [self.graph[s].type if s else None for s in inputs], attrs)
        if kind is None and value is not None:
            kind = TensorType(value.dtype.name, value.shape)
        name = self.name()
        self.graph.nodes[name] = Node(name, op, inputs, kind, attrs, value, body)
        if op == "input":
            self.graph.inputs.append(name)
        if not isinstance(kind, tuple) and kind.dtype == "float32":
            self.floats.append(name)
        return name

    def pick(self) -> str:
        """Some float tensor that is there."""
        return self.chance.choice(self.floats)

    def shape(self, name: str) -> tuple[int, ...]:
        """Its sizes."""
        return self.graph[name].shape

    def grow(self) -> None:
        """One more call."""
        self.chance.choice(STEPS)(self)


def _unary(g: Growing) -> None:
    g.add(g.chance.choice(UNARY), (g.pick(),))


def _binary(g: Growing) -> None:
    a = g.pick()
    fitting = [b for b in g.floats if _broadcasts(g.shape(a), g.shape(b))]
    g.add(g.chance.choice(BINARY), (a, g.chance.choice(fitting)))


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def _linear(g: Growing) -> None:
    x = g.pick()
    if not g.shape(x):
        return
    width, out = g.shape(x)[-1], g.chance.choice([3, 4])
    weight = g.add("param", (), TensorType("float32", (out, width)))
    bias = (g.add("param", (), TensorType("float32", (out,))),) if g.chance.random() < 0.5 else ()
    g.add("linear", (x, weight, *bias), layout="oi")


def _reshape(g: Growing) -> None:
    x = g.pick()
    size = g.graph[x].tensor.size
    g.add("reshape", (x,), TensorType("float32", g.chance.choice([(size,), (1, size), (size, 1)])))


def _transpose(g: Growing) -> None:
    x = g.pick()
    perm = list(range(len(g.shape(x))))
    g.chance.shuffle(perm)
    g.add("transpose", (x,), perm=tuple(perm))


def _reduce(g: Growing) -> None:
    x = g.pick()
    if g.shape(x):
        g.add(g.chance.choice(["reduce_sum", "reduce_max"]), (x,), axes=(0,), keepdims=g.chance.random() < 0.5)


def _slice(g: Growing) -> None:
    x = g.pick()
    if g.shape(x):
        g.add("slice", (x,), axis=len(g.shape(x)) - 1, start=0, stop=g.shape(x)[-1], step=1)


def _concat(g: Growing) -> None:
    x = g.pick()
    if g.shape(x):
        g.add("concat", (x, x), axis=0)


def _constant(g: Growing) -> None:
    shape = g.chance.choice([(), (3,), (2, 3), (4, 6)])
    dtype = g.chance.choice(["float32", "float32", "int64", "bool", "float64"])
    value = np.random.default_rng(g.chance.randrange(5)).standard_normal(shape).astype(dtype)
    g.add("const", value=value)


def _odd_constant(g: Growing) -> None:
    odd = [
        (None, TensorType("float32", (3,))), (np.array([np.nan, np.inf, -0.0], np.float32), None),
        (np.array(0.1), TensorType("float32", ())), (np.array(["a", "b\n"], dtype=object), TensorType("string", (2,))),
        (np.zeros((0, 3), np.float32), None), (np.array(1 + 2j), None), (np.array(2**63, np.uint64), None),
    ]  # fmt: skip
    value, kind = g.chance.choice(odd)
    g.add("const", (), kind, value)


def _made(g: Growing) -> None:
    g.add("full", (), TensorType("float32", (3,)), value=g.chance.choice([0.5, float("-inf"), 1e30, -3.0]))
    g.add("arange", (), TensorType("int64", (4,)), start=0, step=1)


def _topk(g: Growing) -> None:
    x = g.pick()
    if g.shape(x):
        ranked = g.add("topk", (x,), k=1, axis=len(g.shape(x)) - 1, largest=True)
        g.add("pick", (ranked,), index=0)


def _softmax(g: Growing) -> None:
    x = g.pick()
    if g.shape(x):
        g.add("softmax", (x,), axis=len(g.shape(x)) - 1)


def _optional(g: Growing) -> None:
    x = g.pick()
    if g.shape(x):
        shift = g.add("param", (), TensorType("float32", g.shape(x)[-1:]))
        g.add("layer_norm", (x, "", shift), axes=(len(g.shape(x)) - 1,), eps=1e-5)


def _opaque(g: Growing) -> None:
    kind = TensorType("float32", None) if g.chance.random() < 0.3 else TensorType("float32", (-1, 3), ("a+b", None))
    attrs: dict[str, Attr] = {"name": "what::ever", "extra": (1, ("a",), None, 2.0)}
    name = g.name()
    g.graph.nodes[name] = Node(name, "opaque", (g.pick(),), kind, attrs)


def _body(g: Growing) -> None:
    if g.depth > 1 or not g.shape(x := g.pick()):
        return
    inner = Growing(g.chance, g.words, g.depth + 1)
    kind = TensorType("float32", g.shape(x)[1:])
    state = inner.add("input", (), kind)
    item = inner.add("input", (), kind)
    out = inner.add("add", (state, item))
    inner.graph.outputs = [out, item]
    start = g.add("full", (), kind, value=0.0)
    several = g.add("scan", (start, x), (kind, g.graph[x].tensor), None, inner.graph, states=1, scanned=1, axes=(0,))
    g.add("pick", (several,), index=1)


STEPS = (
    _unary, _unary, _binary, _binary, _binary, _linear, _reshape, _transpose, _reduce, _slice, _concat, _constant,
    _odd_constant, _made, _topk, _softmax, _optional, _opaque, _body,
)  # fmt: skip


@st.composite
def graphs(draw: st.DrawFn, size: int = 15) -> Graph:
    """A sound graph of up to `size` random calls, with odd ids, symbols, names, findings and bodies."""
    chance = draw(st.randoms(use_true_random=False))
    grown = Growing(chance, list(WORDS))
    for _ in range(chance.randint(1, 3)):
        shape = chance.choice(SHAPES)
        symbols = tuple(chance.choice([None, "batch", "2·seq"]) for _ in shape) if chance.random() < 0.5 else ()
        grown.add("input", (), TensorType("float32", shape, symbols))
    for _ in range(chance.randint(0, size)):
        grown.grow()
    graph = grown.graph
    singles = [node.id for node in graph if not isinstance(node.type, tuple)]
    graph.outputs = [chance.choice(singles) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.5:
        graph.output_names = [chance.choice(WORDS) for _ in graph.outputs]
    if chance.random() < 0.5:
        graph.provenance[graph.inputs[0]] = Provenance(chance.choice(WORDS), "m.n", "Cls", "f.py:3", "torch.add")
    graph.findings = [chance.choice(WORDS) for _ in range(chance.randint(0, 2))]
    graph.parameters = chance.choice([None, 0, 10**12])
    graph.frontend = chance.choice(["ir", "torch", 'o"dd'])
    return graph


def same(a: Graph, b: Graph) -> bool:
    """Whether two graphs are equal in everything, also in the values and bodies that `==` leaves out."""
    return (
        a == b
        and list(a.nodes) == list(b.nodes)
        and all(_same_value(m.value, n.value) and _same_body(m.body, n.body) for m, n in zip(a, b, strict=True))
    )


def _same_value(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.tolist() == b.tolist() if a.dtype.kind == "O" else a.tobytes() == b.tobytes()


def _same_body(a: Graph | None, b: Graph | None) -> bool:
    return a is b if a is None or b is None else same(a, b)


def renamed(graph: Graph, ids: Mapping[str, str]) -> Graph:
    """The same graph under other ids and without names."""
    nodes = {
        ids[node.id]: replace(node, id=ids[node.id], inputs=tuple(ids[s] if s else "" for s in node.inputs))
        for node in graph
    }
    return Graph(nodes, [ids[s] for s in graph.inputs], [ids[s] for s in graph.outputs], frontend=graph.frontend)


def shuffled(graph: Graph, chance: random.Random) -> Graph:
    """The same graph in another topological order, with the operands of commutative calls swapped at random."""
    done: dict[str, Node] = {}
    rest = list(graph)
    while rest:
        ready = [node for node in rest if all(s in done for s in node.inputs if s)]
        node = chance.choice(ready)
        rest.remove(node)
        swap = node.op in COMMUTATIVE and chance.random() < 0.5
        done[node.id] = replace(node, inputs=node.inputs[::-1]) if swap else node
    return replace(graph, nodes=done)
