"""A graph of an ONNX file, taken in once: its nodes in order with operands and attributes, and its stored tensors.

The file is swept at several sizes, and asking the protobuf library for a field is dear.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onnx import GraphProto, NodeProto, TensorProto

from irgen.errors import SourceError
from irgen.frontends.onnx_call import Value, attribute
from irgen.frontends.onnx_schema import check_arity
from irgen.frontends.onnx_values import check_claim, decoded, dims, element_type, text
from irgen.ir.graph import Array
from irgen.ir.tensor import TensorType


@dataclass(slots=True)
class Step:
    """One node; `attrs` are its own attributes, `refers` names those that are attributes of the function around it."""

    node: NodeProto
    domain: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Value]
    refers: dict[str, str]
    version: int = 0
    """The version of the operator set by which its operands and attributes were found to be as many as they must."""

    def given(self, bound: Mapping[str, Value] | None) -> dict[str, Value]:
        """The attributes, those of the function around it included."""
        if not self.refers:
            return self.attrs
        found = {name: bound[source] for name, source in self.refers.items() if bound and source in bound}
        return self.attrs | found

    def check(self, version: int) -> None:
        """Refuse a node whose operands, results or attributes do not fit its definition."""
        if self.version != version:
            check_arity(self.domain, self.node, version)
            self.version = version


@dataclass(slots=True)
class Stored:
    """A tensor of the file, with its type and value once they are asked for."""

    tensor: TensorProto
    _kind: TensorType | None = None
    _value: Array | None = None

    @property
    def kind(self) -> TensorType:
        """Element type and sizes, checked for sense, and against the bytes that are there."""
        if self._kind is None:
            kind = TensorType(element_type(self.tensor.data_type), dims(self.tensor))
            if kind.is_float and kind.shape:
                check_claim(self.tensor, kind.shape)
            self._kind = kind
        return self._kind

    def value(self, folder: Path | None) -> Array | None:
        """The stored values; `None` where they lie in an external file that is not there."""
        if self._value is None:
            self._value = decoded(self.tensor, folder)
        return self._value


@dataclass(slots=True)
class Outline:
    """A graph's nodes, producers first, and its stored tensors by name."""

    steps: list[Step]
    stored: dict[str, Stored] = field(default_factory=dict[str, Stored])


def outline(graph: GraphProto) -> Outline:
    """Take a graph in; refuses cycles and two stored tensors of one name."""
    stored: dict[str, Stored] = {}
    for tensor in graph.initializer:
        name = tensor.name
        if name in stored:
            raise SourceError(f"initializer {text(name)!r} is there twice", fix="export the model again")
        stored[name] = Stored(tensor)
    return Outline(_ordered(steps_of(graph.node)), stored)


def steps_of(nodes: Iterable[NodeProto]) -> list[Step]:
    """Nodes taken in, in the same order."""
    return [_step(node) for node in nodes]


def _step(node: NodeProto) -> Step:
    attrs: dict[str, Value] = {}
    refers: dict[str, str] = {}
    for proto in node.attribute:
        if proto.ref_attr_name:
            refers[proto.name] = proto.ref_attr_name
            continue
        value = attribute(proto)
        if value is not None:
            attrs[proto.name] = value
    domain = node.domain
    return Step(
        node, "" if domain == "ai.onnx" else domain, node.op_type, tuple(node.input), tuple(node.output), attrs, refers
    )


def describe(node: NodeProto) -> str:
    """A node as messages name it."""
    name = text(node.name) or (text(node.output[0]) if node.output else "")
    return f"{text(node.op_type)} {name!r}" if name else text(node.op_type)


def _ordered(steps: list[Step]) -> list[Step]:
    """The nodes in an order in which producers come first; refuses cycles."""
    place = {name: i for i, step in enumerate(steps) for name in step.outputs if name}
    for i, step in enumerate(steps):
        for name in _needs(step):
            if place.get(name, -1) >= i:
                return _sorted(steps, place)
    return steps


def _needs(step: Step) -> Sequence[str]:
    """Names that a node reads, those that its bodies read included."""
    bodies = [value for value in step.attrs.values() if isinstance(value, GraphProto)]
    if not bodies:
        return step.inputs
    return [*step.inputs, *(name for body in bodies for name in _read_by(body))]


def _read_by(body: GraphProto) -> list[str]:
    """Names that a body reads from the graph around it."""
    inner = steps_of(body.node)
    own = {name for step in inner for name in step.outputs} | {value.name for value in body.input}
    read = [name for step in inner for name in _needs(step)] + [value.name for value in body.output]
    return [name for name in read if name not in own]


def _sorted(steps: list[Step], producer: Mapping[str, int]) -> list[Step]:
    readers: dict[int, list[int]] = {}
    waiting: list[int] = []
    for i, step in enumerate(steps):
        sources = {producer[name] for name in _needs(step) if name in producer}
        waiting.append(len(sources))
        for source in sources:
            readers.setdefault(source, []).append(i)
    ready = deque(i for i, count in enumerate(waiting) if count == 0)
    order: list[Step] = []
    while ready:
        i = ready.popleft()
        order.append(steps[i])
        for reader in readers.get(i, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    if len(order) < len(steps):
        stuck = next(step.node for step, count in zip(steps, waiting, strict=True) if count)
        raise SourceError("the graph has a cycle", at=describe(stuck), fix="export the model again")
    return order
