"""Every lowered ONNX operator computes what the ONNX reference or ONNX Runtime computes, alone in a file."""

import itertools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from irgen.frontends.onnx import read_with_weights
from tests.support.evaluating import by_graph, by_runtime, farthest

REFUSALS = (
    onnxruntime.capi.onnxruntime_pybind11_state.Fail,
    onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph,
)
RNG = np.random.default_rng(7)
KINDS = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}


def f(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def pos(*shape: int) -> np.ndarray:
    return np.abs(f(*shape)) + 0.5


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def ids(high: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, high, shape)


class Case:
    """One node: `runs` are inputs, `kept` initializers; ports take them in the order of `order` (x0 … and w0 …)."""

    def __init__(self, op, runs=(), kept=(), order=None, outputs=1, opset=20, domain="", **attrs):
        self.op, self.runs, self.kept = op, list(runs), list(kept)
        self.order = (
            order or " ".join([f"x{n}" for n in range(len(runs))] + [f"w{n}" for n in range(len(kept))])
        ).split()
        self.outputs, self.opset, self.domain, self.attrs = outputs, opset, domain, attrs

    def file(self, path: Path) -> tuple[Path, dict[str, np.ndarray]]:
        names = ["" if name == "-" else name for name in self.order]
        outs = [f"y{n}" for n in range(self.outputs)]
        node = helper.make_node(self.op, names, outs, domain=self.domain or None, **self.attrs)
        kind = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(bool): 9, np.dtype(np.int32): 6,
                np.dtype(np.uint8): 2, np.dtype(np.int8): 3}  # fmt: skip
        inputs = [helper.make_tensor_value_info(f"x{n}", kind[a.dtype], a.shape) for n, a in enumerate(self.runs)]
        graph = helper.make_graph(
            [node], "g", inputs, [helper.make_empty_tensor_value_info(name) for name in outs],
            [numpy_helper.from_array(a, f"w{n}") for n, a in enumerate(self.kept)],
        )  # fmt: skip
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), str(path))
        return path, {f"x{n}": a for n, a in enumerate(self.runs)}


REDUCTIONS = ("Mean", "Max", "Min", "Prod", "L1", "L2", "LogSumExp", "SumSquare", "LogSum", "Sum")
UNARY = [
    "Neg",
    "Abs",
    "Sign",
    "Exp",
    "Sin",
    "Cos",
    "Tan",
    "Sinh",
    "Cosh",
    "Tanh",
    "Atan",
    "Erf",
    "Sigmoid",
    "Relu",
    "Softplus",
    "Softsign",
    "Selu",
    "Elu",
    "Celu",
    "LeakyRelu",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "ThresholdedRelu",
    "Floor",
    "Ceil",
    "Round",
    "Gelu",
    "Identity",
    "IsNaN",
    "Asinh",
]
CASES: dict[str, Case] = {
    **{op: Case(op, [f(3, 4) * 2]) for op in UNARY},
    **{op: Case(op, [pos(3, 4)]) for op in ("Log", "Sqrt", "Reciprocal")},
    **{op: Case(op, [f(3, 4) * 0.2]) for op in ("Asin", "Acos", "Atanh")},
    "Acosh": Case("Acosh", [pos(3, 4) + 1]),
    "Gelu tanh": Case("Gelu", [f(3, 4)], approximate="tanh"),
    "Celu alpha": Case("Celu", [f(3, 4)], alpha=2.0),
    "HardSigmoid sixth": Case("HardSigmoid", [f(3, 4) * 3], alpha=1 / 6),
    "Shrink": Case("Shrink", [f(3, 4)], bias=0.3, lambd=0.4),
    "Not": Case("Not", [f(3, 4) > 0]),
    "Clip": Case("Clip", [f(3, 4)], [np.float32(-0.5), np.float32(0.25)]),
    "Clip above": Case("Clip", [f(3, 4)], [np.float32(0.25)], "x0 - w0"),
    "Clip by runs": Case("Clip", [f(3, 4), np.array(-0.5, np.float32)], order="x0 x1"),
    "Clip old": Case("Clip", [f(3, 4)], opset=6, min=-0.2, max=0.3),
    **{op: Case(op, [f(2, 3, 4), f(3, 1)]) for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean")},
    **{op: Case(op, [f(2, 3, 4), f(4)]) for op in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual")},
    "Equal": Case("Equal", [ids(3, 4, 4), ids(3, 4)]),
    "Pow": Case("Pow", [pos(3, 4), f(4)]),
    "PRelu": Case("PRelu", [f(2, 3, 4)], [f(3, 1)]),
    "Div integers": Case("Div", [ids(50, 9) - 25, ids(6, 9) + 2]),
    "Mod": Case("Mod", [ids(50, 9) - 25, ids(6, 9) + 2]),
    "fmod": Case("Mod", [f(9) * 5, pos(9)], fmod=1),
    **{op: Case(op, [f(3, 4) > 0, f(4) > 0]) for op in ("And", "Or", "Xor")},
    "BitShift": Case("BitShift", [ids(50, 4).astype(np.uint8), ids(3, 4).astype(np.uint8)], direction="LEFT", opset=18),
    "Where": Case("Where", [f(3, 4) > 0, f(3, 4), f(4)]),
    "Cast": Case("Cast", [f(3, 4) * 5], to=TensorProto.INT64),
    # reductions
    **{f"Reduce{op}": Case(f"Reduce{op}", [pos(2, 3, 4)], [i(1)]) for op in REDUCTIONS},
    "ReduceMean all": Case("ReduceMean", [f(2, 3, 4)], keepdims=0),
    "ReduceMean old": Case("ReduceMean", [f(2, 3, 4)], axes=[-1, 0], opset=13),
    "ReduceSum noop": Case("ReduceSum", [f(2, 3)], noop_with_empty_axes=1),
    "ArgMax": Case("ArgMax", [f(3, 5)], axis=1),
    "ArgMin": Case("ArgMin", [f(3, 5)], axis=0, keepdims=0),
    "CumSum": Case("CumSum", [f(3, 5)], [np.int64(1)]),
    "CumSum back": Case("CumSum", [f(3, 5)], [np.int64(-1)], reverse=1, exclusive=1),
    "LpNormalization": Case("LpNormalization", [f(3, 5)], p=2),
    "LpNormalization 1": Case("LpNormalization", [f(3, 5)], p=1),
    # moves
    "Reshape": Case("Reshape", [f(2, 3, 4)], [i(0, -1, 2)]),
    "Flatten": Case("Flatten", [f(2, 3, 4)], axis=2),
    "Squeeze": Case("Squeeze", [f(2, 1, 4, 1)], [i(-1)]),
    "Squeeze all": Case("Squeeze", [f(2, 1, 4, 1)]),
    "Squeeze old": Case("Squeeze", [f(2, 1, 4)], axes=[1], opset=11),
    "Unsqueeze": Case("Unsqueeze", [f(2, 4)], [i(0, -1)]),
    "Transpose": Case("Transpose", [f(2, 3, 4)], perm=[1, 2, 0]),
    "Transpose plain": Case("Transpose", [f(2, 3, 4)]),
    "Expand": Case("Expand", [f(3, 1)], [i(2, 1, 4)]),
    "Slice": Case("Slice", [f(4, 9)], [i(1, -1), i(100, -20), i(0, 1), i(2, -3)]),
    "Slice to the front": Case("Slice", [f(4, 9)], [i(-1), i(-(2**63)), i(1), i(-1)]),
    "Slice old": Case("Slice", [f(4, 9)], starts=[1], ends=[-1], axes=[1], opset=9),
    "Split": Case("Split", [f(4, 9)], [i(2, 3, 4)], outputs=3, axis=1),
    "Split even": Case("Split", [f(4, 9)], outputs=2, axis=1, num_outputs=2),
    "Concat": Case("Concat", [f(4, 2), f(4, 3)], axis=-1),
    "Pad": Case("Pad", [f(3, 4)], [i(1, 0, 0, 2), np.float32(1.5)]),
    "Pad crop": Case("Pad", [f(3, 4)], [i(-1, 0, 0, 2)]),
    "Pad reflect": Case("Pad", [f(3, 4)], [i(1, 1, 1, 1)], mode="reflect"),
    "Pad edge axes": Case("Pad", [f(3, 4)], [i(1, 2), i(-1)], "x0 w0 - w1", mode="edge"),
    "Pad old": Case("Pad", [f(3, 4)], pads=[1, 0, 0, 2], value=0.5, opset=10),
    "Tile": Case("Tile", [f(2, 3)], [i(2, 2)]),
    "Trilu": Case("Trilu", [f(4, 5)], [np.int64(1)], upper=0),
    "DepthToSpace": Case("DepthToSpace", [f(1, 8, 2, 3)], blocksize=2),
    "DepthToSpace CRD": Case("DepthToSpace", [f(1, 8, 2, 3)], blocksize=2, mode="CRD"),
    "SpaceToDepth": Case("SpaceToDepth", [f(1, 2, 4, 6)], blocksize=2),
    "EyeLike": Case("EyeLike", [f(3, 4)], k=1),
    "Size": Case("Size", [f(3, 4)]),
    "Shape": Case("Shape", [f(3, 4, 5)], start=-2),
    "Range": Case("Range", [], [np.int64(2), np.int64(11), np.int64(3)]),
    # index
    "Gather": Case("Gather", [f(5, 4), ids(5, 2, 3)], axis=0),
    "Gather one": Case("Gather", [f(5, 4)], [np.int64(-2)], axis=1),
    "Gather steps": Case("Gather", [f(5, 7)], [i(1, 3, 5)], axis=1),
    "Gather back": Case("Gather", [f(5, 7)], [i(3, 2, 1, 0)], axis=1),
    "Gather negative": Case("Gather", [f(5, 7)], [i(-1, 0, -3)], axis=1),
    "Gather table": Case("Gather", [ids(9, 2, 3)], [f(9, 4)], "w0 x0"),
    "GatherElements": Case("GatherElements", [f(3, 4), ids(3, 2, 4)], axis=0),
    "GatherND": Case("GatherND", [f(3, 4, 5)], [np.array([[0, 1], [2, 3]])]),
    "GatherND batch": Case("GatherND", [f(2, 4, 5), ids(4, 2, 3, 1)], batch_dims=1),
    "ScatterND": Case("ScatterND", [f(5, 3), f(2, 3)], [np.array([[4], [1]])], "x0 w0 x1"),
    "ScatterND box": Case("ScatterND", [f(5, 3), f(2, 3)], [np.array([[1], [2]])], "x0 w0 x1"),
    "ScatterND add": Case("ScatterND", [f(5, 3), f(3, 3)], [np.array([[1], [1], [4]])], "x0 w0 x1", reduction="add"),
    "ScatterElements": Case("ScatterElements", [f(4, 3), ids(4, 2, 3), f(2, 3)], axis=0, reduction="add"),
    "OneHot": Case("OneHot", [ids(5, 2, 3)], [np.int64(5), np.array([0.0, 1.0], np.float32)], axis=1),
    "OneHot values": Case("OneHot", [ids(5, 2, 3)], [np.int64(5), np.array([-1.0, 3.0], np.float32)]),
    "TopK": Case("TopK", [f(3, 7)], [i(3)], outputs=2),
    "TopK smallest": Case("TopK", [f(3, 7)], [i(2)], outputs=2, largest=0, axis=0),
    "TopK all": Case("TopK", [f(3, 7)], [i(7)], outputs=2),
    "Hardmax": Case("Hardmax", [f(3, 5, 2)], axis=1),
    # products, convolutions, norms
    "MatMul": Case("MatMul", [f(2, 3, 4)], [f(4, 5)]),
    "MatMul vector": Case("MatMul", [f(2, 3, 4)], [f(4)]),
    **{f"Gemm {a}{b} {x} {y}": Case("Gemm", [f(4, 3) if a else f(3, 4)], [f(5, 4) if b else f(4, 5), f(5)],
                                   transA=a, transB=b, alpha=x, beta=y)
       for a, b, x, y in itertools.product((0, 1), (0, 1), (1.0, 0.5), (1.0, 2.0))},
    "Gemm runs": Case("Gemm", [f(3, 4), f(5, 4)], transB=1),
    "Einsum": Case("Einsum", [f(2, 3, 4), f(2, 4, 5)], equation="bij, bjk -> bik"),
    "Einsum dots": Case("Einsum", [f(2, 3, 4)], [f(4, 5)], equation="...i,ij->...j"),
    "Einsum implicit": Case("Einsum", [f(3, 4), f(4, 5)], equation="ij,jk"),
    "Conv": Case("Conv", [f(2, 4, 9, 8)], [f(6, 2, 3, 3), f(6)], group=2, pads=[1, 0, 1, 2], strides=[2, 1]),
    "Conv same": Case("Conv", [f(2, 4, 9, 8)], [f(6, 4, 3, 2)], auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv same lower": Case("Conv", [f(1, 2, 7)], [f(3, 2, 4)], auto_pad="SAME_LOWER"),
    "ConvTranspose": Case("ConvTranspose", [f(2, 4, 5, 5)], [f(4, 3, 3, 3), f(3)], strides=[2, 2],
                          output_padding=[1, 1]),
    "Softmax": Case("Softmax", [f(2, 3, 4)], axis=1),
    "Softmax old": Case("Softmax", [f(2, 3, 4)], axis=1, opset=11),
    "LogSoftmax": Case("LogSoftmax", [f(2, 3, 4)]),
    "LayerNormalization": Case("LayerNormalization", [f(2, 3, 4)], [f(4), f(4)], axis=-1),
    "LayerNormalization 2": Case("LayerNormalization", [f(2, 3, 4)], [f(3, 4)], axis=1),
    "BatchNormalization": Case("BatchNormalization", [f(2, 3, 4)], [f(3), f(3), f(3), pos(3)]),
    "InstanceNormalization": Case("InstanceNormalization", [f(2, 3, 4, 5)], [f(3), f(3)]),
    "GroupNormalization": Case("GroupNormalization", [f(2, 6, 5)], [f(6), f(6)], num_groups=3, opset=21),
    "LRN": Case("LRN", [f(1, 6, 3, 3)], size=3, alpha=0.2),
    "MeanVarianceNormalization": Case("MeanVarianceNormalization", [f(2, 3, 4, 4)]),
    "MaxPool": Case("MaxPool", [f(1, 2, 7, 7)], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool ceil": Case("MaxPool", [f(1, 2, 6, 6)], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "AveragePool": Case("AveragePool", [f(1, 2, 7, 7)], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "AveragePool pads": Case("AveragePool", [f(1, 2, 7, 7)], kernel_shape=[2, 2], pads=[1, 0, 1, 0],
                             count_include_pad=1),
    "GlobalAveragePool": Case("GlobalAveragePool", [f(1, 2, 5, 7)]),
    "GlobalMaxPool": Case("GlobalMaxPool", [f(1, 2, 5, 7)]),
    "Resize linear": Case("Resize", [f(1, 2, 4, 4)], [i(1, 2, 8, 6)], "x0 - - w0", mode="linear"),
    "Resize nearest": Case("Resize", [f(1, 2, 4, 4)], [np.array([1, 1, 2, 2], np.float32)], "x0 - w0", mode="nearest",
                           coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "LSTM": Case("LSTM", [f(5, 2, 3)], [f(2, 16, 3), f(2, 16, 4), f(2, 32)], outputs=3, hidden_size=4,
                 direction="bidirectional"),
    "LSTM states": Case("LSTM", [f(5, 2, 3), f(1, 2, 4), f(1, 2, 4)], [f(1, 16, 3), f(1, 16, 4)],
                        "x0 w0 w1 - - x1 x2", outputs=3, hidden_size=4),
    "LSTM reverse": Case("LSTM", [f(5, 2, 3)], [f(1, 16, 3), f(1, 16, 4)], outputs=1, hidden_size=4,
                         direction="reverse"),
    "GRU": Case("GRU", [f(5, 2, 3)], [f(1, 12, 3), f(1, 12, 4), f(1, 24)], outputs=2, hidden_size=4,
                linear_before_reset=1),
    "RNN": Case("RNN", [f(5, 2, 3)], [f(1, 4, 3), f(1, 4, 4), f(1, 8)], outputs=2, hidden_size=4),
    # attention and its company
    "Attention": Case("Attention", [f(2, 4, 5, 8), f(2, 4, 6, 8), f(2, 4, 6, 8)], opset=23),
    "Attention 3-D": Case("Attention", [f(2, 5, 32), f(2, 6, 16), f(2, 6, 16)], opset=23, q_num_heads=4, kv_num_heads=2,
                          scale=0.3),
    "Attention causal": Case("Attention", [f(2, 4, 5, 8), f(2, 2, 5, 8), f(2, 2, 5, 8)], opset=23, is_causal=1),
    "Attention mask": Case("Attention", [f(2, 4, 5, 8), f(2, 4, 5, 8), f(2, 4, 5, 8), f(5, 5)], opset=23, softcap=2.0),
    "RotaryEmbedding": Case("RotaryEmbedding", [f(2, 3, 4, 8), ids(10, 2, 4)], [f(10, 4), f(10, 4)], "x0 w0 w1 x1",
                            opset=23),
    "RotaryEmbedding interleaved": Case("RotaryEmbedding", [f(2, 4, 24)], [f(2, 4, 3), f(2, 4, 3)], opset=23,
                                        num_heads=3,
                                        interleaved=1, rotary_embedding_dim=6),
    "RMSNormalization": Case("RMSNormalization", [f(2, 3, 4)], [f(4)], opset=23),
    "ms SkipLayerNormalization": Case("SkipLayerNormalization", [f(2, 3, 4), f(2, 3, 4)], [f(4), f(4), f(4)],
                                      domain="com.microsoft", epsilon=1e-5),
    "ms SkipSimplified": Case("SkipSimplifiedLayerNormalization", [f(2, 3, 4), f(2, 3, 4)], [f(4)],
                              domain="com.microsoft",
                              epsilon=1e-5),
    "ms SimplifiedLayerNormalization": Case("SimplifiedLayerNormalization", [f(2, 3, 4)], [f(4)], epsilon=1e-5),
    "ms FastGelu": Case("FastGelu", [f(3, 4)], [f(4)], domain="com.microsoft"),
    "ms BiasGelu": Case("BiasGelu", [f(3, 4)], [f(4)], domain="com.microsoft"),
    "ms Gelu": Case("Gelu", [f(3, 4)], domain="com.microsoft"),
    "ms QuickGelu": Case("QuickGelu", [f(3, 4)], domain="com.microsoft"),
    "ms QuickGelu alpha": Case("QuickGelu", [f(3, 4)], domain="com.microsoft", alpha=1.0),
    "ms FusedMatMul": Case("FusedMatMul", [f(2, 4, 3), f(2, 5, 4)], domain="com.microsoft", transA=1, transB=1,
                           alpha=0.5),
    "ms FusedGemm": Case("FusedGemm", [f(3, 4)], [f(4, 5), f(5)], domain="com.microsoft", activation="Relu"),
    "ms FusedConv": Case("FusedConv", [f(1, 2, 5, 5)], [f(3, 2, 3, 3)], domain="com.microsoft", activation="Relu"),
    "ms MultiHeadAttention": Case("MultiHeadAttention", [f(2, 5, 16), f(2, 6, 16), f(2, 6, 16)], [f(48)],
                                  domain="com.microsoft", num_heads=4),
    "ms MultiHeadAttention bias": Case("MultiHeadAttention", [f(2, 5, 16), f(2, 5, 16), f(2, 5, 16), f(2, 4, 5, 5)],
                                       order="x0 x1 x2 - - x3", domain="com.microsoft", num_heads=4, unidirectional=1),
    "ms Attention": Case("Attention", [f(2, 5, 16)], [f(16, 48), f(48)], domain="com.microsoft", num_heads=4),
    "ms Attention causal": Case("Attention", [f(2, 5, 16)], [f(16, 48), f(48)], domain="com.microsoft", num_heads=4,
                                unidirectional=1),
    "ms GroupQueryAttention": Case(
        "GroupQueryAttention", [f(1, 5, 64), f(1, 5, 32), f(1, 5, 32), np.zeros((1, 2, 0, 16), np.float32),
                                np.zeros((1, 2, 0, 16), np.float32)],
        [np.array([4], np.int32), np.array(5, np.int32), f(8, 8), f(8, 8)],
        "x0 x1 x2 x3 x4 w0 w1 w2 w3", outputs=3, domain="com.microsoft", num_heads=4, kv_num_heads=2, do_rotary=1),
    "ms GroupQueryAttention window": Case(
        "GroupQueryAttention", [f(1, 9, 128), np.zeros((1, 2, 0, 16), np.float32), np.zeros((1, 2, 0, 16), np.float32)],
        [np.array([8], np.int32), np.array(9, np.int32)],
        "x0 - - x1 x2 w0 w1", outputs=3, domain="com.microsoft", num_heads=4, kv_num_heads=2, local_window_size=3),
    "ms RotaryEmbedding": Case("RotaryEmbedding", [f(2, 3, 4, 8), ids(10, 2, 4)], [f(10, 4), f(10, 4)],
                               domain="com.microsoft"),
    # quantised
    "DequantizeLinear": Case("DequantizeLinear", [], [ids(200, 4, 5).astype(np.uint8), np.float32(0.1), np.uint8(100)]),
    "DequantizeLinear axis": Case("DequantizeLinear", [], [(ids(200, 4, 5) - 100).astype(np.int8), pos(5)], axis=1),
    "DequantizeLinear runs": Case("DequantizeLinear", [ids(200, 4, 5).astype(np.uint8)], [np.float32(0.1),
                                  np.uint8(9)]),
    "ms MatMulNBits": Case("MatMulNBits", [f(3, 40)], [ids(256, 6, 2, 16).astype(np.uint8), pos(12)],
                           domain="com.microsoft", K=40, N=6, bits=4, block_size=32),
    "ms MatMulNBits zeros": Case("MatMulNBits", [f(3, 64)], [ids(256, 6, 2, 16).astype(np.uint8), pos(12),
                                                            ids(256, 6).astype(np.uint8)],
                                 domain="com.microsoft", K=64, N=6, bits=4, block_size=32),
}  # fmt: skip


def expected(path: Path, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs by ONNX Runtime, else by ONNX's own reference."""
    try:
        return by_runtime(path, arrays)
    except REFUSALS:
        with np.errstate(all="ignore"):
            return [np.asarray(value) for value in ReferenceEvaluator(str(path)).run(None, arrays)]


@pytest.mark.parametrize("name", CASES)
def test_computes_what_the_operator_computes(name: str, tmp_path: Path):
    path, arrays = CASES[name].file(tmp_path / "m.onnx")
    wanted = expected(path, arrays)
    graph, weights = read_with_weights(path)
    assert not [node for node in graph if node.op == "opaque"]
    found = by_graph(graph, weights, arrays)
    assert farthest(found, wanted) < 1e-5
    for made, value in zip(graph.outputs, found, strict=True):
        assert graph[made].shape == value.shape


def test_an_operand_aligned_by_axis_is_broadcast_there(tmp_path: Path):
    case = Case("Add", [f(2, 3, 4), f(3)], opset=6, axis=1, broadcast=1)
    path, arrays = case.file(tmp_path / "m.onnx")
    graph, weights = read_with_weights(path)
    assert farthest(by_graph(graph, weights, arrays), [arrays["x0"] + arrays["x1"][:, None]]) < 1e-6
