"""Activations, norms, softmax: cones with one live input, named by what they compute, not by how they are spelt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from irgen.ir.evaluate import Unevaluable
from irgen.ir.graph import Attr, Graph, Node
from irgen.ir.tensor import TensorType
from irgen.match import functions, normed
from irgen.match.cone import COMPOUND, POINTWISE, Cone, Grower
from irgen.passes.constants import number, scalar
from irgen.passes.engine import Builder, Pass, known, sweep
from irgen.passes.linear import flat
from irgen.passes.weights import FIXED, WEIGHT, Weights

AFFINE = frozenset({"add", "sub", "mul", "neg", "expand", "cast", "div"})
"""Operators that alone never make a function worth a name."""
LONE = frozenset({"clip", "maximum", "minimum", "leaky_relu", "elu", "where"})
"""Operators that can be another word for a function all by themselves."""

_REPEATABLE = frozenset({"layer_norm", "rms_norm", "l2_norm"})
"""Functions that change nothing the second time."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A cone and the operator that computes the same; `scale` and `shift` are node ids or empty."""

    op: str
    attrs: dict[str, Attr]
    x: str
    scale: str = ""
    shift: str = ""
    one_plus: bool = False


Verdict = functions.Named | normed.Normed | None


def judge(cone: Cone) -> Verdict:
    """The operator that a cone computes, or None."""
    if cone.root.shape != cone.x.shape or not cone.x.tensor.is_float or not cone.root.tensor.is_float:
        return None
    if cone.root.dtype.startswith("complex") or cone.x.dtype.startswith("complex"):
        return None
    try:
        return _judge_norm(cone) if cone.reduces else _judge_function(cone)
    except Unevaluable:
        return None


def _judge_function(cone: Cone) -> functions.Named | None:
    if cone.params or all(node.op in AFFINE for node in cone.nodes):
        return None
    if len(cone.nodes) == 1 and cone.root.op not in LONE:
        return None
    found = functions.named(cone.values, _constants(cone))
    same = found is not None and len(cone.nodes) == 1 and found[0] == cone.root.op
    return None if same else found


def _constants(cone: Cone) -> list[float]:
    own = [value for node in cone.nodes for value in node.attrs.values()]
    return [float(value) for value in (*cone.numbers.values(), *own) if isinstance(value, int | float)]


def _judge_norm(cone: Cone) -> normed.Normed | None:
    axes, shape = cone.axes(), cone.x.shape
    if (
        axes is None
        or not known(cone.x, *cone.params)
        or len(cone.params) > 2
        or (len(cone.nodes) == 1 and cone.root.op in COMPOUND)
    ):
        return None
    if prod(shape[axis] for axis in axes) < 2 or any(not _spans(p.shape, shape, axes) for p in cone.params):
        return None
    cut = tuple(n if axis in axes else min(n, 2) for axis, n in enumerate(shape))
    constants = _constants(cone)
    epsilons = [c for c in dict.fromkeys(functions.tidy(abs(value)) for value in constants) if 0 < c < 1e-2]
    found = normed.draws(cone.values, cut, [p.shape for p in cone.params], constants)
    return normed.named(found, axes, epsilons)


def _spans(param: tuple[int, ...], shape: tuple[int, ...], axes: Sequence[int]) -> bool:
    """Whether a parameter has one element for each place along the reduced axes and no others."""
    if len(param) > len(shape):
        return False
    padded = (1,) * (len(shape) - len(param)) + param
    return padded == tuple(n if axis in axes else 1 for axis, n in enumerate(shape))


def find(graph: Graph) -> dict[str, Hit]:
    """The named cones of a graph by their root, from the last to the first; the largest counts, and none overlap."""
    weights = Weights(graph)
    numbers: dict[str, float] = {}
    vectors: set[str] = set()
    for node in graph:
        if isinstance(node.type, tuple):
            continue
        cls = weights.of(graph.nodes, node.id)
        value = number(graph.nodes, node.id) if cls == FIXED else None
        if value is not None:
            numbers[node.id] = float(value)
        elif cls in (FIXED, WEIGHT) and node.tensor.is_float and sum(n > 1 for n in node.shape) <= 1:
            vectors.add(node.id)
    grower = Grower(graph.nodes, graph.outputs, numbers, frozenset(vectors))
    verdicts: dict[tuple[object, ...], Verdict] = {}
    taken: set[str] = set()
    hits: dict[str, Hit] = {}
    for root in reversed(graph.nodes.values()):
        if root.id in taken or root.op not in POINTWISE or not root.tensor.is_float or root.id in numbers:
            continue
        best: tuple[Cone, functions.Named | normed.Normed] | None = None
        for cone in reversed(list(grower.cones(root.id))):
            key = cone.key
            if key not in verdicts:
                verdicts[key] = judge(cone)
            verdict = verdicts[key]
            if verdict is not None and (best is None or _again(verdict, best[1])):
                best = cone, verdict
            if best is not None and _name(best[1]) not in _REPEATABLE:
                break
        if best is not None:
            hits[root.id] = _hit(*best)
            taken.update(node.id for node in best[0].nodes)
    return hits


def _name(verdict: functions.Named | normed.Normed) -> str:
    return verdict[0] if isinstance(verdict, tuple) else verdict.op


def _again(smaller: functions.Named | normed.Normed, larger: functions.Named | normed.Normed) -> bool:
    """Whether a smaller cone has the same name: a norm of a norm is two norms, though it computes one."""
    return _name(smaller) == _name(larger)


def _hit(cone: Cone, verdict: functions.Named | normed.Normed) -> Hit:
    if isinstance(verdict, tuple):
        return Hit(verdict[0], verdict[1], cone.x.id)
    scale = "" if verdict.scale is None else cone.params[verdict.scale].id
    shift = "" if verdict.shift is None else cone.params[verdict.shift].id
    return Hit(verdict.op, verdict.attrs, cone.x.id, scale, shift, verdict.one_plus)


def _place(hit: Hit, node: Node, b: Builder) -> Node:
    rank, axes = len(node.shape), hit.attrs.get("axes")

    def vector(name: str) -> str:
        last = axes == (rank - 1,) and name
        return flat(name, node.shape[-1:], b) if last else name

    scale, shift = vector(hit.scale), vector(hit.shift)
    if hit.one_plus:
        one = scalar(b, 1.0, b[scale].dtype)
        scale = b.emit("add", (scale, one), TensorType(b[scale].dtype, b[scale].shape))
    ports = [hit.x, scale, shift]
    while not ports[-1]:
        ports.pop()
    return b.instead(node, hit.op, ports, **hit.attrs)


def run(graph: Graph) -> Graph:
    """Raise every cone that computes a named function."""
    hits = find(graph)
    if not hits:
        return graph

    def rule(node: Node, b: Builder) -> Node | None:
        hit = hits.get(node.id)
        return None if hit is None or node.op == hit.op else _place(hit, node, b)

    ops = {graph[name].op for name in hits}
    return sweep(graph, dict.fromkeys(sorted(ops), (rule,)))


PASS = Pass(run, after=("linear",))
