"""Bodies that the ONNX standard itself gives to operators: how what is not canonical is expanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnx import FunctionProto, NodeProto, TypeProto, helper

from irgen.frontends.onnx_schema import schema
from irgen.frontends.onnx_values import ELEMENT_TYPES
from irgen.ir.tensor import TensorType

_NUMBERS = {name: number for number, name in ELEMENT_TYPES.items()}


def type_proto(kind: TensorType) -> TypeProto:
    """An IR type as ONNX writes it."""
    shape = None if kind.shape is None else [n if n >= 0 else None for n in kind.shape]
    return helper.make_tensor_type_proto(_NUMBERS.get(kind.dtype, 1), shape)


def body_of(domain: str, node: NodeProto, version: int, kinds: Sequence[TensorType | None]) -> FunctionProto | None:
    """The body of a standard operator that is defined by others, at an opset version."""
    found: Any = schema(domain, node.op_type, version)  # the stubs of onnx lack its functions
    if found is None:
        return None
    if found.has_function:
        return found.function_body
    if not found.has_context_dependent_function:
        return None
    types = [type_proto(kind).SerializeToString() if kind else TypeProto().SerializeToString() for kind in kinds]
    body = FunctionProto()
    try:
        body.ParseFromString(found.get_context_dependent_function(node.SerializeToString(), types))
    except (TypeError, ValueError, RuntimeError):  # the operands are of a kind that its body is not made for
        return None
    return body if body.node else None
