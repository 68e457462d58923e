"""One forward sweep over the nodes of an ONNX graph: names resolved, functions opened, each node lowered in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onnx import FunctionProto, GraphProto, NodeProto, ValueInfoProto, helper

from irgen.errors import GraphError, SourceError
from irgen.frontends.onnx_build import Build, RankUnknown
from irgen.frontends.onnx_call import Call, NotFolded, Value, attribute
from irgen.frontends.onnx_fallback import opaque
from irgen.frontends.onnx_function import body_of
from irgen.frontends.onnx_moves import ElementsDisagree
from irgen.frontends.onnx_origin import origin
from irgen.frontends.onnx_outline import Outline, Step, Stored, describe, outline, steps_of
from irgen.frontends.onnx_table import lowering
from irgen.frontends.onnx_values import text
from irgen.ir.graph import Node, Provenance
from irgen.ir.rules import SizesDisagree
from irgen.ir.tensor import TensorType

DEPTH_LIMIT = 60  # functions and bodies inside one another

_MALFORMED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What arithmetic on a node's own attributes raises when they do not fit its operands."""


class SizesClash(SourceError):  # noqa: N818 - said of the sizes
    """Two sizes that have to be equal are not."""

    def __init__(self, what: str, at: str, sizes: tuple[int, int], *, products: bool = False) -> None:
        super().__init__(what, at=at, fix="the sizes in the file contradict one another: export the model again")
        self.sizes = sizes
        self.products = products


@dataclass
class Source:
    """What all scopes of one file share."""

    folder: Path | None
    opsets: Mapping[str, int]
    functions: Mapping[tuple[str, str], FunctionProto]
    findings: list[str] = field(default_factory=list[str])
    named: bool = True  # whether nodes get their provenance


@dataclass
class Sweep:
    """One scope: the names visible in it, and the graph that grows."""

    source: Source
    build: Build
    parent: Sweep | None = None
    names: dict[str, str] = field(default_factory=dict[str, str])
    stored: Mapping[str, Stored] = field(default_factory=dict[str, Stored])
    captured: list[str] = field(default_factory=list[str])  # ids in the parent's graph, by body input
    depth: int = 0
    module: Provenance | None = None
    inner: bool = False  # inside the body of an operator, where no parameter is made

    # --- names

    def find(self, name: str) -> str | None:
        """The node behind a name, made where it is a stored tensor or comes from the graph around a body."""
        if name in self.names:
            return self.names[name]
        if name in self.stored:
            self.names[name] = self.leaf(name, self.stored[name])
            return self.names[name]
        if self.parent is None:
            return None
        outer = self.parent.find(name)
        if outer is not None:
            self.names[name] = outer if self.parent.build is self.build else self._capture(outer)
            return self.names[name]
        return None

    def _capture(self, outer: str) -> str:
        """An outer value as one more input of this body; sizes and scalars are copied instead."""
        if self.parent is None:
            raise SourceError("a body without a graph around it")
        node = self.parent.build.graph.nodes[outer]
        if node.op in ("const", "full", "arange"):
            if node.op == "const" and node.value is not None:
                return self.build.const(node.value, node.dtype)
            return self.build.node(Node("", node.op, (), node.type, node.attrs, node.value))
        name = self.build.node(Node("", "input", (), node.tensor))
        self.build.graph.inputs.append(name)
        self.captured.append(outer)
        return name

    def leaf(self, name: str, held: Stored, *, stored: bool = True) -> str:
        """A stored tensor: `param` where it is floating and has a rank, else `const` with its value."""
        kind = held.kind
        if kind.is_float and kind.shape and (kind.size > 1 or stored):
            if self.parent is not None:
                outer = self.parent.leaf(name, held)
                return outer if self.parent.build is self.build else self._capture(outer)
            if not self.inner:
                self.build.origin = Provenance(name=text(name))
                node = self.build.node(Node("", "param", (), kind))
                self.build.tensors[node] = held.tensor
                return node
        value = held.value(self.source.folder)
        self.build.origin = Provenance(name=text(name))
        if value is None:
            return self.build.node(Node("", "const", (), kind))
        return self.build.const(value, kind.dtype)

    def resolve(self, name: str, node: NodeProto) -> str:
        """The node behind an input name, or the error that says it dangles."""
        found = self.find(name)
        if found is None:
            raise SourceError(
                f"nothing produces {text(name)!r}", at=describe(node), fix="the file is damaged: export the model again"
            )
        return found

    # --- nodes

    def run(self, steps: Iterable[Step], bound: Mapping[str, Value] | None = None) -> None:
        """Lower nodes in order; `bound` gives the attributes that a function's body refers to."""
        names, stored = self.names, self.stored
        for step in steps:
            inputs = tuple([(names.get(name) or self.resolve(name, step.node)) if name else "" for name in step.inputs])
            if self.source.named:
                self.build.origin = origin(step.node, self.module)
            outputs = self.lower(step, inputs, step.given(bound))
            for name, result in zip(step.outputs, outputs, strict=False):
                if name in names or name in stored:
                    raise SourceError(
                        f"{text(name)!r} is produced twice", at=describe(step.node), fix="export the model again"
                    )
                if name:
                    names[name] = result

    def lower(self, step: Step, inputs: tuple[str, ...], attrs: dict[str, Value]) -> Sequence[str]:
        """The results of one node: of a function's body, of its lowering, or of an opaque call."""
        domain, op, node = step.domain, step.op, step.node
        function = self.source.functions.get((domain, op))
        if function is not None:
            return self.open(function, node, inputs, attrs)
        version = self.source.opsets.get(domain, 1)
        call = Call(self.build, op, version, inputs, attrs, len(step.outputs), self)
        rule = lowering(domain, op)
        try:
            step.check(version)
            if rule is not None:
                result = rule(call)
                return (result,) if isinstance(result, str) else result
            expansion = body_of(
                domain, settled(node, attrs), version, [self.build.type(x) if x else None for x in inputs]
            )
            if expansion is not None:
                return self.open(expansion, node, inputs, attrs)
            return opaque(call, domain, node)
        except (RankUnknown, NotFolded):
            return opaque(call, domain, node)
        except SizesDisagree as clash:
            shown = ", ".join(str(self.build.type(x)) for x in inputs if x)
            raise SizesClash(
                f"{node.op_type} of {shown} does not fit: size {clash.a} meets {clash.b}",
                describe(node), (clash.a, clash.b), products=isinstance(clash, ElementsDisagree),
            ) from clash  # fmt: skip
        except SourceError as fault:
            fault.at = fault.at or describe(node)
            raise
        except GraphError as fault:
            raise SourceError(
                f"{node.op_type} does not fit its operands: {fault.what}",
                at=describe(node),
                fix="export the model again",
            ) from fault
        except _MALFORMED as fault:
            raise SourceError(
                f"{node.op_type} does not fit its operands or attributes: {fault}",
                at=describe(node), fix="export the model again",
            ) from fault  # fmt: skip

    def open(
        self, function: FunctionProto, node: NodeProto, inputs: tuple[str, ...], attrs: Mapping[str, Value]
    ) -> Sequence[str]:
        """The body of a function, in place of the call."""
        if self.depth >= DEPTH_LIMIT:
            raise SourceError(f"functions are nested deeper than {DEPTH_LIMIT}", at=describe(node))
        bound: dict[str, Value] = {}
        for proto in function.attribute_proto:
            value = attribute(proto)
            if value is not None:
                bound[proto.name] = value
        bound.update(attrs)
        opsets = dict(self.source.opsets)
        opsets.update({"" if o.domain == "ai.onnx" else o.domain: o.version for o in function.opset_import})
        source = replace(self.source, opsets=opsets)
        scope = Sweep(source, self.build, depth=self.depth + 1, module=self.build.origin, inner=self.inner)
        for formal, given in zip(function.input, inputs, strict=False):
            if given:
                scope.names[formal] = given
        absent = set(function.input) - set(scope.names)
        nodes = [_without(n, absent) for n in function.node] if absent else function.node
        scope.run(steps_of(nodes), bound)
        return [scope.resolve(name, node) if name else "" for name in function.output[: max(len(node.output), 1)]]

    # --- bodies

    def body(self, graph: GraphProto, kinds: Sequence[TensorType]) -> Sweep:
        """A body lowered into a graph of its own; `kinds` are the types of its formal inputs."""
        if self.depth >= DEPTH_LIMIT:
            raise SourceError(f"bodies are nested deeper than {DEPTH_LIMIT}")
        inner = Sweep(self.source, Build(), self, depth=self.depth + 1, module=self.build.origin, inner=True)
        for formal, kind in zip(graph.input, kinds, strict=False):
            name = inner.build.node(Node("", "input", (), kind))
            inner.build.graph.inputs.append(name)
            inner.names[formal.name] = name
        inner.build.graph.outputs = inner.within(graph, outline(graph))
        return inner

    def inline(self, graph: GraphProto, given: Sequence[str] = ()) -> list[str]:
        """The results of a branch that is always taken, or of one step of a loop, lowered in place.

        `given` are the nodes that its formal inputs stand for.
        """
        if self.depth >= DEPTH_LIMIT:
            raise SourceError(f"bodies are nested deeper than {DEPTH_LIMIT}")
        scope = Sweep(self.source, self.build, self, depth=self.depth + 1, module=self.build.origin, inner=self.inner)
        scope.names |= {formal.name: name for formal, name in zip(graph.input, given, strict=False)}
        return scope.within(graph, outline(graph))

    def within(self, graph: GraphProto, taken: Outline) -> list[str]:
        """Lower a whole graph, of which `taken` is the outline, in this scope; the ids of its outputs."""
        self.stored = taken.stored
        self.run(taken.steps)
        return [self.output(value) for value in graph.output]

    def output(self, value: ValueInfoProto) -> str:
        """The node behind an output of the graph."""
        found = self.find(value.name)
        if found is None:
            raise SourceError(
                f"nothing produces the output {text(value.name)!r}", fix="the file is damaged: export the model again"
            )
        return found


def settled(node: NodeProto, attrs: Mapping[str, Value]) -> NodeProto:
    """A node of a function's body with the attributes of the call in place of references to them."""
    if not any(proto.ref_attr_name for proto in node.attribute):
        return node
    copy = NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    copy.attribute.extend(helper.make_attribute(name, value) for name, value in attrs.items())
    return copy


def _without(node: NodeProto, absent: set[str]) -> NodeProto:
    """A node of a function's body whose operands stem from inputs that the caller left out."""
    if not absent.intersection(node.input):
        return node
    copy = NodeProto()
    copy.CopyFrom(node)
    del copy.input[:]
    copy.input.extend("" if name in absent else name for name in node.input)
    return copy
