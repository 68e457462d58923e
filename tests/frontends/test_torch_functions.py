# ruff: noqa: E501, PLW0108 - a table
"""Every torch function lowers to canonical operators that compute the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from irgen.frontends.torch_live import capture
from tests.frontends.torch_support import Calls, disagreement, opaque

G = torch.Generator().manual_seed(3)
X = torch.randn(2, 3, 4, generator=G)
Y = torch.randn(2, 3, 4, generator=G)
P = X.abs() + 0.1
M = torch.randn(5, 6, generator=G)
N = torch.randn(6, 5, generator=G)
INDEX = torch.tensor([[0, 2, 1], [1, 1, 0]])
B = X > 0
IMG = torch.randn(2, 4, 9, 8, generator=G)
SIG = torch.randn(2, 4, 20, generator=G)
Q = torch.randn(2, 4, 5, 8, generator=G)
KV = torch.randn(2, 2, 7, 8, generator=G)


def _write_slice(x: Any) -> Any:
    y = torch.zeros_like(x)
    y[:, 1] = x[:, 0] * 2
    y[..., ::2] += 1
    return y


def _write_through_views(x: Any) -> Any:
    y = x.clone()
    y.transpose(0, 1)[0].mul_(3)
    y.view(-1)[2:5].zero_()
    seen = y[1]
    y.add_(1)
    return y, seen


def _write_diagonal(x: Any) -> Any:
    y = x.clone()
    y.diagonal().add_(5)
    return y


def _write_where(x: Any) -> Any:
    y = x.clone()
    y[y > 0] = -1.0
    return y


def _index_put(x: Any, i: Any) -> Any:
    y = x.clone()
    y[:, i[0]] = 7.0
    y.index_add_(0, torch.tensor([1, 1]), torch.ones(2, 3, 4))
    return y


def _out(x: Any) -> Any:
    y = torch.empty(2, 3, 4)
    torch.mul(x, 2, out=y)
    return y + 1


def _loop(x: Any) -> Any:
    h = torch.zeros(2, 4)
    steps = []
    for row in x.unbind(1):
        h = torch.tanh(row + 0.5 * h)
        steps.append(h)
    return torch.stack(steps, 1)


TABLE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    # arithmetic and its types
    "scalars": (lambda x: 2 - x * 3 + x / 2 - (1 / (x + 9)) + 2**x + x**2 - -x, (X,)),
    "alpha": (lambda x, y: torch.add(x, y, alpha=2) + torch.sub(x, y, alpha=3) + torch.rsub(x, y), (X, Y)),
    "integers": (lambda i: (i // 2, i % 2, i / 2, i * 1.5, i + True, ~i, i << 1, i & 1), (INDEX,)),
    "division": (lambda x, y: (torch.div(x, y, rounding_mode="floor"), torch.div(x, y, rounding_mode="trunc")), (X, Y)),
    "remainders": (lambda x, y: (x % y, torch.fmod(x, y), torch.remainder(x, 0.7)), (X, Y)),
    "powers": (lambda x: (x.pow(0.5), x.pow(-0.5), x.square(), torch.pow(2.0, x), x.rsqrt(), x.log2(), x.log1p()), (P,)),
    "comparisons": (lambda x, y: ((x > y) & (x != 0) | ~(y <= 1)).float() + torch.logical_xor(x > 0, y > 0), (X, Y)),
    "where": (lambda x, y: torch.where(x > 0, x, 0.0) + x.where(y > 0, y) + x.masked_fill(y > 0, -math.inf).exp(), (X, Y)),
    "extremes": (lambda x, y: (torch.maximum(x, y), x.clamp(-1, 1), x.clamp(min=0.1), x.clamp(max=y), torch.min(x, y)), (X, Y)),
    "rounding": (lambda x: (x.round(), x.floor(), x.ceil(), x.trunc(), x.frac(), x.round(decimals=1), x.sign()), (X,)),
    "trigonometry": (lambda x: x.sin() + x.cos() + x.tanh() + x.atan() + torch.atan2(x, x + 3) + x.sinh() + x.erf(), (X,)),
    "not numbers": (lambda x: (torch.nan_to_num(x / 0 * 0), torch.isnan(x).float(), torch.isfinite(x / 0).float()), (X,)),
    "fused": (lambda x, y: torch.addcmul(x, x, y, value=2) + torch.addcdiv(x, y, y + 9) + torch.lerp(x, y, 0.3), (X, Y)),
    "complex": (lambda x: (torch.view_as_complex(x.reshape(2, 3, 2, 2)) * torch.polar(x[..., :2].abs(), x[..., 2:])).abs(), (X,)),
    "complex parts": (lambda x: torch.view_as_real(torch.complex(x, x * 2).conj() * 1j).flatten(-2) + 0, (X,)),
    # activations
    "activations": (
        lambda x: [f(x) for f in (F.relu, F.gelu, F.silu, F.mish, F.selu, F.softplus, F.elu, F.celu, F.leaky_relu,
                                  F.relu6, F.hardtanh, F.hardsigmoid, F.hardswish, F.logsigmoid, F.softsign, F.tanhshrink,
                                  F.hardshrink, F.softshrink, F.glu, torch.sigmoid)], (X,)),
    "activation forms": (lambda x: (F.gelu(x, approximate="tanh"), F.softplus(x, 2.0), F.elu(x, 0.5), F.threshold(x, 0.1, 3.0)), (X,)),
    # moves
    "views": (lambda x: x.view(6, 4).reshape(3, -1).flatten().unflatten(0, (4, 6)).unsqueeze(1).squeeze(1).view_as(x.view(4, 6)), (X,)),
    "permutations": (lambda x: (x.permute(2, 0, 1), x.transpose(0, -1), x.mT, x[0].T, x.movedim(0, 2), x.swapaxes(0, 1)), (X,)),
    "broadcasts": (lambda x: (x[:, :1].expand(-1, 5, -1), x[:, :1].broadcast_to(2, 3, 4), x.repeat(2, 1, 3), x.tile(2)), (X,)),
    "repeats": (lambda x: (x.repeat_interleave(3, 1), x.repeat_interleave(torch.tensor([1, 0, 2]), 1), x.repeat_interleave(2)), (X,)),
    "joins": (lambda x, y: (torch.cat([x, y], -1), torch.stack([x, y], 1), torch.hstack([x, y]), torch.vstack([x, y]), torch.dstack([x[0], y[0]])), (X, Y)),
    "splits": (lambda x: (*x.chunk(2, -1), *x.split([1, 2], 1), *x.split(2, 2), *x.unbind(1), *torch.tensor_split(x, 3, 2)), (X,)),
    "slices": (lambda x: (x[:, 1:], x[..., ::2], x[1], x[:, None, -1], x.narrow(1, 1, 2), x.select(2, 3), x.flip(0, 2), x.roll(1, 2)), (X,)),
    "rolls": (lambda x: (x.roll((1, -1), (0, 2)), x.roll(3), torch.rot90(x, 1, (0, 1))), (X,)),
    "pads": (lambda x: (F.pad(x, (1, 2)), F.pad(x, (1, 1, 2, 0), value=3.0), F.pad(x, (1, 2), mode="reflect"), F.pad(x, (2, 1), mode="replicate"), F.pad(x, (-1, 2)), F.pad(x, (1, 1), mode="circular")), (X,)),
    "triangles": (lambda m: (m.tril(), m.triu(1), torch.diag(m[0]), m.diagonal(1), torch.diag_embed(m), torch.trace(m)), (M,)),
    "windows": (lambda x: x.unfold(2, 2, 1).sum(-1), (X,)),
    "fold": (lambda x: F.fold(x[:, :, :12], (4, 5), 2), (SIG,)),
    "bags": (lambda i, w: F.embedding_bag(i, w) + F.embedding_bag(i, w, mode="sum"), (INDEX, torch.randn(4, 3))),
    "sequences": (lambda x: torch.nn.utils.rnn.pad_sequence([x[0], x[1, :2]], batch_first=True), (X,)),
    "affine grid": (lambda x: F.affine_grid(x[:, :2, :3], [2, 1, 4, 5], align_corners=False), (X,)),
    "grids": (lambda m: torch.meshgrid(m[0], m[:, 0], indexing="ij") + torch.meshgrid(m[0], m[:, 0], indexing="xy"), (M,)),
    "shuffles": (lambda x: (F.pixel_shuffle(x, 2), F.pixel_unshuffle(x[..., :8, :], 2), F.channel_shuffle(x, 2)), (IMG,)),
    "casts": (lambda x: (x.to(torch.int64).float(), x.long() + 0.5, x.double(), x.type_as(x.double()), x.bool().float()), (X,)),
    "as_strided": (lambda m: m.as_strided((3, 2), (6, 1), 2), (M,)),
    "overlapping chunks": (lambda m: m.view(1, 5, 6).as_strided((1, 9, 6), (30, 3, 1)), (M,)),
    "block_diag": (lambda m, n: torch.block_diag(m, n), (M, N)),
    # reductions
    "sums": (lambda x: (x.sum(), x.mean(-1), x.sum((0, 2), keepdim=True), x.prod(1), x.mean(dtype=torch.float64), (x > 0).sum(1)), (X,)),
    "spreads": (lambda x: (x.var(-1), x.std(1, unbiased=False), *torch.var_mean(x, 2), torch.var(x, (0, 1), correction=0)), (X,)),
    "largest": (lambda x: (x.max(), *x.max(1), *x.min(-1, keepdim=True), x.argmax(1), x.amax((0, 1)), *torch.aminmax(x), x.argmin()), (X,)),
    "logic": (lambda x: (torch.any(x > 0, 1).float(), (x > 0).all().float(), torch.count_nonzero(x > 0, 1).float()), (X,)),
    "norms": (lambda x: (x.norm(), x.norm(dim=-1), torch.linalg.vector_norm(x, 1, -1), x.norm(3, 1), torch.linalg.norm(x, dim=2), F.normalize(x, dim=-1), x.norm(math.inf, 1)), (X,)),
    "running": (lambda x: (x.cumsum(1), x.cumprod(2), x.logcumsumexp(1), x.cummax(1)[0], x.cummin(1)[0], x.diff(dim=1), torch.diff(x, prepend=x[..., :1])), (X,)),
    "order": (lambda x: (*x.topk(2, 1), *x.sort(-1, descending=True), x.argsort(1), x.median(), x.kthvalue(2, 1)[0], x.logsumexp(1)), (X,)),
    "medians": (lambda x: x.median(1), (X,)),
    # indexing
    "getitem": (lambda x, i: (x[:, i], x[:, i, 1], x[i[:, 0], i[:, 1]], x[0, i], x[:, [2, 0]], x[..., i[0], None]), (X, INDEX)),
    "apart": (lambda x: x[torch.tensor([0, 1]), :, torch.tensor([3, 2])], (X,)),
    "masks": (lambda x, b: (x[b], x[b[:, :, 0]], x.masked_select(b), x[b[:, 0, 0]]), (X, B)),
    "gathers": (lambda x, i: (x.gather(1, i[:, :, None].expand(2, 3, 4)), x.index_select(1, i[0]), torch.take_along_dim(x, i[..., None], 1), x.take(i)), (X, INDEX)),
    "scatters": (lambda x, i: (x.scatter(1, i[:, :, None], 9.0), x.scatter_add(1, i[..., None].expand(2, 3, 4), x), x.index_fill(1, i[1, 1:], 2.0), x.index_copy(1, torch.tensor([2, 0]), x[:, :2]), x.scatter_reduce(1, i[..., None].expand(2, 3, 4), x, "amax")), (X, INDEX)),
    "masked_scatter": (lambda x, b: x.masked_scatter(b, torch.arange(24.0)), (X, B)),
    "nonzero": (lambda b: (b.nonzero().float(), *(p.float() for p in torch.where(b)), torch.argwhere(b).float()), (B,)),
    "counts": (lambda i: (F.one_hot(i, 4).float(), torch.bincount(i.flatten(), minlength=5).float(), torch.histc(i.float(), 3, 0, 2)), (INDEX,)),
    "buckets": (lambda x: (torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0])), torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0]), x, right=True), torch.isin(x.round(), torch.tensor([0.0, 1.0]))), (X,)),
    "embedding": (lambda i, w: F.embedding(i, w) + F.embedding(i, w, padding_idx=0), (INDEX, torch.randn(4, 3))),
    # tensors from nothing
    "ranges": (lambda x: (x + torch.arange(4), x + torch.linspace(0, 1, 4), torch.arange(1, 9, 3.0) + 0, torch.eye(3, 4) + x, x.new_full((4,), 2.0), torch.full((4,), x[0, 0, 0])), (X,)),
    "tables": (lambda x: x[..., :4] * torch.hann_window(4) + torch.tril_indices(2, 2).sum() + torch.tensor([1.0, 2, 3, 4]), (X,)),
    "tensors of tensors": (lambda x: torch.tensor([1.0, 2.0]) + torch.stack([x[0, 0, 0], x[0, 0, 1]]), (X,)),
    # contractions
    "products": (lambda m, n: (m @ n, torch.mm(m, n), m[0] @ n, m.mv(n[:, 0]), torch.dot(m[0], n[:, 0]), torch.outer(m[0], n[0])), (M, N)),
    "batched": (lambda x, y: (torch.bmm(x, y.mT), torch.baddbmm(x[..., :3], x, y.mT, beta=0.5, alpha=2), x @ y[0].T, torch.matmul(x[:, None], y.mT)), (X, Y)),
    "addmm": (lambda m, n: (torch.addmm(m[:, :5], m, n, beta=2), m[:, :5].addmm(mat1=m, mat2=n)), (M, N)),
    "einsum": (lambda x, y: (torch.einsum("bij,bkj->bik", x, y), torch.einsum("...i,...i", x, y), torch.einsum("b i j -> j", x), torch.einsum("...ij,jk->...ik", x, y[0].T)), (X, Y)),
    "tensordot": (lambda x, y: (torch.tensordot(x, y[0], ([2], [1])), torch.inner(x, y)), (X, Y)),
    "similarity": (lambda x, y: (F.cosine_similarity(x, y, dim=-1), torch.cdist(x, y), F.pairwise_distance(x[0], y[0])), (X, Y)),
    "kron": (lambda m, n: torch.kron(m, n), (M, N)),
    "grouped": (lambda m: torch._grouped_mm(m.repeat(1, 2)[:, :8], torch.arange(128.0).reshape(2, 8, 8) / 50, offs=torch.tensor([2, 5], dtype=torch.int32)), (torch.randn(5, 6),)),
    # attention
    "sdpa": (lambda q: F.scaled_dot_product_attention(q, q + 1, q * 2), (Q,)),
    "sdpa causal": (lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True), (Q,)),
    "sdpa masks": (lambda q, k: (F.scaled_dot_product_attention(q, k.repeat(1, 2, 1, 1), k.repeat(1, 2, 1, 1), attn_mask=torch.ones(5, 7).tril(1).bool()), F.scaled_dot_product_attention(q, k.repeat(1, 2, 1, 1), k.repeat(1, 2, 1, 1), attn_mask=torch.arange(35.0).reshape(5, 7) / 9, scale=0.2)), (Q, KV)),
    "sdpa grouped": (lambda q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True), (Q, KV)),
    "softmax": (lambda x: (x.softmax(-1), F.softmax(x, 1), F.log_softmax(x, 2), F.softmax(x, 1, dtype=torch.float64), F.softmin(x, 0)), (X,)),
    # norms
    "layer_norm": (lambda x: (F.layer_norm(x, (4,)), F.layer_norm(x, (3, 4), torch.ones(3, 4) * 2, torch.ones(3, 4)), F.rms_norm(x, (4,))), (X,)),
    "image norms": (lambda x: (F.group_norm(x, 2), F.instance_norm(x), F.batch_norm(x, torch.arange(4.0), torch.arange(1.0, 5)), F.local_response_norm(x, 3)), (IMG,)),
    # convolutions
    "conv1d": (lambda x: (F.conv1d(x, torch.arange(24.0).reshape(3, 4, 2) / 9, padding=1, stride=2), F.conv1d(x, torch.arange(12.0).reshape(4, 1, 3) / 9, groups=4, dilation=2)), (SIG,)),
    "conv2d": (lambda x: (F.conv2d(x, torch.arange(72.0).reshape(2, 4, 3, 3) / 50, torch.ones(2), padding="same"), F.conv2d(x[0], torch.arange(72.0).reshape(2, 4, 3, 3) / 50)), (IMG,)),
    "conv transposed": (lambda x: (F.conv_transpose1d(x, torch.arange(24.0).reshape(4, 2, 3) / 9, stride=2, padding=1, output_padding=1)), (SIG,)),
    "pools": (lambda x: (F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 2, ceil_mode=True), F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), F.adaptive_avg_pool2d(x, 1), F.adaptive_avg_pool2d(x, (4, 3)), F.adaptive_max_pool2d(x, 2)), (IMG,)),
    "pools 1d": (lambda x: (F.max_pool1d(x, 3), F.avg_pool1d(x, 4, 2), F.adaptive_avg_pool1d(x, 5), F.lp_pool1d(x.abs(), 2, 4)), (SIG,)),
    "resize": (lambda x: (F.interpolate(x, scale_factor=2), F.interpolate(x, size=(5, 7), mode="bilinear"), F.interpolate(x, size=(12, 12), mode="bicubic")), (IMG,)),
    "resize otherwise": (lambda x: (F.interpolate(x, size=(5, 13), mode="bilinear", align_corners=True), F.interpolate(x, size=(5, 13), mode="nearest-exact"), F.interpolate(x, size=(5, 13), mode="bilinear", antialias=True), F.interpolate(x, size=(5, 13), mode="bicubic", antialias=True)), (IMG,)),
    "losses": (lambda x, y: (F.mse_loss(x, y), F.l1_loss(x, y, reduction="none")), (X, Y)),
    "unfold": (lambda x: F.unfold(x, (3, 2), padding=1, stride=2), (IMG,)),
    # signals
    "fft": (lambda x: (torch.fft.fft(x).abs(), torch.fft.rfft(x, norm="ortho").real, torch.fft.irfft(torch.fft.rfft(x), n=20), torch.fft.fft2(x).real, torch.fft.rfft(x, n=32).imag, torch.fft.fftn(x, dim=(1, 2), norm="ortho").abs()), (SIG,)),
    "stft": (lambda x: torch.stft(x[0], 8, 4, window=torch.hann_window(8), return_complex=True).abs(), (SIG,)),
    # writes in place
    "write slice": (_write_slice, (X,)),
    "write through views": (_write_through_views, (X,)),
    "write diagonal": (_write_diagonal, (M[:, :5],)),
    "write where": (_write_where, (X,)),
    "write at indices": (_index_put, (X, INDEX)),
    "out": (_out, (X,)),
    "augmented": (lambda x: x.clone().add_(1).mul_(2).clamp_(min=0).unsqueeze_(0).transpose_(1, 2), (X,)),
    "loop": (_loop, (X,)),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_function_lowers_to_operators_that_compute_the_same(name: str) -> None:
    function, inputs = TABLE[name]
    module = Calls(function)
    graph = capture(module, inputs)
    assert opaque(graph) == []
    assert disagreement(module, inputs, graph=graph) < 2e-5


ATEN: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "_to_copy": (lambda x: torch.ops.aten._to_copy.default(x, dtype=torch.float64), (X,)),
    "slice": (lambda x: torch.ops.aten.slice.Tensor(x, 1, 1, 9223372036854775807), (X,)),
    "select": (lambda x: torch.ops.aten.select.int(x, 1, -1), (X,)),
    "index": (lambda x, i: torch.ops.aten.index.Tensor(x, [None, i]), (X, INDEX)),
    "index_put": (lambda x, i: torch.ops.aten.index_put.default(x, [None, i[0]], x * 2), (X, INDEX)),
    "native_layer_norm": (lambda x: torch.ops.aten.native_layer_norm.default(x, [4], None, None, 1e-5)[0], (X,)),
    "convolution": (lambda x, w: torch.ops.aten.convolution.default(x, w, None, [1], [1], [1], False, [0], 1), (SIG, torch.randn(3, 4, 3))),
    "mean": (lambda x: torch.ops.aten.mean.dim(x, [-1], True), (X,)),
    "var": (lambda x: torch.ops.aten.var.correction(x, [1], correction=0, keepdim=True), (X,)),
    "split": (lambda x: torch.ops.aten.split_with_sizes.default(x, [1, 3], 2), (X,)),
    "softmax": (lambda x: torch.ops.aten._softmax.default(x, -1, False), (X,)),
    "addmm": (lambda m, n: torch.ops.aten.addmm.default(m[:, :5], m, n), (M, N)),
    "flash": (lambda q: torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default(q, q, q, 0.0, True)[0], (Q,)),
    "pool": (lambda x: torch.ops.aten.max_pool2d_with_indices.default(x, [2, 2])[0], (IMG,)),
    "copy": (lambda x: torch.ops.aten.copy.default(x, x[:, :1]), (X,)),
    "add_": (lambda x: torch.ops.aten.add_.Tensor(torch.ops.aten.clone.default(x), x), (X,)),
    "pow": (lambda x: torch.ops.aten.pow.Scalar(2.0, torch.ops.aten.rsub.Scalar(x, 1)), (X,)),
}  # fmt: skip


@pytest.mark.parametrize("name", ATEN)
def test_dispatcher_overloads_lower_too(name: str) -> None:
    function, inputs = ATEN[name]
    graph = capture(Calls(function), inputs)
    assert opaque(graph) == []
    assert disagreement(Calls(function), inputs, graph=graph) < 2e-5


def test_parameter_weights_make_linear_and_data_weights_make_matmul() -> None:
    assert "linear" in {n.op for n in capture(Calls(F.linear, (5, 4)), (X,))}
    product = {n.op for n in capture(Calls(lambda x, y: F.linear(x, y)), (X, M[:, :4]))}
    assert "matmul" in product
    assert "linear" not in product


def test_unknown_function_stays_opaque_and_is_said() -> None:
    graph = capture(Calls(lambda x: torch.linalg.svdvals(x) + 1), (X,))
    assert opaque(graph) == ["torch._C._linalg.linalg_svdvals"]
    assert any("svdvals" in finding for finding in graph.findings)


def test_causal_flag_becomes_a_comparison_of_positions() -> None:
    graph = capture(Calls(lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True)), (Q,))
    assert [n.op for n in graph].count("arange") == 2
    assert {"ge", "where", "softmax"} <= {n.op for n in graph}
