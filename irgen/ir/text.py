"""The text form of the IR: one line a node, to be read and written by people, and lossless.

    x = input : float32[batch=2, seq=19, 768]
    w = param : float32[768, 768]
    h = const 0.5 : float32[]
    y = linear(x, w) {layout="oi"} : float32[batch=2, seq=19, 768]
    t = topk(y) {k=2, axis=2, largest=true} : (float32[batch=2, seq=19, 2], int64[batch=2, seq=19, 2])
    return y as "logits"

An empty port is `_`, an unknown size `?`, an unknown rank `[*]`. Ids, symbols and words that are not plain stand in
quotes. A constant is a value or row of values, `absent`, or `@name` of a data line at the end (`@name = float32[…]
"base64"`). A body stands in braces behind the type, indented. `inputs` lists the inputs where their order is not that
of their lines; `from ID {…}` is provenance; `finding "…"`, `parameters N` and `frontend "…"` say what they say. `#`
starts a comment. When reading, a type may be left out where the operator and its inputs settle it, a number may stand
for a constant argument, and without a `return` line the last node is the output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np

from irgen.errors import GraphError
from irgen.ir.arrays import digest, encode, is_text, strings
from irgen.ir.graph import Array, Attr, Graph, Node, Types
from irgen.ir.ops import OPS
from irgen.ir.tensor import TensorType
from irgen.ir.text_parse import parse

__all__ = ["parse", "render", "render_attr", "render_type"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_INLINE = 16
_INLINE_KINDS = frozenset({"bool", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64",
                           "float64", "float32", "float16"})  # fmt: skip


def render(graph: Graph, *, provenance: bool = True) -> str:
    """The text of a graph; without `provenance`, names and findings are left out."""
    data: dict[str, Array] = {}
    lines = list(_lines(graph, "", data, provenance))
    lines.extend(
        f"@{name} = {value.dtype.name}[{', '.join(map(str, value.shape))}] {json.dumps(encode(value))}"
        for name, value in data.items()
    )
    return "\n".join(lines) + "\n"


def _lines(graph: Graph, indent: str, data: dict[str, Array], provenance: bool) -> Iterator[str]:
    if graph.frontend != "ir":
        yield f"{indent}frontend {_quoted(graph.frontend)}"
    if graph.parameters is not None:
        yield f"{indent}parameters {graph.parameters}"
    if graph.inputs != [node.id for node in graph if node.op == "input"]:
        yield f"{indent}inputs {', '.join(map(_word, graph.inputs))}".rstrip()
    for node in graph:
        head = indent + _node(node, data)
        if node.body is None:
            yield head
        else:
            yield head + " {"
            yield from _lines(node.body, indent + "  ", data, provenance)
            yield indent + "}"
    yield indent + _returned(graph, provenance)
    if provenance:
        if len(graph.output_names) != len(graph.outputs) and graph.output_names:
            yield f"{indent}named {', '.join(map(_quoted, graph.output_names))}"
        yield from (f"{indent}finding {_quoted(finding)}" for finding in graph.findings)
        for name, origin in graph.provenance.items():
            told = {key: getattr(origin, key) for key in ("name", "module", "cls", "line", "call")}
            yield f"{indent}from {_word(name)} {_attrs({key: value for key, value in told.items() if value})}"


def _returned(graph: Graph, provenance: bool) -> str:
    named = provenance and len(graph.output_names) == len(graph.outputs)
    words = [
        _word(name) + (f" as {_quoted(graph.output_names[i])}" if named else "") for i, name in enumerate(graph.outputs)
    ]
    return f"return {', '.join(words)}".rstrip()


def _node(node: Node, data: dict[str, Array]) -> str:
    said = f"{_word(node.id)} = {_word(node.op)}"
    if node.inputs:
        said += f"({', '.join(_word(source) if source else '_' for source in node.inputs)})"
    if node.op == "const" or node.value is not None:
        said += f" {_value(node, data)}"
    if node.attrs:
        order = {name: i for i, name in enumerate(OPS[node.op].attrs if node.op in OPS else ())}
        names = sorted(node.attrs, key=lambda name: (order.get(name, len(order)), name))
        said += " " + _attrs({name: node.attrs[name] for name in names})
    return f"{said} : {render_type(node.type)}"


def _value(node: Node, data: dict[str, Array]) -> str:
    value = node.value
    if value is None:
        return "absent"
    kind = node.type
    plain = not isinstance(kind, tuple) and value.shape == kind.shape
    if is_text(value):
        if not plain:
            raise GraphError("a constant of strings has another shape than its type", at=node.id)
        words = ", ".join(map(_quoted, strings(value)))
        return words if value.ndim == 0 else f"[{words}]"
    if not plain or value.size > _INLINE or value.dtype.name not in _INLINE_KINDS:
        name = digest(value)
        data[name] = value
        return f"@{name}"
    told = "" if value.dtype.name == node.dtype else f"{value.dtype.name} "
    if value.ndim == 0:
        return told + _scalar(value.item())
    return f"{told}[{', '.join(_scalar(entry) for entry in value.reshape(-1).tolist())}]"


def render_type(kind: Types) -> str:
    """A type as text, with both the sizes and the symbols."""
    if isinstance(kind, tuple):
        inside = ", ".join(map(render_type, kind))
        return f"({inside},)" if len(kind) == 1 else f"({inside})"
    return f"{_word(kind.dtype)}[{_sizes(kind)}]"


def _sizes(kind: TensorType) -> str:
    if kind.shape is None:
        return "*"
    if kind.symbols and len(kind.symbols) != len(kind.shape):
        raise GraphError(f"{len(kind.symbols)} symbols for {len(kind.shape)} dimensions")
    symbols = kind.symbols or (None,) * len(kind.shape)
    dims = ", ".join(
        ("" if symbol is None else f"{_word(symbol)}=") + ("?" if size < 0 else str(size))
        for size, symbol in zip(kind.shape, symbols, strict=True)
    )
    nothing_named = bool(kind.symbols) and all(symbol is None for symbol in kind.symbols)
    return dims + (";" if nothing_named else "")


def _attrs(attrs: dict[str, Attr]) -> str:
    return "{" + ", ".join(f"{_word(name)}={render_attr(value)}" for name, value in attrs.items()) + "}"


def render_attr(value: Attr) -> str:
    """An attribute as text."""
    if isinstance(value, tuple):
        inside = ", ".join(map(render_attr, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=not word.isprintable())


def _word(word: str) -> str:
    return word if _PLAIN.fullmatch(word) and word != "_" else _quoted(word)
