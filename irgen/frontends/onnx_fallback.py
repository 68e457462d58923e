"""What has no lowering: an opaque call, with such types as onnx's own inference can tell."""

from __future__ import annotations

from collections.abc import Sequence

import onnx.checker
import onnx.shape_inference
from onnx import NodeProto, TensorProto, TypeProto, numpy_helper

from irgen.frontends.onnx_call import Call
from irgen.frontends.onnx_function import type_proto
from irgen.frontends.onnx_schema import schema
from irgen.frontends.onnx_values import element_type, text
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType

_REFUSALS = (
    onnx.shape_inference.InferenceError, onnx.checker.ValidationError, ValueError, RuntimeError, TypeError, KeyError,
)  # fmt: skip


def opaque(call: Call, domain: str, node: NodeProto) -> Sequence[str]:
    """An operator that the vocabulary does not have."""
    name = text(node.op_type) if not domain else f"{text(domain)}.{text(node.op_type)}"
    kinds = inferred(call, domain, node)
    inputs = call.inputs
    if len(kinds) == 1:
        return [call.b.node(Node("", "opaque", inputs, kinds[0], {"name": name}))]
    return call.b.several("opaque", inputs, kinds, name=name)


def inferred(call: Call, domain: str, node: NodeProto) -> list[TensorType]:
    """Types of the results by onnx's inference for one node; rank unknown where it cannot tell."""
    first = next((call.b.type(x) for x in call.inputs if x), TensorType("float32", None))
    unknown = TensorType(first.dtype, None)
    count = max(len(node.output), 1)
    found = schema(domain, node.op_type, call.version)
    if found is None:
        return [unknown] * count
    types: dict[str, TypeProto] = {}
    data: dict[str, TensorProto] = {}
    for name, x in zip(node.input, call.inputs, strict=False):
        if x:
            types[text(name)] = type_proto(call.b.type(x))
            value = call.b.known(x)
            if value is not None and value.size <= 64 and value.dtype.kind in "iuf":
                data[text(name)] = numpy_helper.from_array(value)
    try:
        results = onnx.shape_inference.infer_node_outputs(found, node, types, data)
    except _REFUSALS:
        return [unknown] * count
    return [_from_proto(results[name], unknown) if name in results else unknown for name in node.output]


def _from_proto(proto: TypeProto, unknown: TensorType) -> TensorType:
    if not proto.HasField("tensor_type") or not proto.tensor_type.elem_type:
        return unknown
    dtype = element_type(proto.tensor_type.elem_type)
    if not proto.tensor_type.HasField("shape"):
        return TensorType(dtype, None)
    dims = proto.tensor_type.shape.dim
    return TensorType(dtype, tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims))
