"""Reading the text form of the IR (its grammar stands in `irgen.ir.text`)."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from irgen.errors import GraphError
from irgen.ir.arrays import decode, element_type
from irgen.ir.graph import Array, Attr, Graph, Node, Provenance, Types, dtype_name
from irgen.ir.rules import result_type
from irgen.ir.tensor import TensorType
from irgen.ir.text_line import DEEPEST, WORDS, Line, Token, fail_at, tokens_of


def parse(text: str) -> Graph:
    """The graph that a text says; `GraphError` with the line where it cannot be read."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    data: dict[str, Array] = {}
    rest: list[tuple[int, list[Token]]] = []
    for number, line in lines:
        tokens = tokens_of(line, number)
        if tokens and tokens[0][0] == "data":
            _data_line(Line(tokens, number), data)
        elif tokens:
            rest.append((number, tokens))
    reader = _Reader(rest, data)
    graph = reader.graph(0)
    if reader.at < len(rest):
        fail_at("a closing brace without an opening one", rest[reader.at][0])
    return graph


def _data_line(line: Line, data: dict[str, Array]) -> None:
    name = line.take()[1:]
    line.need("=")
    kind = line.tensor()
    try:
        data[name] = decode(line.string(), kind.dtype, kind.shape or ())
    except GraphError as fault:
        line.fail(fault.what)
    line.end()


class _Reader:
    """The lines of a text, read into a graph and the graphs inside it."""

    def __init__(self, lines: list[tuple[int, list[Token]]], data: dict[str, Array]) -> None:
        self.lines, self.data, self.at = lines, data, 0

    def graph(self, depth: int) -> Graph:
        graph = Graph()
        returned = listed = False
        while self.at < len(self.lines):
            number, tokens = self.lines[self.at]
            line = Line(tokens, number)
            if depth > DEEPEST:
                line.fail("bodies too deep")
            if line.next == "}" and len(tokens) == 1:
                break
            self.at += 1
            if len(tokens) > 1 and tokens[1] == ("mark", "="):
                self.node(line, graph, depth)
                continue
            match line.take():
                case "return":
                    returned = True
                    self.returned(line, graph)
                case "inputs":
                    listed = True
                    graph.inputs = self.words(line)
                case "named":
                    graph.output_names = self.words(line)
                case "finding":
                    graph.findings.append(line.string())
                case "parameters":
                    graph.parameters = line.size()
                case "frontend":
                    graph.frontend = line.string()
                case "from":
                    self.origin(line, graph)
                case other:
                    line.fail(f"a line cannot start with {other!r}")
            line.end()
        if not listed:
            graph.inputs = [node.id for node in graph if node.op == "input"]
        if not returned and graph.nodes:
            graph.outputs = [next(reversed(graph.nodes))]
        for name in (*graph.inputs, *graph.outputs):
            if name not in graph:
                raise GraphError(f"{name!r} is listed as input or output but no line defines it")
        return graph

    def words(self, line: Line) -> list[str]:
        found: list[str] = []
        while line.kind != "end":
            found.append(line.word())
            if line.kind != "end":
                line.need(",")
        return found

    def returned(self, line: Line, graph: Graph) -> None:
        while line.kind != "end":
            graph.outputs.append(line.word())
            if line.kind == "word" and line.next == "as":
                line.take()
                graph.output_names.append(line.string())
            if line.kind != "end":
                line.need(",")

    def origin(self, line: Line, graph: Graph) -> None:
        name = line.word()
        line.need("{")
        told = line.attrs()
        known = {key: str(value) for key, value in told.items() if key in Provenance.__dataclass_fields__}
        if len(known) != len(told):
            line.fail(f"provenance has no {sorted(set(told) - set(known))[0]!r}")
        graph.provenance[name] = Provenance(**known)

    def node(self, line: Line, graph: Graph, depth: int) -> None:
        name = line.word()
        line.need("=")
        op = line.word()
        inputs = [self.argument(source, line, graph) for source in self.arguments(line)]
        value, told = self.value(line) if op in {"const", "param"} else (None, None)
        attrs = line.attrs() if line.has("{") else {}
        kind = line.types() if line.has(":") else None
        body: Graph | None = None
        if line.has("{"):
            line.end()
            body = self.graph(depth + 1)
            if self.at >= len(self.lines):
                line.fail("the body is not closed")
            self.at += 1
        line.end()
        if name in graph:
            line.fail(f"{name!r} is defined twice")
        array = self.array(line, value, told, kind)
        if kind is None:
            kind = self.inferred(line, graph, op, inputs, attrs, array)
        graph.nodes[name] = Node(name, op, tuple(inputs), kind, attrs, array, body)

    def arguments(self, line: Line) -> list[tuple[str, Any]]:
        def one() -> tuple[str, Any]:
            if line.kind == "number":
                return "number", line.number_value()
            if line.kind == "word" and line.next == "_":
                line.take()
                return "name", ""
            return "name", line.word()

        return line.row(one, ")") if line.has("(") else []

    def argument(self, said: tuple[str, Any], line: Line, graph: Graph) -> str:
        kind, value = said
        if kind == "name":
            if value and value not in graph:
                line.fail(f"{value!r} is read before it is defined")
            return value
        dtype = "int64" if isinstance(value, int) else "float32"
        count = len(graph)
        while f"c{count}" in graph:
            count += 1
        return graph.add("const", value=np.asarray(value, dtype=dtype), id=f"c{count}")

    def value(self, line: Line) -> tuple[Any, str | None]:
        """The value that stands on a constant's line, and its element type where that is said."""
        if line.kind == "data":
            name = line.take()[1:]
            if name not in self.data:
                line.fail(f"there is no data line @{name}")
            return self.data[name], None
        told: str | None = None
        if line.kind == "word" and line.next not in {"absent", *WORDS}:
            told = line.take()
        if line.has("["):
            return line.row(line.attr, "]"), told
        if line.kind in {"number", "string"} or line.next in WORDS:
            return line.attr(), told
        if line.next == "absent":
            line.take()
        elif told is not None:
            line.fail(f"expected a value behind {told!r}")
        return None, None

    def array(self, line: Line, value: Any, told: str | None, kind: Types | None) -> Array | None:
        if value is None or isinstance(value, np.ndarray):
            return cast("Array | None", value)
        if isinstance(kind, tuple):
            line.fail("a constant has one result")
        entries = cast("list[Any]", value if isinstance(value, list) else [value])
        shape = (len(entries),) if isinstance(value, list) else ()
        shape = shape if kind is None or kind.shape is None else kind.shape
        dtype = told or (kind.dtype if kind is not None else _natural(entries))
        if math.prod(shape) != len(entries):
            line.fail(f"{len(entries)} values do not fill the shape {list(shape)}")
        try:
            found = np.array(entries, dtype=object if dtype == "string" else element_type(dtype)).reshape(shape)
        except (ValueError, TypeError, OverflowError) as fault:
            line.fail(f"the value is no {dtype}: {fault}")
        except GraphError as fault:
            line.fail(fault.what)
        return found

    def inferred(
        self, line: Line, graph: Graph, op: str, inputs: list[str], attrs: dict[str, Attr], value: Array | None
    ) -> Types:
        if value is not None:
            return TensorType(dtype_name(value), tuple(value.shape))
        kinds = [graph[source].type if source else None for source in inputs]
        try:
            kind = result_type(op, kinds, attrs)
        except GraphError as fault:
            line.fail(fault.what)
        if kind is None:
            line.fail(f"{op} needs a type behind a colon")
        return kind


def _natural(entries: list[Any]) -> str:
    if any(isinstance(entry, str) for entry in entries):
        return "string"
    if entries and all(isinstance(entry, bool) for entry in entries):
        return "bool"
    return "int64" if all(isinstance(entry, int) for entry in entries) else "float32"
