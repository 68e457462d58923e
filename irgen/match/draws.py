"""What a probe run draws: values for parameters, inputs and stubbed contractions, by seed and structural position."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irgen.ir.attrs import integers
from irgen.ir.evaluate_base import working_dtype
from irgen.ir.graph import Graph, Node
from irgen.ir.ops import ELEMENTWISE, MOVES, REDUCTIONS
from irgen.ir.tensor import TensorType
from irgen.match.order import depth_first

Values = NDArray[Any]

_KEEPS_WEIGHTS = ELEMENTWISE | MOVES | REDUCTIONS | {"l2_norm", "layer_norm", "rms_norm", "softmax"}
_WEIGHTED = frozenset({"linear", "grouped_linear", "conv", "conv_transposed"})
_PRODUCTS = frozenset({"matmul", "einsum"})
_INDEX_PORTS = {"embedding": (1,), "gather": (1,), "gather_elements": (1,), "one_hot": (0,)}
_SAME_IDS = MOVES | {"clip", "add", "sub", "maximum", "minimum", "mod", "floor_div", "stop_gradient", "cast", "where"}
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_FULL_LENGTH = 1 << 20
_FIRST_ID = 3


class Role(Enum):
    """What an integer input is, judged by what reads it."""

    INDEX = "index"  # rows of a table are taken by it
    POSITION = "position"  # a sine or cosine is taken of it
    MASK = "mask"  # it is read as true or false, or as a factor
    LENGTH = "length"  # it is compared with positions
    NUMBER = "number"  # none of these


class Draws:
    """The leaves of probe runs on one graph; the same for every draw, and made once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.order = depth_first(graph)
        self.place = {name: i for i, name in enumerate(self.order)}
        self.live: set[str] = set()
        """Nodes that depend on an input or on chance."""
        self.stubs: set[str] = set()
        """Contractions with learned tensors, and operators without a meaning: drawn at random, not computed."""
        self._scan()

    def _scan(self) -> None:
        weights: set[str] = set()  # learned tensors of two or more axes, and what moves and arithmetic make of them
        learned: set[str] = set()  # whatever depends on a parameter and on no input
        for name in self.order:
            node = self.graph.nodes[name]
            sources = [source for source in node.inputs if source]
            if node.op in {"input", "random"} or any(source in self.live for source in sources):
                self.live.add(name)
            elif node.op == "param" or any(source in learned for source in sources):
                learned.add(name)
                if self._is_weight(node, weights):
                    weights.add(name)
            if self._is_stub(node, weights, learned):
                self.stubs.add(name)

    def _is_weight(self, node: Node, weights: set[str]) -> bool:
        if node.op == "param":
            return len(node.shape) >= 2
        return node.op in _KEEPS_WEIGHTS and any(source in weights for source in node.inputs)

    def _is_stub(self, node: Node, weights: set[str], learned: set[str]) -> bool:
        if node.op in _WEIGHTED:
            return len(node.inputs) > 1 and (node.inputs[1] in learned or node.inputs[0] in weights)
        if node.op in _PRODUCTS:
            return any(source in weights for source in node.inputs)
        if node.op == "rnn":
            return any(source in learned for source in node.inputs[1:])
        return node.op == "opaque" and all(kind.is_float for kind in _kinds(node))

    def generator(self, name: str, draw: int) -> np.random.Generator:
        """The source of chance of one node in one draw."""
        return np.random.default_rng((draw, self.place[name]))

    def stub(self, name: str, draw: int) -> Values | tuple[Values, ...]:
        """Standard normal values of a node's type, one array for each result."""
        chance = self.generator(name, draw)
        node = self.graph.nodes[name]
        values = tuple(_normal(chance, kind) for kind in _kinds(node))
        return values if isinstance(node.type, tuple) else values[0]

    def parameter(self, node: Node, draw: int) -> Values:
        """A learned tensor: between 1/2 and 3/2 if it is a vector, else normal with variance 1 / last size.

        Vectors are factors and shifts, which at 0 or 1 would hide themselves.
        """
        chance = self.generator(node.id, draw)
        if sum(n > 1 for n in node.shape) <= 1:
            return chance.uniform(0.5, 1.5, node.shape)
        return chance.standard_normal(node.shape) / np.sqrt(node.shape[len(node.shape) - 1])

    def random(self, node: Node, draw: int) -> Values:
        """What an operator that draws anew at each run gives in this one."""
        chance = self.generator(node.id, draw)
        if str(node.attrs.get("law")).startswith("uniform"):
            return chance.uniform(0, 1, node.shape).astype(working_dtype(node.dtype))
        return chance.standard_normal(node.shape).astype(working_dtype(node.dtype))

    def rows(self, name: str, table: TensorType, index: Values, axis: int, draw: int) -> Values:
        """Random rows of a table too large to draw: the same index gives the same row."""
        shape = table.shape or ()
        rest = (*shape[:axis], *shape[axis + 1 :])
        wanted, inverse = np.unique(index, return_inverse=True)
        place = self.place[name]
        rows = [
            np.random.default_rng((draw, place, int(i) % max(shape[axis], 1))).standard_normal(rest) for i in wanted
        ]
        stacked: Values = np.stack(rows, axis=axis) / np.sqrt(shape[len(shape) - 1])
        return np.take(stacked, inverse.reshape(index.shape), axis=axis)

    def input(self, node: Node, draw: int) -> Values:
        """What the caller gives: normal values, small distinct ids, or ones where it is a mask."""
        chance = self.generator(node.id, draw)
        kind = node.tensor
        if kind.is_float:
            return _normal(chance, kind)
        dtype = working_dtype(kind.dtype)
        if kind.dtype == "bool":
            return np.ones(node.shape, dtype=dtype)
        role, size = self.role(node.id)
        if role is Role.MASK:
            return np.ones(node.shape, dtype=dtype)
        if role is Role.LENGTH:
            return np.full(node.shape, min(_FULL_LENGTH, np.iinfo(dtype).max), dtype=dtype)
        return _distinct(chance, kind.size, size).reshape(node.shape).astype(dtype)

    def role(self, name: str) -> tuple[Role, int | None]:
        """What an integer input is, and the number of rows of the smallest table it looks up."""
        found: set[Role] = set()
        sizes: list[int] = []
        users = self._users
        seen, stack = {name}, [name]
        while stack:
            source = stack.pop()
            for reader in users.get(source, ()):
                node = self.graph.nodes[reader]
                if self._looked_up(node, source):
                    found.add(Role.INDEX)
                    sizes.extend(self._rows_looked_up(node, source))
                elif (role := self._read_as(node, source)) is not None:
                    found.add(role)
                if reader not in seen and self._only(reader, name) and self._goes_on(node, source):
                    seen.add(reader)
                    stack.append(reader)
        role = next((role for role in Role if role in found), Role.NUMBER)
        return role, min(sizes, default=None)

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        return self.graph.users()

    def _rows_looked_up(self, node: Node, source: str) -> list[int]:
        """How many entries there are to choose from, where that is known."""
        if node.op == "one_hot":
            return [depth] if isinstance(depth := node.attrs.get("depth"), int) else []
        shape = self.graph.nodes[node.inputs[0]].shape
        if node.op == "gather_nd":
            axes = integers(node, "axes")
            return [shape[axis] for axis, port in zip(axes, node.inputs[1:], strict=False) if port == source and shape]
        axis = node.attrs.get("axis", 0)
        return [shape[axis]] if shape and isinstance(axis, int) else []

    def _looked_up(self, node: Node, source: str) -> bool:
        if node.op == "gather_nd":
            return source in node.inputs[1:]
        return any(node.inputs[port] == source for port in _INDEX_PORTS.get(node.op, ()))

    def _read_as(self, node: Node, source: str) -> Role | None:
        if node.op in {"sin", "cos", "polar"}:
            return Role.POSITION
        if node.op == "not" or (node.op == "where" and node.inputs[0] == source):
            return Role.MASK
        if node.op == "cast":
            was_whole = not self.graph.nodes[source].tensor.is_float
            return Role.MASK if was_whole and (node.tensor.is_float or node.dtype == "bool") else None
        if node.op in _COMPARISONS:
            other = next((self.graph.nodes[s] for s in node.inputs if s != source), None)
            if other is not None and other.op == "const" and other.value is not None and other.value.size == 1:
                return Role.MASK if other.value.item() in (0, 1) else None
            return Role.LENGTH if node.op not in {"eq", "ne"} else None
        return None

    def _goes_on(self, node: Node, source: str) -> bool:
        """Whether what this node gives is still the same integers, or (for positions) an angle made of them."""
        if isinstance(node.type, tuple):
            return False
        if self.graph.nodes[source].tensor.is_float:
            return node.op in _SAME_IDS or node.op in {"mul", "div", "matmul", "einsum"}
        return node.op in _SAME_IDS or node.op == "mul"

    def _only(self, reader: str, name: str) -> bool:
        """Whether all that is live in a node's inputs is the one input (or what is made of it, one step deep)."""
        live = [source for source in self.graph.nodes[reader].inputs if source in self.live]
        return len(set(live)) == 1 or name in live


def _kinds(node: Node) -> tuple[TensorType, ...]:
    return node.type if isinstance(node.type, tuple) else (node.type,)


def _normal(chance: np.random.Generator, kind: TensorType) -> Values:
    shape = kind.shape or ()
    if kind.dtype.startswith("complex"):
        return chance.standard_normal(shape) + 1j * chance.standard_normal(shape)
    return chance.standard_normal(shape)


def _distinct(chance: np.random.Generator, count: int, rows: int | None) -> Values:
    """Small ids, distinct where there are enough; ids that often mean padding or a boundary are left out."""
    top = rows if rows is not None else _FIRST_ID + max(2 * count, 16)
    first = _FIRST_ID if top > _FIRST_ID + 1 else 0
    room = min(top - first, max(2 * count, 16))
    if room >= count:
        return first + chance.permutation(room)[:count]
    return first + chance.integers(0, max(room, 1), count)
