"""The evaluator against torch: a row for each operator."""
# ruff: noqa: E501, E741, N812

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from irgen.ir.evaluate import KERNELS
from irgen.ir.ops import OPS
from tests.support.calls import agree, called

R = np.random.default_rng(7)
X = R.standard_normal((2, 3, 4))
Y = R.standard_normal((2, 3, 4))
P = np.abs(X) + 0.1
U = np.tanh(X) * 0.9
I = R.integers(-9, 9, (3, 4))
J = R.integers(1, 5, (3, 4))
B = X > 0
C = Y > 0
Z = X + 1j * Y
IMAGE = R.standard_normal((2, 4, 7, 9))

UNARY: dict[str, tuple[np.ndarray, Any]] = {
    "neg": (X, torch.neg), "abs": (X, torch.abs), "sign": (X, torch.sign), "exp": (X, torch.exp),
    "expm1": (X, torch.expm1), "log": (P, torch.log), "log1p": (P, torch.log1p), "sqrt": (P, torch.sqrt),
    "rsqrt": (P, torch.rsqrt), "reciprocal": (P, torch.reciprocal), "sin": (X, torch.sin), "cos": (X, torch.cos),
    "tan": (X, torch.tan), "asin": (U, torch.asin), "acos": (U, torch.acos), "atan": (X, torch.atan),
    "sinh": (X, torch.sinh), "cosh": (X, torch.cosh), "tanh": (X, torch.tanh), "erf": (3 * X, torch.erf),
    "sigmoid": (X, torch.sigmoid), "relu": (X, F.relu), "gelu": (X, F.gelu),
    "gelu_tanh": (X, lambda x: F.gelu(x, approximate="tanh")), "quick_gelu": (X, lambda x: x * torch.sigmoid(1.702 * x)),
    "silu": (X, F.silu), "relu2": (X, lambda x: F.relu(x) ** 2), "mish": (X, F.mish), "selu": (X, F.selu),
    "hard_sigmoid": (4 * X, F.hardsigmoid), "hard_swish": (4 * X, F.hardswish), "softsign": (X, F.softsign),
    "log_sigmoid": (X, F.logsigmoid), "floor": (X, torch.floor), "ceil": (X, torch.ceil),
    "round": (np.array([0.5, 1.5, 2.5, -0.5, -1.7]), torch.round), "trunc": (X, torch.trunc), "not": (B, torch.logical_not),
    "bit_not": (I, torch.bitwise_not), "isnan": (np.array([np.nan, 1.0]), torch.isnan),
    "isinf": (np.array([np.inf, -np.inf, 1.0]), torch.isinf), "real": (Z, torch.real), "imag": (Z, torch.imag),
    "conj": (Z, torch.conj_physical), "stop_gradient": (X, torch.detach),
}  # fmt: skip

BINARY: dict[str, list[tuple[list[np.ndarray], Any]]] = {
    "add": [([X, Y], torch.add), ([I, J], torch.add), ([X, Y[0, 0]], torch.add)], "sub": [([X, Y], torch.sub)],
    "mul": [([X, Y], torch.mul), ([X, B], torch.mul), ([Z, Z], torch.mul)],
    "div": [([X, P], torch.div), ([I, J], torch.div)], "floor_div": [([X, P], torch.floor_divide), ([I, J], torch.floor_divide)],
    "trunc_div": [([I, J], lambda a, b: torch.div(a, b, rounding_mode="trunc")),
                  ([X, Y], lambda a, b: torch.div(a, b, rounding_mode="trunc"))],
    "mod": [([I, J], torch.remainder), ([X, Y], torch.remainder)], "fmod": [([I, J], torch.fmod), ([X, Y], torch.fmod)],
    "pow": [([P, X], torch.pow), ([I, J], torch.pow)], "atan2": [([X, Y], torch.atan2)],
    "maximum": [([X, Y], torch.maximum)], "minimum": [([X, Y], torch.minimum)],
    "eq": [([I, J], torch.eq)], "ne": [([I, J], torch.ne)], "lt": [([X, Y], torch.lt)], "le": [([I, J], torch.le)],
    "gt": [([X, Y], torch.gt)], "ge": [([I, J], torch.ge)], "and": [([B, C], torch.logical_and)],
    "or": [([B, C], torch.logical_or)], "xor": [([B, C], torch.logical_xor)], "bit_and": [([I, J], torch.bitwise_and)],
    "bit_or": [([I, J], torch.bitwise_or)], "bit_xor": [([I, J], torch.bitwise_xor)],
    "shift_left": [([I, J], torch.bitwise_left_shift)], "shift_right": [([I, J], torch.bitwise_right_shift)],
    "where": [([B, X, Y], torch.where), ([B, X, Y[0, 0]], torch.where)],
    "prelu": [([X, P[0, :, :1]], lambda x, s: torch.where(x > 0, x, s * x))],
    "polar": [([P, X], torch.polar)], "complex": [([X, Y], torch.complex)],
    "matmul": [([X, Y.transpose(0, 2, 1)], torch.matmul), ([X, Y[0, 0]], torch.matmul)],
}  # fmt: skip

KEEP: dict[str, Any] = {"axes": (0, 2), "keepdims": True}
DROP: dict[str, Any] = {"axes": (1,), "keepdims": False}
CONV: dict[str, Any] = {"stride": (2, 1), "dilation": (1, 2), "pads": ((1, 1), (2, 2)), "groups": 2}
KERNEL = R.standard_normal((6, 2, 3, 3))
BIAS = R.standard_normal(6)
SQUARE = R.standard_normal((2, 3, 3)) + 3 * np.eye(3)
ROWS = np.array([[0, 2], [1, 1], [2, 0]])

CALLS: list[tuple[str, dict[str, Any], list[Any], Any]] = [
    ("softplus", {"beta": 2.0}, [X], lambda x: F.softplus(x, 2.0)),
    ("elu", {"alpha": 0.7}, [X], lambda x: F.elu(x, 0.7)),
    ("leaky_relu", {"slope": 0.2}, [X], lambda x: F.leaky_relu(x, 0.2)),
    ("clip", {"min": -0.5, "max": None}, [X], lambda x: torch.clamp(x, min=-0.5)),
    ("clip", {"min": -1, "max": 2}, [I], lambda x: torch.clamp(x, -1, 2)),
    ("cast", {}, [3 * X], lambda x: x.to(torch.int64)),
    ("cast", {}, [X], lambda x: x.bool()),
    ("cast", {}, [I], lambda x: x.to(torch.uint8)),
    ("arange", {"start": 3, "step": 2}, [], lambda: torch.arange(3, 11, 2)),
    ("arange", {"start": 0.5, "step": 0.25}, [], lambda: torch.arange(0.5, 2, 0.25, dtype=torch.float64)),
    ("full", {"value": 7}, [], lambda: torch.full((2, 3), 7)),
    ("full", {"value": float("-inf")}, [], lambda: torch.full((2,), float("-inf"), dtype=torch.float64)),
    ("reduce_sum", KEEP, [X], lambda x: x.sum((0, 2), keepdim=True)),
    ("reduce_sum", DROP, [B], lambda x: x.sum(1)),
    ("reduce_mean", DROP, [X], lambda x: x.mean(1)),
    ("reduce_max", KEEP, [X], lambda x: x.amax((0, 2), keepdim=True)),
    ("reduce_min", DROP, [X], lambda x: x.amin(1)),
    ("reduce_prod", DROP, [X], lambda x: x.prod(1)),
    ("reduce_any", DROP, [B], lambda x: x.any(1)),
    ("reduce_all", DROP, [B], lambda x: x.all(1)),
    ("reduce_var", {**KEEP, "correction": 1}, [X], lambda x: x.var((0, 2), keepdim=True)),
    ("reduce_std", {**DROP, "correction": 0}, [X], lambda x: x.std(1, correction=0)),
    ("reduce_l1", DROP, [X], lambda x: x.abs().sum(1)),
    ("reduce_l2", KEEP, [X], lambda x: torch.linalg.vector_norm(x, dim=(0, 2), keepdim=True)),
    ("logsumexp", DROP, [X], lambda x: torch.logsumexp(x, 1)),
    ("argmax", {"axis": 2, "keepdims": True}, [X], lambda x: x.argmax(2, keepdim=True)),
    ("argmax", {"axis": None, "keepdims": False}, [X], lambda x: x.argmax()),
    ("argmin", {"axis": 1, "keepdims": False}, [X], lambda x: x.argmin(1)),
    ("cumsum", {"axis": 1, "reverse": False, "exclusive": False}, [X], lambda x: x.cumsum(1)),
    ("cumsum", {"axis": 1, "reverse": True, "exclusive": False}, [X], lambda x: x.flip(1).cumsum(1).flip(1)),
    ("cumsum", {"axis": 1, "reverse": False, "exclusive": True}, [X], lambda x: x.cumsum(1) - x),
    ("cumprod", {"axis": 2}, [X], lambda x: x.cumprod(2)),
    ("cummax", {"axis": 2}, [X], lambda x: x.cummax(2).values),
    ("logcumsumexp", {"axis": 2}, [X], lambda x: x.logcumsumexp(2)),
    ("reshape", {}, [X], lambda x: x.reshape(4, 6)),
    ("transpose", {"perm": (2, 0, 1)}, [X], lambda x: x.permute(2, 0, 1)),
    ("expand", {}, [X[:, :1]], lambda x: x.expand(5, 2, 3, 4)),
    ("slice", {"axis": 2, "start": 1, "stop": 4, "step": 2}, [X], lambda x: x[:, :, 1:4:2]),
    ("slice", {"axis": 1, "start": 2, "stop": -1, "step": -1}, [X], lambda x: x.flip(1)),
    ("concat", {"axis": 1}, [X, Y, X], lambda *xs: torch.cat(xs, 1)),
    ("pad", {"pads": ((0, 0), (1, 2), (0, 3)), "mode": "constant", "value": 0.5}, [X],
     lambda x: F.pad(x, (0, 3, 1, 2), value=0.5)),
    ("pad", {"pads": ((0, 0), (0, 0), (2, 3)), "mode": "reflect", "value": None}, [X], lambda x: F.pad(x, (2, 3), "reflect")),
    ("pad", {"pads": ((0, 0), (0, 0), (2, 1)), "mode": "replicate", "value": None}, [X],
     lambda x: F.pad(x, (2, 1), "replicate")),
    ("pad", {"pads": ((0, 0), (0, 0), (2, 1)), "mode": "circular", "value": None}, [X], lambda x: F.pad(x, (2, 1), "circular")),
    ("tile", {"repeats": (1, 2, 3)}, [X], lambda x: x.repeat(1, 2, 3)),
    ("roll", {"shifts": (1, -2), "axes": (0, 2)}, [X], lambda x: x.roll((1, -2), (0, 2))),
    ("tril", {"diagonal": 1}, [X], lambda x: x.tril(1)),
    ("triu", {"diagonal": -1}, [X], lambda x: x.triu(-1)),
    ("window", {"axis": 2, "size": 2, "step": 2}, [X], lambda x: x.unfold(2, 2, 2)),
    ("diagonal", {"offset": 1, "axis1": 0, "axis2": 2}, [X], lambda x: x.diagonal(1, 0, 2)),
    ("view_as_complex", {}, [R.standard_normal((3, 2))], torch.view_as_complex),
    ("view_as_real", {}, [Z], torch.view_as_real),
    ("write", {"starts": (0, 1, 0), "stops": (2, 3, 4), "steps": (1, 1, 2)}, [X, Y[:, :2, :2]],
     lambda x, u: torch.slice_scatter(x, torch.slice_scatter(x[:, 1:3], u, 2, 0, 4, 2), 1, 1, 3)),
    ("gather", {"axis": 1}, [X, ROWS], lambda x, i: x[:, i]),
    ("gather_elements", {"axis": 1}, [X, R.integers(0, 3, (2, 2, 4))], lambda x, i: torch.gather(x, 1, i)),
    ("gather_nd", {"axes": (0, 1)}, [X, ROWS % 2, ROWS], lambda x, i, j: x[i, j]),
    ("gather_nd", {"axes": (0, 2)}, [X, ROWS % 2, ROWS], lambda x, i, j: x[i, :, j]),
    ("gather_nd", {"axes": (1, 2)}, [X, ROWS, ROWS[:1]], lambda x, i, j: x[:, i, j]),
    ("scatter_nd", {"axes": (1,), "reduce": "add"}, [X, Y[:, [0, 0, 1]], np.array([0, 0, 2])],
     lambda x, u, i: x.index_add(1, i, u)),
    ("scatter_nd", {"axes": (0,), "reduce": "none"}, [X, Y[:1], np.array([1])], lambda x, u, i: x.index_put((i,), u)),
    ("scatter_elements", {"axis": 1, "reduce": "none"}, [X, np.zeros((2, 1, 4), int), Y], lambda x, i, u: x.scatter(1, i, u)),
    ("scatter_elements", {"axis": 2, "reduce": "add"}, [X, R.integers(0, 4, (2, 3, 4)), Y],
     lambda x, i, u: x.scatter_add(2, i, u)),
    ("scatter_elements", {"axis": 2, "reduce": "max"}, [X, R.integers(0, 4, (2, 3, 4)), Y],
     lambda x, i, u: x.scatter_reduce(2, i, u, "amax")),
    ("masked_scatter", {}, [X, B, Y], torch.masked_scatter),
    ("masked_select", {}, [X, B], torch.masked_select),
    ("nonzero", {}, [B], torch.nonzero),
    ("one_hot", {"depth": 5}, [ROWS], lambda x: F.one_hot(x, 5)),
    ("topk", {"k": 2, "axis": 2, "largest": True}, [X], lambda x: tuple(x.topk(2, 2))),
    ("topk", {"k": 1, "axis": 1, "largest": False}, [X], lambda x: tuple(x.topk(1, 1, largest=False))),
    ("sort", {"axis": 1, "descending": True}, [X], lambda x: tuple(x.sort(1, descending=True))),
    ("sort", {"axis": 0, "descending": True}, [np.array([1, 2, 1, 2])], lambda x: tuple(torch.sort(x, dim=0, descending=True, stable=True))),
    ("sort", {"axis": 2, "descending": False}, [X], lambda x: tuple(x.sort(2))),
    ("bincount", {"size": 7}, [ROWS.reshape(-1)], lambda x: torch.bincount(x, minlength=7)),
    ("searchsorted", {"right": True}, [np.sort(X), Y], lambda e, x: torch.searchsorted(e, x, right=True)),
    ("searchsorted", {"right": False}, [np.sort(X[0, 0]), Y], torch.searchsorted),
    ("unique", {}, [I], torch.unique),
    ("embedding", {}, [KERNEL[:, :, 0, 0], ROWS], lambda w, i: F.embedding(i, w)),
    ("einsum", {"equation": "abc,adc->bd"}, [X, Y], lambda a, b: torch.einsum("abc,adc->bd", a, b)),
    ("linear", {"layout": "oi"}, [X, Y[0], P[0, :, 0]], F.linear),
    ("linear", {"layout": "io"}, [X, Y[0].T], lambda x, w: x @ w),
    ("conv", CONV, [IMAGE, KERNEL, BIAS], lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2)),
    ("conv", {"stride": (3,), "dilation": (1,), "pads": ((0, 0),), "groups": 4}, [IMAGE[:, :, 0], R.standard_normal((4, 1, 3))],
     lambda x, w: F.conv1d(x, w, stride=3, groups=4)),
    ("conv", {"stride": (1, 1, 1), "dilation": (1, 1, 1), "pads": ((0, 0),) * 3, "groups": 1},
     [R.standard_normal((1, 2, 3, 4, 5)), R.standard_normal((3, 2, 2, 2, 2))], F.conv3d),
    ("conv_transposed", {"stride": (2, 3), "dilation": (1, 2), "pads": ((1, 1), (0, 0)), "groups": 2, "output_padding": (1, 2)},
     [IMAGE, R.standard_normal((4, 3, 3, 2)), BIAS], lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), (1, 0), (1, 2), 2, (1, 2))),
    ("conv_transposed", {"stride": (2,), "dilation": (1,), "pads": ((3, 3),), "groups": 1, "output_padding": (0,)},
     [IMAGE[:, :, 0], R.standard_normal((4, 3, 2))], lambda x, w: F.conv_transpose1d(x, w, None, 2, 3)),
    ("softmax", {"axis": 1}, [X], lambda x: x.softmax(1)),
    ("log_softmax", {"axis": 2}, [X], lambda x: x.log_softmax(2)),
    ("layer_norm", {"axes": (1, 2), "eps": 1e-3}, [X, Y[0], P[0]], lambda x, w, b: F.layer_norm(x, (3, 4), w, b, 1e-3)),
    ("layer_norm", {"axes": (2,), "eps": 1e-3}, [X, None, P[0, 0]],
     lambda x, w, b: F.layer_norm(x, (4,), torch.ones(4, dtype=torch.float64), b, 1e-3)),
    ("rms_norm", {"axes": (2,), "eps": 1e-3}, [X, P[0, 0]], lambda x, w: F.rms_norm(x, (4,), w, 1e-3)),
    ("l2_norm", {"axes": (1,), "eps": 1e-12}, [X], lambda x: F.normalize(x, dim=1)),
    ("l2_norm", {"axes": (1,), "eps": 0.3, "inside": True}, [X], lambda x: x / torch.sqrt((x * x).sum(1, keepdim=True) + 0.3)),
    ("layer_norm", {"axes": (2,), "eps": 0.1, "correction": 1, "outside": True}, [X],
     lambda x: (x - x.mean(2, keepdim=True)) / (x.std(2, keepdim=True) + 0.1)),
    ("rms_norm", {"axes": (2,), "eps": 0.1, "outside": True}, [X], lambda x: x / (x.square().mean(2, keepdim=True).sqrt() + 0.1)),
    ("solve_triangular", {"upper": True, "unit": False}, [SQUARE, X], lambda a, b: torch.linalg.solve_triangular(a, b, upper=True)),
    ("solve_triangular", {"upper": False, "unit": True}, [SQUARE, X],
     lambda a, b: torch.linalg.solve_triangular(a, b, upper=False, unitriangular=True)),
    ("response_norm", {"size": 3, "alpha": 0.4, "beta": 0.75, "eps": 2.0}, [IMAGE],
     lambda x: F.local_response_norm(x, 3, 0.4, 0.75, 2.0)),
    ("group_norm", {"groups": 2, "eps": 1e-3}, [IMAGE, BIAS[:4], BIAS[2:]], lambda x, w, b: F.group_norm(x, 2, w, b, 1e-3)),
    ("batch_norm", {"eps": 1e-3}, [IMAGE, BIAS[:4], BIAS[2:], BIAS[1:5], P[0, 0]],
     lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b, eps=1e-3)),
    ("max_pool", {"kernel": (3, 2), "stride": (2, 2), "pads": ((1, 1), (0, 0)), "dilation": (1, 2)}, [IMAGE],
     lambda x: F.max_pool2d(x, (3, 2), 2, (1, 0), (1, 2))),
    ("max_pool", {"kernel": (2, 2), "stride": (2, 2), "pads": ((0, 0), (0, 0)), "dilation": (1, 1)}, [IMAGE],
     lambda x: F.max_pool2d(x, 2, ceil_mode=True)),
    ("avg_pool", {"kernel": (3, 3), "stride": (2, 2), "pads": ((1, 1), (1, 1)), "count_pad": True}, [IMAGE],
     lambda x: F.avg_pool2d(x, 3, 2, 1)),
    ("avg_pool", {"kernel": (3, 3), "stride": (2, 2), "pads": ((1, 1), (1, 1)), "count_pad": False}, [IMAGE],
     lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    ("avg_pool", {"kernel": (3, 4), "stride": (2, 3), "pads": ((0, 0), (1, 1)), "count_pad": True}, [IMAGE],
     lambda x: F.avg_pool2d(x, (3, 4), (2, 3), (0, 1), ceil_mode=True)),
    ("avg_pool", {"kernel": (2,), "stride": (2,), "pads": ((0, 0),), "count_pad": True}, [IMAGE[0]],
     lambda x: F.avg_pool1d(x, 2, ceil_mode=True)),
    ("adaptive_pool", {"mode": "avg"}, [IMAGE], lambda x: F.adaptive_avg_pool2d(x, (3, 2))),
    ("adaptive_pool", {"mode": "max"}, [IMAGE], lambda x: F.adaptive_max_pool2d(x, (5, 1))),
    ("resize", {"mode": "nearest"}, [IMAGE], lambda x: F.interpolate(x, (14, 5))),
    ("resize", {"mode": "linear"}, [IMAGE], lambda x: F.interpolate(x, (10, 4), mode="bilinear")),
    ("resize", {"mode": "cubic"}, [IMAGE], lambda x: F.interpolate(x, (10, 13), mode="bicubic")),
    ("grid_sample", {"mode": "linear"}, [IMAGE, 1.2 * np.tanh(R.standard_normal((2, 3, 5, 2)))],
     lambda x, g: F.grid_sample(x, g, align_corners=False)),
    ("grid_sample", {"mode": "nearest"}, [IMAGE, 1.2 * np.tanh(R.standard_normal((2, 3, 5, 2)))],
     lambda x, g: F.grid_sample(x, g, mode="nearest", align_corners=False)),
    ("fft", {"kind": "fft", "axes": (1,)}, [X], lambda x: torch.fft.fft(x, dim=1)),
    ("fft", {"kind": "rfft", "axes": (2,)}, [X], lambda x: torch.fft.rfft(x, dim=2)),
    ("fft", {"kind": "irfft", "axes": (2,)}, [Z], lambda x: torch.fft.irfft(x, n=5, dim=2)),
    ("fft", {"kind": "fft2", "axes": (1, 2)}, [X], torch.fft.fft2),
    ("rotary", {"interleaved": False}, [X, np.cos(Y[..., :2]), np.sin(Y[..., :2])],
     lambda x, c, s: torch.cat([x[..., :2] * c - x[..., 2:] * s, x[..., 2:] * c + x[..., :2] * s], -1)),
    ("rotary", {"interleaved": True}, [X, np.cos(Y[..., :2]), np.sin(Y[..., :2])],
     lambda x, c, s: torch.view_as_real(torch.view_as_complex(x.reshape(2, 3, 2, 2)) * torch.complex(c, s)).flatten(-2)),
]  # fmt: skip
CALLS += [(op, {}, [x], function) for op, (x, function) in UNARY.items()]
CALLS += [(op, {}, args, function) for op, rows in BINARY.items() for args, function in rows]


def to_torch(value: Any) -> Any:
    return None if value is None else torch.from_numpy(np.ascontiguousarray(value))


def to_numpy(value: Any) -> Any:
    return tuple(map(to_numpy, value)) if isinstance(value, tuple) else value.resolve_conj().numpy()


@pytest.mark.parametrize(("op", "attrs", "args", "function"), CALLS, ids=[f"{i}-{c[0]}" for i, c in enumerate(CALLS)])
def test_gives_what_torch_gives(op: str, attrs: dict[str, Any], args: list[Any], function: Any) -> None:
    expected = to_numpy(function(*map(to_torch, args)))
    agree(called(op, attrs, args, expected), expected)


RNNS = [
    (torch.nn.LSTM, "lstm", {}), (torch.nn.GRU, "gru", {}), (torch.nn.RNN, "tanh", {}),
    (torch.nn.RNN, "relu", {"nonlinearity": "relu"}), (torch.nn.LSTM, "lstm", {"proj_size": 2}),
    (torch.nn.LSTM, "lstm", {"bias": False}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "variant", "extra"), RNNS)
@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("given", [False, True])
def test_recurrent_layers_give_what_torch_gives(kind: Any, variant: str, extra: Any, ways: int, given: bool) -> None:
    torch.manual_seed(0)
    model = kind(4, 5, num_layers=2, bidirectional=ways == 2, batch_first=True, dtype=torch.float64, **extra)
    out = extra.get("proj_size") or 5
    states = [torch.randn(2 * ways, 2, n, dtype=torch.float64) for n in ([out, 5] if variant == "lstm" else [5])]
    start = (tuple(states) if variant == "lstm" else states[0]) if given else None
    y, last = model(torch.from_numpy(X), start)
    expected = tuple(t.detach().numpy() for t in (y, *(last if isinstance(last, tuple) else (last,))))
    params = [p.detach().numpy() for p in model._flat_weights]
    attrs = {"variant": variant, "hidden": 5, "layers": 2, "bidirectional": ways == 2, "batch_first": True,
             "states": len(states) if given else 0}  # fmt: skip
    agree(called("rnn", attrs, [X, *params, *([s.numpy() for s in states] if given else [])], expected), expected)


def test_grouped_linear_gives_each_group_its_matrix() -> None:
    x, w, offsets = R.standard_normal((6, 4)), R.standard_normal((3, 4, 5)), np.array([2, 2, 6])
    expected = np.concatenate([x[:2] @ w[0], x[2:] @ w[2]])
    agree(called("grouped_linear", {"layout": "io"}, [x, w, offsets], expected), expected)


def test_no_operator_with_a_meaning_goes_untested() -> None:
    tested = {call[0] for call in CALLS} | {"rnn", "grouped_linear", "const", "pick"}
    assert set(KERNELS) - tested == set()
    assert set(KERNELS) <= set(OPS)
