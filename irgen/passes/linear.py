"""Linear maps: products with a weight, their biases and the views around them, as `linear(x, weight, bias?)`."""

from __future__ import annotations

from math import prod

from irgen.ir.attrs import integers
from irgen.ir.graph import Graph, Node
from irgen.ir.tensor import TensorType
from irgen.passes.engine import Builder, Pass, Rule, known, to_fixed_point
from irgen.passes.weights import COMPUTED, LIVE, WEIGHT, Weights

_VIEWS = frozenset({"reshape", "transpose", "expand", "cast", "slice"})


def matrix(name: str, b: Builder) -> tuple[str, str] | None:
    """A weight operand [.., K, N] of a product as (node, layout), if it is one matrix for the whole batch."""
    node = b[name]
    while node.op == "expand" and b[node.inputs[0]].shape[-2:] == node.shape[-2:]:
        node = b[node.inputs[0]]
    shape = node.shape
    if not known(node) or len(shape) < 2 or prod(shape[:-2]) != 1:
        return None
    if node.op == "transpose" and integers(node, "perm")[-2:] == (len(shape) - 1, len(shape) - 2):
        return flat(node.inputs[0], (shape[-1], shape[-2]), b), "oi"
    return flat(node.id, shape[-2:], b), "io"


def flat(name: str, shape: tuple[int, ...], b: Builder) -> str:
    """A weight in another shape of the same elements."""
    node = b[name]
    while node.op == "reshape" and node.shape != shape:
        node = b[node.inputs[0]]
    return node.id if node.shape == shape else b.emit("reshape", (node.id,), TensorType(node.dtype, shape))


def swapped(name: str, b: Builder) -> str:
    """The value with its last two axes exchanged."""
    node = b[name]
    axes = list(range(len(node.shape)))
    axes[-2:] = axes[:-3:-1]
    shape = tuple(node.shape[axis] for axis in axes)
    if node.op == "transpose" and integers(node, "perm") == tuple(axes):
        return node.inputs[0]
    return b.emit("transpose", (name,), TensorType(node.dtype, shape), perm=tuple(axes))


def counts(name: str, b: Builder) -> bool:
    """Whether a value is an integer (a position) that has only been moved and cast."""
    node = b[name]
    while node.op in _VIEWS and node.tensor.is_float:
        node = b[node.inputs[0]]
    return not node.tensor.is_float


def _is_state(name: str, b: Builder) -> bool:
    """Whether a vector is a learned state (a parameter with axes for tokens, read elsewhere too), not a bias."""
    while b[name].op in {"reshape", "expand", "transpose"} and b.only_use(name):
        name = b[name].inputs[0]
    return b[name].op in {"param", "expand"} and len(b[name].shape) > 1 and not b.only_use(name)


class _Rules:
    """The rules, with the classes of the nodes at hand."""

    def __init__(self, graph: Graph) -> None:
        self.weights = Weights(graph)

    def cls(self, name: str, b: Builder) -> int:
        return self.weights.of(b.nodes, name)

    def product(self, node: Node, b: Builder) -> str | Node | None:
        """A matrix product with a weight at either side."""
        left, right = node.inputs
        if min(len(b[left].shape), len(b[right].shape)) < 1 or not node.tensor.is_float:
            return None
        if self.cls(right, b) == WEIGHT and not (b[right].shape[-2:-1] == (1,) and counts(left, b)):
            found = matrix(right, b)
            if found is not None:
                return b.instead(node, "linear", (left, found[0]), layout=found[1])
            if len(b[right].shape) == 1 and self.cls(left, b) == LIVE:
                return self._vector(node, left, right, b)
        if self.cls(left, b) == WEIGHT and self.cls(right, b) >= COMPUTED and b[left].shape[-1] > 1:
            return self._from_left(node, left, right, b)
        return None

    def _vector(self, node: Node, x: str, weight: str, b: Builder) -> Node:
        row = b.emit("reshape", (weight,), TensorType(b[weight].dtype, (1, *b[weight].shape)))
        kind = TensorType(node.dtype, (*node.shape, 1))
        return b.instead(node, "reshape", (b.emit("linear", (x, row), kind, layout="oi"),))

    def _from_left(self, node: Node, weight: str, x: str, b: Builder) -> Node | None:
        found = matrix(weight, b)
        if found is None or not known(node, b[x]) or len(b[x].shape) < 2 or len(b[x].shape) != len(node.shape):
            return None
        layout = {"io": "oi", "oi": "io"}[found[1]]
        axes = (*range(len(node.shape) - 2), len(node.shape) - 1, len(node.shape) - 2)
        kind = TensorType(node.dtype, tuple(node.shape[axis] for axis in axes))
        mapped = b.emit("linear", (swapped(x, b), found[0]), kind, layout=layout)
        return b.instead(node, "transpose", (mapped,), perm=axes)

    def outer(self, node: Node, b: Builder) -> Node | None:
        """A product over an axis of one is a product of numbers."""
        left, right = (b[name] for name in node.inputs)
        if min(len(left.shape), len(right.shape)) < 2 or left.shape[-1] != 1:
            return None
        if left.is_float and right.is_float and left.op == "softmax":
            return None  # one key: still probabilities times values
        return b.instead(node, "mul", node.inputs)

    def turned_weight(self, node: Node, b: Builder) -> Node | None:
        """A transposed weight is the weight in the other layout."""
        weight = b[node.inputs[1]]
        if weight.op != "transpose" or integers(weight, "perm") != (1, 0):
            return None
        layout = {"io": "oi", "oi": "io"}[str(node.attrs["layout"])]
        return b.instead(node, "linear", (node.inputs[0], weight.inputs[0], *node.inputs[2:]), layout=layout)

    def bias(self, node: Node, b: Builder) -> Node | None:
        """A weight vector added to a linear map, also behind a view of it."""
        for port in (0, 1):
            value, vector = b[node.inputs[port]], node.inputs[1 - port]
            if value.shape == node.shape and self.cls(vector, b) == WEIGHT and b.only_use(value.id):
                found = self._with_bias(node, value, vector, b)
                if found is not None:
                    return found
        return None

    def _with_bias(self, node: Node, value: Node, vector: str, b: Builder) -> Node | None:
        view = None
        if value.op in {"reshape", "transpose"}:
            view, value = value, b[value.inputs[0]]
        if value.op != "linear" or len(value.inputs) != 2 or not b.only_use(value.id) or not known(value, b[vector]):
            return None
        width = value.shape[-1]
        if _is_state(vector, b) or width != b[vector].tensor.size or not _meets(b[vector].shape, value, view):
            return None
        inputs = (*value.inputs, flat(vector, (width,), b))
        if view is None:
            return b.instead(node, "linear", inputs, **value.attrs)
        return b.instead(node, view.op, (b.emit("linear", inputs, value.type, **value.attrs),), **view.attrs)

    def views_around(self, node: Node, b: Builder) -> Node | None:
        """Reshape, linear, reshape, where both views only merge and split the leading axes: the linear map alone."""
        value = b[node.inputs[0]]
        if value.op != "linear" or not b.only_use(value.id):
            return None
        merged = b[value.inputs[0]]
        if merged.op != "reshape":
            return None
        source = b[merged.inputs[0]]
        if not known(node, source, merged):
            return None
        lead = source.shape[:-1]
        if not source.shape or source.shape[-1] != merged.shape[-1] or node.shape[: len(lead)] != lead:
            return None
        width = value.shape[-1]
        if prod(node.shape[len(lead) :]) != width or len(node.shape) == len(lead):
            return None
        inputs = (source.id, *value.inputs[1:])
        if node.shape == (*lead, width):
            return b.instead(node, "linear", inputs, **value.attrs)
        symbols = (*source.tensor.symbols[:-1], None) if source.tensor.symbols else ()
        kind = TensorType(value.dtype, (*lead, width), symbols)
        return b.instead(node, "reshape", (b.emit("linear", inputs, kind, **value.attrs),))

    @property
    def table(self) -> dict[str, tuple[Rule, ...]]:
        """The rules by operator."""
        return {
            "matmul": (self.product, self.outer),
            "linear": (self.turned_weight,),
            "add": (self.bias,),
            "reshape": (self.views_around,),
        }


def _meets(vector: tuple[int, ...], value: Node, view: Node | None) -> bool:
    """Whether a vector added behind `view` has one element for each column of the linear map."""
    core = vector
    while core[:1] == (1,):
        core = core[1:]
    if view is None:
        return len(core) == 1
    if view.op == "reshape":
        return len(core) < len(view.shape) and view.shape[len(view.shape) - len(core) :] == core
    column = len(value.shape) - 1
    place = integers(view, "perm").index(column) - len(view.shape)
    return len(core) >= -place and core[place] == value.shape[-1]


def run(graph: Graph) -> Graph:
    """Raise every product with a weight."""
    return to_fixed_point(graph, _Rules(graph).table)


PASS = Pass(run, after=("moves", "einsum"))
