"""The evaluator against onnx's ReferenceEvaluator: a row for each operator that both have."""
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.support.calls import agree, called

R = np.random.default_rng(11)
X = R.standard_normal((2, 3, 4))
Y = R.standard_normal((2, 3, 4))
P = np.abs(X) + 0.1
N = R.integers(-9, 9, (3, 4))
M = R.integers(1, 5, (3, 4))
B = X > 0
IMAGE = R.standard_normal((2, 4, 7, 9))
ROWS = np.array([[0, 2], [1, 1], [2, 0]])

Row = tuple[str, dict[str, Any], str, dict[str, Any], list[np.ndarray]]


def plain(op: str, name: str, *args: np.ndarray) -> Row:
    return op, {}, name, {}, list(args)


ROWS_: list[Row] = [
    *(plain(op, name, X) for op, name in (
        ("neg", "Neg"), ("abs", "Abs"), ("sign", "Sign"), ("exp", "Exp"), ("sin", "Sin"), ("cos", "Cos"), ("tanh", "Tanh"),
        ("erf", "Erf"), ("sigmoid", "Sigmoid"), ("relu", "Relu"), ("gelu", "Gelu"), ("floor", "Floor"), ("ceil", "Ceil"),
        ("round", "Round"), ("softsign", "Softsign"), ("mish", "Mish"), ("hard_swish", "HardSwish"), ("atan", "Atan"),
    )),
    *(plain(op, name, P) for op, name in (("log", "Log"), ("sqrt", "Sqrt"), ("reciprocal", "Reciprocal"))),
    *(plain(op, name, X, Y[0, 0]) for op, name in (
        ("add", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("div", "Div"), ("maximum", "Max"), ("minimum", "Min"),
        ("lt", "Less"), ("le", "LessOrEqual"), ("gt", "Greater"), ("ge", "GreaterOrEqual"),
    )),
    plain("trunc_div", "Div", N, M), plain("mod", "Mod", N, M), ("fmod", {}, "Mod", {"fmod": 1}, [X, Y]),
    plain("eq", "Equal", N, M), plain("and", "And", B, Y > 0), plain("xor", "Xor", B, Y > 0), plain("not", "Not", B),
    plain("pow", "Pow", P, X), plain("where", "Where", B, X, Y), plain("prelu", "PRelu", X, P[0]),
    plain("bit_and", "BitwiseAnd", N, M), plain("bit_not", "BitwiseNot", N),
    ("shift_left", {}, "BitShift", {"direction": "LEFT"}, [M.astype(np.uint32), M.astype(np.uint32)]),
    ("gelu_tanh", {}, "Gelu", {"approximate": "tanh"}, [X]), ("elu", {"alpha": 0.7}, "Elu", {"alpha": 0.7}, [X]),
    ("leaky_relu", {"slope": 0.2}, "LeakyRelu", {"alpha": 0.2}, [X]), ("softplus", {"beta": 1.0}, "Softplus", {}, [X]),
    ("selu", {}, "Selu", {}, [X]), ("hard_sigmoid", {}, "HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, [3 * X]),
    ("softmax", {"axis": 1}, "Softmax", {"axis": 1}, [X]), ("log_softmax", {"axis": 2}, "LogSoftmax", {"axis": 2}, [X]),
    ("reduce_sum", {"axes": (1,), "keepdims": True}, "ReduceSum", {"keepdims": 1}, [X, np.array([1])]),
    ("reduce_mean", {"axes": (0, 2), "keepdims": False}, "ReduceMean", {"keepdims": 0}, [X, np.array([0, 2])]),
    ("reduce_l2", {"axes": (2,), "keepdims": True}, "ReduceL2", {"keepdims": 1}, [X, np.array([2])]),
    ("logsumexp", {"axes": (2,), "keepdims": False}, "ReduceLogSumExp", {"keepdims": 0}, [X, np.array([2])]),
    ("argmax", {"axis": 1, "keepdims": True}, "ArgMax", {"axis": 1, "keepdims": 1}, [X]),
    ("cumsum", {"axis": 1, "reverse": False, "exclusive": True}, "CumSum", {"exclusive": 1}, [X, np.array(1)]),
    ("cumsum", {"axis": 1, "reverse": True, "exclusive": True}, "CumSum", {"exclusive": 1, "reverse": 1}, [X, np.array(1)]),
    ("transpose", {"perm": (2, 0, 1)}, "Transpose", {"perm": [2, 0, 1]}, [X]),
    ("concat", {"axis": 1}, "Concat", {"axis": 1}, [X, Y]), ("tile", {"repeats": (1, 2, 1)}, "Tile", {}, [X, np.array([1, 2, 1])]),
    ("slice", {"axis": 2, "start": 3, "stop": -1, "step": -2}, "Slice", {}, [X, np.array([3]), np.array([-99]), np.array([2]), np.array([-2])]),
    ("pad", {"pads": ((0, 0), (1, 2), (0, 0)), "mode": "reflect", "value": None}, "Pad", {"mode": "reflect"}, [X, np.array([0, 1, 0, 0, 2, 0])]),
    ("pad", {"pads": ((0, 0), (1, 2), (0, 0)), "mode": "replicate", "value": None}, "Pad", {"mode": "edge"}, [X, np.array([0, 1, 0, 0, 2, 0])]),
    ("gather", {"axis": 1}, "Gather", {"axis": 1}, [X, ROWS]), ("gather", {"axis": 0}, "Gather", {"axis": 0}, [X, np.array(-1)]),
    ("gather_elements", {"axis": 1}, "GatherElements", {"axis": 1}, [X, np.arange(16).reshape(2, 2, 4) % 3]),
    ("scatter_elements", {"axis": 1, "reduce": "none"}, "ScatterElements", {"axis": 1}, [X, np.array([[[1], [2]], [[0], [1]]]), Y[:, :2, :1]]),
    ("scatter_elements", {"axis": 1, "reduce": "add"}, "ScatterElements", {"axis": 1, "reduction": "add"}, [X, np.array([[[1], [1]], [[0], [1]]]), Y[:, :2, :1]]),
    ("topk", {"k": 2, "axis": 2, "largest": True}, "TopK", {"axis": 2, "largest": 1}, [X, np.array([2])]),
    ("matmul", {}, "MatMul", {}, [X, Y[0].T]), ("einsum", {"equation": "abc,dbc->ad"}, "Einsum", {"equation": "abc,dbc->ad"}, [X, Y]),
    ("layer_norm", {"axes": (2,), "eps": 1e-3}, "LayerNormalization", {"axis": 2, "epsilon": 1e-3}, [X, P[0, 0], Y[0, 0]]),
    ("group_norm", {"groups": 4, "eps": 1e-3}, "InstanceNormalization", {"epsilon": 1e-3}, [IMAGE, P[0, 0], Y[0, 0]]),
    ("batch_norm", {"eps": 1e-3}, "BatchNormalization", {"epsilon": 1e-3}, [IMAGE, P[0, 0], Y[0, 0], X[0, 0], P[0, 1]]),
    ("conv", {"stride": (2, 1), "dilation": (1, 1), "pads": ((1, 0), (2, 1)), "groups": 1}, "Conv", {"strides": [2, 1], "pads": [1, 2, 0, 1]}, [IMAGE, R.standard_normal((6, 4, 3, 2))]),
    ("conv_transposed", {"stride": (2, 1), "dilation": (1, 1), "pads": ((1, 0), (0, 1)), "groups": 1, "output_padding": (1, 0)}, "ConvTranspose", {"strides": [2, 1], "pads": [1, 0, 0, 1], "output_padding": [1, 0]}, [IMAGE, R.standard_normal((4, 3, 3, 2))]),
    ("max_pool", {"kernel": (2, 3), "stride": (2, 2), "pads": ((0, 0), (1, 1)), "dilation": (1, 1)}, "MaxPool", {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [0, 1, 0, 1], "ceil_mode": 1}, [IMAGE]),
    ("avg_pool", {"kernel": (2, 3), "stride": (2, 2), "pads": ((0, 0), (1, 1)), "count_pad": False}, "AveragePool", {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [0, 1, 0, 1]}, [IMAGE]),
    ("grid_sample", {"mode": "linear"}, "GridSample", {"mode": "linear"}, [IMAGE, np.tanh(R.standard_normal((2, 3, 5, 2)))]),
]  # fmt: skip


def reference(name: str, attrs: dict[str, Any], args: list[np.ndarray]) -> Any:
    """What onnx's own evaluator gives."""
    names = [f"x{i}" for i in range(len(args))]
    outputs = ["y", "z"] if name == "TopK" else ["y"]
    node = helper.make_node(name, names, outputs, **attrs)
    kinds = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in zip(names, args, strict=True)
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in outputs]
    model = helper.make_model(
        helper.make_graph([node], "g", kinds, ends), opset_imports=[onnx.helper.make_opsetid("", 20)]
    )
    found = ReferenceEvaluator(model).run(None, dict(zip(names, args, strict=True)))
    return tuple(found) if len(found) > 1 else found[0]


SETTINGS = frozenset(
    {"ReduceSum", "ReduceMean", "ReduceL2", "ReduceLogSumExp", "CumSum", "Tile", "Slice", "Pad", "TopK"}
)
"""Operators whose further inputs are attributes here."""


@pytest.mark.parametrize(
    ("op", "attrs", "name", "onnx_attrs", "args"), ROWS_, ids=[f"{i}-{row[0]}" for i, row in enumerate(ROWS_)]
)
def test_gives_what_onnx_gives(
    op: str, attrs: dict[str, Any], name: str, onnx_attrs: dict[str, Any], args: list[np.ndarray]
) -> None:
    expected = reference(name, onnx_attrs, args)
    found = called(op, attrs, args[:1] if name in SETTINGS else args, expected)
    agree(found, expected, 1e-6)
