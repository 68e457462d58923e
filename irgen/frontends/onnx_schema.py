"""What onnx itself says about an operator: how many operands, results, which attributes it must have."""

from __future__ import annotations

from functools import cache

from onnx import NodeProto, defs

from irgen.errors import SourceError
from irgen.frontends.onnx_values import text


@cache
def schema(domain: str, op: str, version: int) -> defs.OpSchema | None:
    """The definition in force at an opset version; `None` for operators that onnx does not define."""
    try:
        return defs.get_schema(op, version, domain)
    except defs.SchemaError:
        return None


@cache
def _limits(domain: str, op: str, version: int) -> tuple[int, int, int, frozenset[str]] | None:
    found = schema(domain, op, version)
    if found is None:
        return None
    required = frozenset(name for name, attr in found.attributes.items() if attr.required)
    return found.min_input, found.max_input, found.max_output, required


def check_arity(domain: str, node: NodeProto, version: int) -> None:
    """Refuse a node whose operands, results or attributes do not fit its definition."""
    limits = _limits(domain, text(node.op_type), version)
    if limits is None:
        return
    least, most, results, required = limits
    given = len(node.input)
    if not least <= given <= most:
        raise SourceError(f"{node.op_type} has {given} inputs, it takes {least} to {most}")
    if len(node.output) > results:
        raise SourceError(f"{node.op_type} has {len(node.output)} outputs, it gives {results}")
    if required and not required <= {proto.name for proto in node.attribute}:
        missing = ", ".join(sorted(required - {proto.name for proto in node.attribute}))
        raise SourceError(f"{node.op_type} lacks the attribute {missing}")
