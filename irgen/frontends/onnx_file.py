"""An ONNX file read without its external weights, and the refusals: what is not ONNX, is damaged, or would blow up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

from irgen.errors import SourceError
from irgen.frontends.onnx_values import text

NODE_LIMIT = 1_000_000  # operator calls once every function is opened
_EXPORT = "export the model again, or check that the download is whole"


def load(path: str | Path) -> ModelProto:
    """The model in a file; `SourceError` where there is none."""
    file = Path(path)
    if not file.exists():
        raise SourceError(f"there is no file {str(file)!r}", fix="check the path")
    if not file.is_file():
        raise SourceError("this is not a file", at=str(file), fix="give the .onnx file itself")
    model = ModelProto()
    try:
        data = file.read_bytes()
        if not data:
            raise SourceError("the file is empty", at=str(file), fix=_EXPORT)
        model.ParseFromString(data)
    except OSError as fault:
        raise SourceError(f"the file cannot be read: {fault.strerror}", at=str(file)) from fault
    except (DecodeError, ValueError) as fault:
        raise SourceError("the file is not ONNX, or is cut off", at=str(file), fix=_EXPORT) from fault
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise SourceError("the file holds no ONNX graph", at=str(file), fix=_EXPORT)
    return model


def opsets(model: ModelProto) -> dict[str, int]:
    """Version of each operator set that the model uses."""
    found = {_domain(text(entry.domain)): entry.version for entry in model.opset_import}
    version = found.setdefault("", 1)
    if version < 1:
        raise SourceError(f"operator set version {version} does not exist", fix="export the model again")
    found[""] = min(version, onnx.defs.onnx_opset_version())
    return found


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def functions(model: ModelProto) -> dict[tuple[str, str], FunctionProto]:
    """The model's own functions; refuses those that call themselves or unfold to more than `NODE_LIMIT` calls."""
    found = {(_domain(text(f.domain)), text(f.name)): f for f in model.functions}
    counts: dict[tuple[str, str], int] = {}
    for key in found:
        _count(key, found, counts)
    total = _graph_size(model.graph, counts)
    if total > NODE_LIMIT:
        raise SourceError(
            f"the file unfolds to {total:,} operator calls, more than {NODE_LIMIT:,}", fix="export a smaller model"
        )
    return found


def _count(
    start: tuple[str, str], found: dict[tuple[str, str], FunctionProto], counts: dict[tuple[str, str], int]
) -> None:
    """Operator calls of a function once everything it calls is opened, callees first, without recursion."""
    stack = [start]
    open_calls: set[tuple[str, str]] = set()
    while stack:
        key = stack[-1]
        if key in counts:
            stack.pop()
            continue
        called = {_key(node) for node in _all_nodes(found[key].node)} & found.keys()
        waiting = [k for k in called if k not in counts]
        if not waiting:
            counts[key] = sum(counts.get(_key(node), 1) for node in _all_nodes(found[key].node))
            stack.pop()
            continue
        if key in open_calls:
            raise SourceError(f"function {key[1]!r} calls itself", fix="export the model again")
        open_calls.add(key)
        stack.extend(sorted(waiting))


def _key(node: NodeProto) -> tuple[str, str]:
    return _domain(text(node.domain)), text(node.op_type)


def _all_nodes(nodes: Iterable[NodeProto]) -> list[NodeProto]:
    """Nodes with those of all bodies inside them."""
    found: list[NodeProto] = []
    stack = list(nodes)
    while stack:
        node = stack.pop()
        found.append(node)
        for proto in node.attribute:
            if proto.HasField("g"):
                stack.extend(proto.g.node)
    return found


def _graph_size(graph: GraphProto, counts: dict[tuple[str, str], int]) -> int:
    if not counts:
        return len(graph.node)
    return sum(counts.get(_key(node), 1) for node in _all_nodes(graph.node))
