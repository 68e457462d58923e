"""The lowering of every ONNX operator that has one, by domain."""

from __future__ import annotations

from irgen.frontends import (
    onnx_attention,
    onnx_contrib,
    onnx_control,
    onnx_elementwise,
    onnx_index,
    onnx_moves,
    onnx_nn,
    onnx_pool,
    onnx_quantized,
    onnx_recurrent,
    onnx_reduce,
    onnx_sizes,
)
from irgen.frontends.onnx_call import Lowering

_STANDARD: dict[str, Lowering] = {
    **onnx_elementwise.OPS,
    **onnx_moves.OPS,
    **onnx_sizes.OPS,
    **onnx_index.OPS,
    **onnx_reduce.OPS,
    **onnx_nn.OPS,
    **onnx_pool.OPS,
    **onnx_quantized.OPS,
    **onnx_recurrent.OPS,
    **onnx_control.OPS,
    **onnx_attention.OPS,
}
_CONTRIB: dict[str, Lowering] = {**onnx_contrib.OPS, **onnx_attention.CONTRIB, **onnx_quantized.CONTRIB}


def lowering(domain: str, op: str) -> Lowering | None:
    """How an operator becomes canonical calls; `None` where onnx's own body or an opaque call has to do.

    Runtimes write some fused operators under the standard domain before they became standard, and the reverse.
    """
    if domain in ("", "ai.onnx"):
        return _STANDARD.get(op)
    if domain == "com.microsoft":
        return _CONTRIB.get(op)
    return None
