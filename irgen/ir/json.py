"""The JSON form of the IR, schema `irgen.ir/1`: a graph, and where it was labelled its regions and architecture.

    {"schema": "irgen.ir/1",
     "graph": {"frontend", "inputs", "outputs", "output_names", "findings", "parameters", "nodes": […],
               "provenance": {id: …}},
     "constants": {name: {"dtype", "shape", "data": base64 of zlib} | {"dtype": "string", "shape", "strings"}},
     "regions": […], "architecture": {…} | null}

A node is {"id", "op", "inputs", "type"} and where it has them "attrs", "value" (the name of a constant) and "body"
(a graph). A type is {"dtype", "shape"[, "symbols"]}, or a list of them. Numbers that JSON has not stand as
{"float": "inf"}. The same graph gives the same bytes: nodes in order, one a line; constants by their content.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from irgen.errors import GraphError
from irgen.ir.architecture import Architecture, Region
from irgen.ir.arrays import decode, digest, encode, is_text, strings
from irgen.ir.graph import Array, Attr, Graph, Node, Provenance, Types
from irgen.ir.record import plain, typed
from irgen.ir.tensor import TensorType
from irgen.ir.verify import check

SCHEMA = "irgen.ir/1"
_DEEPEST = 64
_FIX = "write the file again with `irgen trace SOURCE -o ir.json`"
_NO_SCHEMA = f"{_FIX}; if it is the configuration of a Hugging Face model, add its `model_type`"
_ORIGIN = ("name", "module", "cls", "line", "call")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a JSON file holds: a graph, and what recognition found in it when the file was written."""

    graph: Graph
    regions: list[Region] = field(default_factory=list[Region])
    architecture: Architecture | None = None


def dumps(graph: Graph, regions: Sequence[Region] = (), architecture: Architecture | None = None) -> str:
    """The JSON text of a graph, with its regions and architecture where they are known."""
    constants: dict[str, Array] = {}
    body = _graph(graph, constants)
    nodes = ",\n".join(_compact(node) for node in body.pop("nodes"))
    head = _compact(body)[1:-1]
    values = ",\n".join(f"{_compact(name)}: {_compact(_array(value))}" for name, value in sorted(constants.items()))
    labels = ",\n".join(_compact(plain(region)) for region in regions)
    found = _compact(plain(architecture))
    return (
        f'{{"schema": "{SCHEMA}",\n"graph": {{{head}, "nodes": [\n{nodes}\n]}},\n"constants": {{\n{values}\n}},\n'
        f'"regions": [\n{labels}\n],\n"architecture": {found}}}\n'
    )


def loads(text: str) -> Graph:
    """The graph that a JSON text holds; `GraphError` says where it does not."""
    return loads_labelled(text).graph


def loads_labelled(text: str) -> Labelled:
    """The graph, regions and architecture that a JSON text holds; `GraphError` says where it does not."""
    try:
        return _labelled(text)
    except GraphError as fault:
        raise GraphError(fault.what, at=fault.at, fix=fault.fix or _FIX) from fault
    except RecursionError as fault:
        raise GraphError("the JSON is nested too deeply", fix=_FIX) from fault


def _labelled(text: str) -> Labelled:
    try:
        found: Any = json.loads(text, parse_constant=_refuse)
    except ValueError as fault:
        raise GraphError(f"this is not JSON: {fault}") from fault
    whole = _object(found, "the file")
    if "schema" not in whole:
        raise GraphError("the file has no schema field", at="schema", fix=_NO_SCHEMA)
    schema = whole["schema"]
    if schema != SCHEMA:
        raise GraphError(f"the schema is {str(schema)[:40]!r}, not {SCHEMA!r}", at="schema")
    constants = {
        name: _read_array(_object(entry, f"constants.{name}"), f"constants.{name}")
        for name, entry in _object(whole.get("constants", {}), "constants").items()
    }
    graph = _read_graph(_object(whole.get("graph"), "graph"), constants, "graph", 0)
    check(graph)
    regions: list[Region] = typed(list[Region], whole.get("regions", []), "regions")
    architecture: Architecture | None = typed(Architecture | None, whole.get("architecture"), "architecture")
    return Labelled(graph, regions, architecture)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# -- writing ------------------------------------------------------------------------------------------------------


def _graph(graph: Graph, constants: dict[str, Array]) -> Object:
    return {
        "frontend": graph.frontend,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "output_names": graph.output_names,
        "findings": graph.findings,
        "parameters": graph.parameters,
        "provenance": {name: _origin(origin) for name, origin in graph.provenance.items()},
        "nodes": [_node(node, constants) for node in graph],
    }


def _origin(origin: Provenance) -> Object:
    return {key: getattr(origin, key) for key in _ORIGIN if getattr(origin, key)}


def _node(node: Node, constants: dict[str, Array]) -> Object:
    said: Object = {"id": node.id, "op": node.op, "inputs": list(node.inputs), "type": _type(node.type)}
    if node.attrs:
        said["attrs"] = {name: _attr(node.attrs[name]) for name in sorted(node.attrs)}
    if node.value is not None:
        said["value"] = digest(node.value)
        constants[said["value"]] = node.value
    if node.body is not None:
        said["body"] = _graph(node.body, constants)
    return said


def _type(kind: Types) -> Any:
    if isinstance(kind, tuple):
        return [_type(entry) for entry in kind]
    said: Object = {"dtype": kind.dtype, "shape": None if kind.shape is None else list(kind.shape)}
    if kind.symbols:
        said["symbols"] = list(kind.symbols)
    return said


def _attr(value: Attr) -> Any:
    if isinstance(value, tuple):
        return [_attr(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _array(value: Array) -> Object:
    head: Object = {"dtype": "string" if is_text(value) else value.dtype.name, "shape": list(value.shape)}
    return {**head, "strings": strings(value)} if is_text(value) else {**head, "data": encode(value)}


# -- reading ------------------------------------------------------------------------------------------------------


def _object(value: Any, at: str) -> Object:
    if not isinstance(value, dict):
        raise GraphError(f"expected an object, found {str(value)[:40]!r}", at=at)
    return cast("Object", value)


def _field(kind: Any, said: Object, name: str, at: str) -> Any:
    if name not in said:
        raise GraphError(f"{name!r} is missing", at=at)
    return typed(kind, said[name], f"{at}.{name}")


def _read_graph(said: Object, constants: dict[str, Array], at: str, depth: int) -> Graph:
    if depth > _DEEPEST:
        raise GraphError("bodies are nested too deeply", at=at)
    graph = Graph(
        inputs=_field(list[str], said, "inputs", at),
        outputs=_field(list[str], said, "outputs", at),
        output_names=typed(list[str], said.get("output_names", []), f"{at}.output_names"),
        findings=typed(list[str], said.get("findings", []), f"{at}.findings"),
        parameters=typed(int | None, said.get("parameters"), f"{at}.parameters"),
        frontend=typed(str, said.get("frontend", "ir"), f"{at}.frontend"),
        provenance=typed(dict[str, Provenance], said.get("provenance", {}), f"{at}.provenance"),
    )
    for i, entry in enumerate(_field(list[Any], said, "nodes", at)):
        node = _read_node(_object(entry, f"{at}.nodes[{i}]"), constants, f"{at}.nodes[{i}]", depth)
        if node.id in graph:
            raise GraphError(f"node {node.id!r} stands twice", at=f"{at}.nodes[{i}]")
        graph.nodes[node.id] = node
    return graph


def _read_node(said: Object, constants: dict[str, Array], at: str, depth: int) -> Node:
    value: Array | None = None
    if "value" in said:
        name = _field(str, said, "value", at)
        if name not in constants:
            raise GraphError(f"there is no constant {name!r}", at=at)
        value = constants[name]
    attrs = {
        name: _read_attr(entry, f"{at}.attrs.{name}") for name, entry in _object(said.get("attrs", {}), at).items()
    }
    body = _read_graph(_object(said["body"], at), constants, f"{at}.body", depth + 1) if "body" in said else None
    inputs = tuple(_field(list[str], said, "inputs", at))
    kind = _read_type(said.get("type"), f"{at}.type")
    return Node(_field(str, said, "id", at), _field(str, said, "op", at), inputs, kind, attrs, value, body)


def _read_type(said: Any, at: str) -> Types:
    if isinstance(said, list):
        entries = cast("list[Any]", said)
        return tuple(_read_tensor(entry, f"{at}[{i}]") for i, entry in enumerate(entries))
    return _read_tensor(said, at)


def _read_tensor(said: Any, at: str) -> TensorType:
    told = _object(said, at)
    shape = typed(list[int] | None, told.get("shape"), f"{at}.shape")
    symbols = typed(list[str | None], told.get("symbols", []), f"{at}.symbols")
    if shape is not None and any(n < -1 for n in shape):
        raise GraphError("a size is below -1", at=f"{at}.shape")
    if symbols and len(symbols) != len(shape or ()):
        raise GraphError(f"{len(symbols)} symbols for {len(shape or ())} sizes", at=at)
    return TensorType(_field(str, told, "dtype", at), None if shape is None else tuple(shape), tuple(symbols))


def _read_attr(said: Any, at: str) -> Attr:
    if isinstance(said, list):
        return tuple(_read_attr(entry, at) for entry in cast("list[Any]", said))
    if isinstance(said, dict):
        told = cast("Object", said).get("float")
        if told not in ("inf", "-inf", "nan"):
            raise GraphError("an attribute cannot be an object", at=at)
        return float(told)
    return cast("Attr", said)


def _read_array(said: Object, at: str) -> Array:
    dtype, shape = _field(str, said, "dtype", at), _field(list[int], said, "shape", at)
    if dtype == "string":
        words = _field(list[str], said, "strings", at)
        if any(n < 0 for n in shape) or math.prod(shape) != len(words):
            raise GraphError(f"{len(words)} strings do not fill the shape {shape}", at=at)
        return np.array(words, dtype=object).reshape(shape)
    try:
        return decode(_field(str, said, "data", at), dtype, shape)
    except GraphError as fault:
        raise GraphError(fault.what, at=at) from fault
