"""The graph as the ONNX reader builds it: every call typed at once, arithmetic on sizes folded at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from onnx import TensorProto

from irgen.errors import SourceError
from irgen.ir.evaluate import Unevaluable, apply
from irgen.ir.graph import Array, Attr, Graph, Node, Provenance, Types
from irgen.ir.ops import BINARY, LEAVES, MOVES, REDUCTIONS, UNARY
from irgen.ir.rules import RULES, Shape
from irgen.ir.tensor import TensorType

UNKNOWN = -(2**40)
"""A size that depends on data, inside arithmetic on sizes: sums and products with it stay far below zero."""

NODE_LIMIT = 2_000_000
PLAIN_LIMIT = 64  # elements of a result of arithmetic on sizes
VALUE_LIMIT = 1 << 22  # elements of a fixed tensor that is evaluated because a size depends on it

_ALWAYS_FIXED = {"const", "arange", "full"}
_GROWING = {"expand": 8, "tile": 8}  # a vector of sizes may be filled; tensors of the inputs' sizes are not folded
_FOLDABLE = (UNARY | BINARY | MOVES | REDUCTIONS | {"gather", "gather_elements", "gather_nd", "scatter_nd"}) - {
    "stop_gradient",
    "pick",
}


class RankUnknown(Exception):  # noqa: N818 - said of the operand
    """An operator was met whose lowering needs the rank of an operand that has none: it becomes opaque."""


class Build:
    """A growing `Graph`.

    Three kinds of node matter to reading. *Plain* ones are small constants that hold sizes and scalars, and what is
    computed from them: they fold. *Fixed* ones depend on no input and no parameter (positions, masks): they stay
    nodes, and are evaluated only where a size depends on them. All others run.
    """

    def __init__(self) -> None:
        self.graph = Graph(frontend="onnx")
        self.origin: Provenance | None = None
        self._plain: dict[str, Array] = {}
        self._fixed: set[str] = {""}
        self._memo: dict[str, Array] = {}
        self._literals: dict[tuple[str, Shape | None, bytes], str] = {}
        self.tensors: dict[str, TensorProto | Callable[[], Array | None]] = {}  # the values behind the parameters
        self.named: dict[str, str] = {}  # the value of the file that a node's value is
        self.sequences: dict[str, list[str]] = {}  # what an ONNX sequence holds, by the node that stands for it

    # --- reading what is there

    def type(self, name: str) -> TensorType:
        """Type of a node."""
        return self.graph.nodes[name].tensor

    def dtype(self, name: str) -> str:
        """Element type of a node."""
        return self.graph.nodes[name].tensor.dtype

    def shape(self, name: str) -> Shape:
        """Sizes of a node; raises `RankUnknown` where there are none."""
        shape = self.graph.nodes[name].tensor.shape
        if shape is None:
            raise RankUnknown
        return shape

    def rank(self, name: str) -> int:
        """Number of dimensions; raises `RankUnknown`."""
        return len(self.shape(name))

    def known(self, name: str) -> Array | None:
        """The value of a node that depends on no input and no parameter, `None` for the others."""
        if name in self._plain:
            return self._plain[name]
        if name not in self._fixed or not name:
            return None
        if name not in self._memo:
            self._evaluate(name)
        return self._memo.get(name)

    def _evaluate(self, name: str) -> None:
        """Evaluate the cone above a fixed node, without recursion (cones may be as deep as the file is long)."""
        nodes, stack = self.graph.nodes, [name]
        while stack:
            node = nodes[stack[-1]]
            waiting = [s for s in node.inputs if s and s not in self._memo]
            if waiting:
                if any(s not in self._fixed for s in waiting):
                    return
                stack.extend(waiting)
                continue
            stack.pop()
            if isinstance(node.type, tuple) or not 0 <= node.tensor.size <= VALUE_LIMIT:
                return
            value = node.value if node.op == "const" else _value(node, [self._memo[s] for s in node.inputs if s])
            if value is None:
                return
            self._memo[node.id] = value

    # --- adding

    def add(self, op: str, inputs: Sequence[str] = (), type: Types | None = None, **attrs: Attr) -> str:
        """Add a call; its type is derived where none is given, and arithmetic on sizes folds to a constant."""
        nodes = self.graph.nodes
        if type is None:
            type = RULES[op]([nodes[x].tensor for x in inputs if x], attrs)
        if op in _FOLDABLE and all(map(self._plain.__contains__, inputs)) and not isinstance(type, tuple):
            folded = self._folded(op, tuple(inputs), type, attrs)
            if folded is not None:
                return folded
        return self._append(op, tuple(inputs), type, attrs)

    def _folded(self, op: str, inputs: tuple[str, ...], type: TensorType, attrs: Mapping[str, Attr]) -> str | None:
        """The constant that arithmetic on sizes gives, unless it has grown too large to be one."""
        if not 0 <= type.size <= _GROWING.get(op, PLAIN_LIMIT):
            return None
        value = _value(Node("", op, inputs, type, attrs), [self._plain[x] for x in inputs])
        return None if value is None else self.const(value.reshape(type.shape or ()), type.dtype, plain=True)

    def node(self, node: Node) -> str:
        """Append a node under a fresh id."""
        return self._append(node.op, node.inputs, node.type, node.attrs, node.value, node.body)

    def _append(
        self, op: str, inputs: tuple[str, ...], type: Types, attrs: Mapping[str, Attr],
        value: Array | None = None, body: Graph | None = None,
    ) -> str:  # fmt: skip
        nodes = self.graph.nodes
        name = f"n{len(nodes)}"
        if len(nodes) >= NODE_LIMIT:
            raise SourceError(f"the file has more than {NODE_LIMIT:,} operator calls", fix="export a smaller model")
        nodes[name] = Node(name, op, inputs, type, attrs, value, body)
        if self.origin is not None:
            self.graph.provenance[name] = self.origin
        if op in _ALWAYS_FIXED or (op not in LEAVES and body is None and all(map(self._fixed.__contains__, inputs))):
            self._fixed.add(name)
        return name

    def learn(self, name: str) -> None:
        """Make a filled tensor a parameter, and forget that what was computed from it is fixed."""
        node = self.graph.nodes[name]
        self.graph.nodes[name] = Node(name, "param", (), node.type)
        self._fixed.discard(name)

    def const(self, value: Array, dtype: str | None = None, *, plain: bool | None = None) -> str:
        """A constant; scalars and short integer vectors take part in the arithmetic on sizes."""
        value = np.asarray(value)
        kind = TensorType(dtype or value.dtype.name, tuple(value.shape))
        if plain is None:
            plain = value.ndim == 0 or (value.ndim == 1 and value.size <= 8 and value.dtype.kind in "iub")
        if plain and value.size == 1 and kind.dtype != "string":
            key = (kind.dtype, kind.shape, value.tobytes())
            if key not in self._literals:
                self._literals[key] = self._const(value, kind, plain)
            return self._literals[key]
        return self._const(value, kind, plain)

    def _const(self, value: Array, kind: TensorType, plain: bool) -> str:
        name = self.node(Node("", "const", (), kind, {}, value))
        if plain:
            self._plain[name] = value
        return name

    def scalar(self, value: float, like: str) -> str:
        """A 0-d constant of the element type of node `like`."""
        dtype = self.dtype(like)
        return self.const(np.asarray(value, numpy_type(dtype)), dtype, plain=True)

    def sizes(self, values: Sequence[int]) -> str:
        """An integer vector that takes part in the arithmetic on sizes."""
        return self.const(np.asarray([n if n >= 0 else UNKNOWN for n in values], np.int64), plain=True)

    # --- moves, which vanish where they move nothing

    def cast(self, x: str, dtype: str) -> str:
        """To another element type."""
        if self.dtype(x) == dtype:
            return x
        return self.add("cast", (x,), TensorType(dtype, self.type(x).shape))

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """The same elements in another shape (-1: unknown size)."""
        shape = tuple(shape)
        node = self.graph.nodes[x]
        if node.op == "reshape" and -1 not in shape:
            x = node.inputs[0]
        if self.type(x).shape == shape:
            return x
        return self.add("reshape", (x,), TensorType(self.dtype(x), shape))

    def expand(self, x: str, shape: Sequence[int]) -> str:
        """Broadcast to a shape."""
        shape = tuple(shape)
        if self.type(x).shape == shape:
            return x
        return self.add("expand", (x,), TensorType(self.dtype(x), shape))

    def transpose(self, x: str, perm: Sequence[int]) -> str:
        """Axes permuted."""
        if list(perm) == list(range(len(perm))):
            return x
        return self.add("transpose", (x,), perm=tuple(perm))

    def slice(self, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        """One axis cut; bounds are already inside the axis."""
        size = self.shape(x)[axis]
        if step == 1 and start == 0 and stop == size >= 0:
            return x
        return self.add("slice", (x,), axis=axis, start=start, stop=stop, step=step)

    def concat(self, xs: Sequence[str], axis: int) -> str:
        """One after another."""
        return xs[0] if len(xs) == 1 else self.add("concat", tuple(xs), axis=axis)

    def squeeze(self, x: str, axis: int) -> str:
        """Without one axis of size 1."""
        shape = self.shape(x)
        return self.reshape(x, shape[:axis] + shape[axis + 1 :])

    def unsqueeze(self, x: str, axis: int) -> str:
        """With a new axis of size 1."""
        shape = self.shape(x)
        return self.reshape(x, (*shape[:axis], 1, *shape[axis:]))

    def reduce(self, op: str, x: str, axes: Sequence[int], *, keepdims: bool = True) -> str:
        """A reduction."""
        return self.add(op, (x,), axes=tuple(axes), keepdims=keepdims)

    def several(self, op: str, inputs: Sequence[str], types: Sequence[TensorType], body: Graph | None = None,
                **attrs: Attr) -> list[str]:  # fmt: skip
        """A call with several results, each read by its `pick`."""
        whole = self.node(Node("", op, tuple(inputs), tuple(types), attrs, None, body))
        return [self.add("pick", (whole,), kind, index=i) for i, kind in enumerate(types)]


def numpy_type(dtype: str) -> np.dtype[np.generic]:
    """The numpy type that holds values of an IR element type (bfloat16 and float8 in float32, int4 in int8)."""
    stand_in = {"bfloat16": "float32", "float8": "float32", "int4": "int8", "uint4": "uint8", "string": "object"}
    return np.dtype(stand_in.get(dtype, dtype))


def _value(node: Node, args: Sequence[Array]) -> Array | None:
    """The value of a call with one result, `None` where numpy has no meaning for it."""
    try:
        value = apply(node, args)
    except Unevaluable:
        return None
    return value if isinstance(value, np.ndarray) else None
