"""Where an ONNX node comes from, for captions: its name, and the module that dynamo noted in the metadata."""

from __future__ import annotations

import ast
from typing import cast

from onnx import NodeProto

from irgen.frontends.onnx_values import text
from irgen.ir.graph import Provenance

_SCOPES, _CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"


def origin(node: NodeProto, around: Provenance | None) -> Provenance:
    """Provenance of what a node is lowered to; inside an opened function that of the call."""
    if around is not None:
        return around
    name = text(node.output[0]) if node.output else text(node.name)
    call = text(node.op_type)
    if not node.metadata_props:
        return Provenance(name, _from_path(text(node.name)), call=call)
    entries = {entry.key: entry.value for entry in node.metadata_props}
    modules, classes = _listed(entries.get(_SCOPES)), _listed(entries.get(_CLASSES))
    return Provenance(
        name,
        modules[-2] if len(modules) > 1 else "",
        classes[-2].rpartition(".")[2] if len(classes) > 1 else "",
        call=call,
    )


def _from_path(name: str) -> str:
    """The TorchScript exporter names nodes by module path: `/encoder/layer.0/MatMul`."""
    return name.strip("/").rpartition("/")[0].replace("/", ".") if name.startswith("/") else ""


def _listed(value: str | bytes | None) -> list[str]:
    if not value:
        return []
    try:
        entries: object = ast.literal_eval(text(value))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(entry) for entry in cast("list[object]", entries)] if isinstance(entries, list) else []
