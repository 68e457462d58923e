"""The precision of an ONNX file: what its weights are held in decides how far its results may lie from PyTorch's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from irgen.errors import SourceError

QUANTIZED = frozenset(
    ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearMatMul",
     "QLinearConv", "QGemm", "QAttention", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits"]
)  # fmt: skip
WIDTHS: dict[int, str] = {TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64", TensorProto.FLOAT16: "float16",
          TensorProto.BFLOAT16: "bfloat16"}  # fmt: skip


def load(path: Path) -> onnx.ModelProto:
    """The file without the values of its external tensors. Raises `SourceError` where it is not ONNX."""
    try:
        loading: Any = onnx
        return loading.load(str(path), load_external_data=False)
    except FileNotFoundError as error:
        raise SourceError("the file does not exist", at=str(path), fix="check the path") from error
    except (DecodeError, ValueError, OSError) as error:
        raise SourceError("the file is not ONNX, or is cut off", at=str(path), fix="export the model again") from error


def of(model: onnx.ModelProto) -> str:
    """A key of `bounds.FLOORS`: `int8` where it computes with quantised weights, else the type of most weights."""
    if any(node.op_type in QUANTIZED for node in model.graph.node):
        return "int8"
    held: dict[str, int] = {}
    for tensor in model.graph.initializer:
        if tensor.data_type in WIDTHS:
            name = WIDTHS[tensor.data_type]
            held[name] = held.get(name, 0) + math.prod(tensor.dims)
    most = max(held, key=lambda name: held[name], default="float32")
    return "float32" if most == "float64" else most
