"""Spellings of the same functions in torch: what people write, and the canonical operators that each must become."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as everybody calls it

BATCH, LENGTH, WIDTH = 2, 5, 8


@dataclass(frozen=True)
class Spelling:
    """A function of a tensor and learned vectors or matrices, and the operators it must come to (views left out)."""

    name: str
    function: Callable[..., Tensor]
    becomes: tuple[str, ...]
    shape: tuple[int, ...] = (BATCH, LENGTH, WIDTH)
    params: tuple[tuple[int, ...], ...] = ()
    attrs: dict[str, object] = field(default_factory=dict)


class Spelt(nn.Module):
    """A spelling as a module."""

    def __init__(self, spelling: Spelling) -> None:
        super().__init__()
        self.function = spelling.function
        self.learned = nn.ParameterList(nn.Parameter(torch.rand(shape) + 0.5) for shape in spelling.params)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.learned)


def rms(x: Tensor, eps: float = 1e-6) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def centred(x: Tensor, dim: int = -1) -> Tensor:
    return x - x.mean(dim, keepdim=True)


def layer(x: Tensor, eps: float = 1e-5) -> Tensor:
    d = centred(x)
    return d / torch.sqrt((d * d).mean(-1, keepdim=True) + eps)


def annotated(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return a * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + b


def channels_first(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    u = x.mean(1, keepdim=True)
    s = (x - u).pow(2).mean(1, keepdim=True)
    return w[:, None, None] * ((x - u) / torch.sqrt(s + 1e-6)) + b[:, None, None]


def stable(x: Tensor) -> Tensor:
    e = torch.exp(x - x.max(-1, keepdim=True).values)
    return e / e.sum(-1, keepdim=True)


def tanh_by_exponentials(x: Tensor) -> Tensor:
    return (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))


def gelu_new(x: Tensor) -> Tensor:
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


def gelu_fast(x: Tensor) -> Tensor:
    return 0.5 * x * (1.0 + torch.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x)))


def by_groups(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    n, c, h, width = x.shape
    y = x.reshape(n, 4, -1)
    y = (y - y.mean(-1, keepdim=True)) / torch.sqrt(y.var(-1, keepdim=True, unbiased=False) + 1e-5)
    return y.reshape(n, c, h, width) * w.view(1, -1, 1, 1) + b.view(1, -1, 1, 1)


def conv1d_of_gpt2(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.addmm(b, x.reshape(-1, x.size(-1)), w).view(*x.shape[:-1], w.size(-1))


def weight_norm(x: Tensor, v: Tensor, g: Tensor) -> Tensor:
    return F.linear(x, g * v / v.norm(dim=1, keepdim=True))


def gated(x: Tensor, w: Tensor) -> Tensor:
    a, b = (x @ w).chunk(2, dim=-1)
    return a * torch.sigmoid(a) * b


def _of(names: str) -> tuple[str, ...]:
    return tuple(names.split())


SQUARE = ((WIDTH, WIDTH),)
AFFINE = ((WIDTH,), (WIDTH,))
IMAGE = (BATCH, WIDTH, 6, 4)

ACTIVATIONS = [
    Spelling("relu by max", lambda x: torch.maximum(x, torch.zeros(())), _of("relu")),
    Spelling("relu by clamp", lambda x: x.clamp(min=0), _of("relu")),
    Spelling("relu by mask", lambda x: x * (x > 0), _of("relu")),
    Spelling("relu by where", lambda x: torch.where(x > 0, x, torch.zeros_like(x)), _of("relu")),
    Spelling("relu by absolute", lambda x: (x + x.abs()) / 2, _of("relu")),
    Spelling("squared relu", lambda x: F.relu(x).square(), _of("relu2")),
    Spelling("squared relu by product", lambda x: F.relu(x) * F.relu(x), _of("relu2")),
    Spelling("gelu by erf", lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))), _of("gelu")),
    Spelling("gelu by erfc", lambda x: 0.5 * x * torch.special.erfc(-x * math.sqrt(0.5)), _of("gelu")),
    Spelling("gelu by normal cdf", lambda x: x * torch.special.ndtr(x), _of("gelu")),
    Spelling("gelu of gpt2", gelu_new, _of("gelu_tanh")),
    Spelling("fast gelu", gelu_fast, _of("gelu_tanh")),
    Spelling("gelu by sigmoid", lambda x: x * torch.sigmoid(1.702 * x), _of("quick_gelu")),
    Spelling("silu", lambda x: x * torch.sigmoid(x), _of("silu")),
    Spelling("silu by exponential", lambda x: x / (1 + torch.exp(-x)), _of("silu")),
    Spelling("silu by tanh", lambda x: 0.5 * x * (1 + torch.tanh(0.5 * x)), _of("silu")),
    Spelling("sigmoid by exponential", lambda x: 1 / (1 + torch.exp(-x)), _of("sigmoid")),
    Spelling("sigmoid by tanh", lambda x: 0.5 * (torch.tanh(x / 2) + 1), _of("sigmoid")),
    Spelling("tanh by exponentials", tanh_by_exponentials, _of("tanh")),
    Spelling("tanh by sigmoid", lambda x: 2 * torch.sigmoid(2 * x) - 1, _of("tanh")),
    Spelling("softplus by log", lambda x: torch.log(1 + torch.exp(x)), _of("softplus")),
    Spelling("softplus by log1p", lambda x: torch.log1p(torch.exp(-x.abs())) + F.relu(x), _of("softplus")),
    Spelling("mish", lambda x: x * torch.tanh(F.softplus(x)), _of("mish")),
    Spelling("hard swish", lambda x: x * F.relu6(x + 3) / 6, _of("hard_swish")),
    Spelling("hard sigmoid", lambda x: torch.clamp(x + 3, 0, 6) / 6, _of("hard_sigmoid")),
    Spelling("leaky relu", lambda x: torch.maximum(x, 0.2 * x), _of("leaky_relu"), attrs={"slope": 0.2}),
    Spelling("elu", lambda x: torch.where(x > 0, x, torch.exp(x) - 1), _of("elu"), attrs={"alpha": 1.0}),
    Spelling("softsign", lambda x: x / (1 + x.abs()), _of("softsign")),
    Spelling("log sigmoid", lambda x: -F.softplus(-x), _of("log_sigmoid")),
    Spelling("relu6", lambda x: torch.minimum(F.relu(x), torch.full((), 6.0)), _of("clip"), attrs={"max": 6.0}),
]

NORMS = [
    Spelling("layer norm", layer, _of("layer_norm"), attrs={"axes": (2,), "eps": 1e-5}),
    Spelling("affine layer norm", lambda x, w, b: layer(x) * w + b, _of("layer_norm"), params=AFFINE),
    Spelling(
        "layer norm by moments",
        lambda x: (x - x.mean(-1, True)) * torch.rsqrt(x.square().mean(-1, True) - x.mean(-1, True).square() + 1e-5),
        _of("layer_norm"),
    ),
    Spelling(
        "layer norm by var",
        lambda x, w: (x - x.mean(-1, True)) / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-12) * w,
        _of("layer_norm"),
        params=AFFINE[:1],
    ),
    Spelling(
        "annotated layer norm",
        annotated,
        _of("layer_norm"),
        params=AFFINE,
        attrs={"correction": 1, "outside": True, "eps": 1e-6},
    ),
    Spelling(
        "library layer norm, scaled outside",
        lambda x, w, b: F.layer_norm(x, (WIDTH,)) * (1 + w) + b,
        _of("layer_norm"),
        params=AFFINE,
    ),
    Spelling("channels first", channels_first, _of("layer_norm"), shape=IMAGE, params=AFFINE, attrs={"axes": (1,)}),
    Spelling("rms norm", lambda x, w: rms(x) * w, _of("rms_norm"), params=AFFINE[:1], attrs={"eps": 1e-6}),
    Spelling(
        "rms norm by division",
        lambda x, w: w * x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-8),
        _of("rms_norm"),
        params=AFFINE[:1],
        attrs={"eps": 1e-8},
    ),
    Spelling(
        "rms norm by length",
        lambda x, g: F.normalize(x, dim=-1) * math.sqrt(WIDTH) * g,
        _of("rms_norm"),
        params=AFFINE[:1],
    ),
    Spelling(
        "rms norm by norm",
        lambda x, g: x / (x.norm(2, dim=-1, keepdim=True) * WIDTH**-0.5).clamp(min=1e-8) * g,
        _of("rms_norm"),
        params=AFFINE[:1],
    ),
    Spelling("rms norm of gemma", lambda x, w: rms(x.float()) * (1.0 + w.float()), _of("rms_norm"), params=AFFINE[:1]),
    Spelling("rms norm distributed", lambda x, w: rms(x) + rms(x) * w, _of("rms_norm"), params=AFFINE[:1]),
    Spelling("rms norm in double", lambda x, w: w * rms(x.double()).to(x.dtype), _of("rms_norm"), params=AFFINE[:1]),
    Spelling(
        "rms norm by einsum",
        lambda x: x * torch.rsqrt((torch.einsum("bsd,bsd->bs", x, x) / WIDTH + 1e-6).unsqueeze(-1)),
        _of("rms_norm"),
    ),
    Spelling("l2 norm", lambda x: x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12), _of("l2_norm")),
    Spelling("l2 norm by sum", lambda x: x * torch.rsqrt(x.pow(2).sum(-1, keepdim=True)), _of("l2_norm")),
    Spelling(
        "l2 norm of delta rules",
        lambda x: x * torch.rsqrt((x * x).sum(-1, keepdim=True) + 1e-6),
        _of("l2_norm"),
        attrs={"inside": True, "eps": 1e-6},
    ),
    Spelling("group norm", by_groups, _of("group_norm"), shape=IMAGE, params=AFFINE, attrs={"groups": 4}),
    Spelling(
        "library group norm, affine outside",
        lambda x, w: F.group_norm(x, 2) * w.view(1, -1, 1, 1),
        _of("group_norm"),
        shape=IMAGE,
        params=AFFINE[:1],
    ),
]

SOFTMAX = [
    Spelling("softmax", stable, _of("softmax"), attrs={"axis": 2}),
    Spelling("softmax without maximum", lambda x: x.exp() / x.exp().sum(-1, True), _of("softmax")),
    Spelling("softmax by logsumexp", lambda x: torch.exp(x - x.logsumexp(-1, keepdim=True)), _of("softmax")),
    Spelling("softmax by log softmax", lambda x: F.log_softmax(x, -1).exp(), _of("softmax")),
    Spelling("softmax in double", lambda x: F.softmax(x, -1, dtype=torch.float64).to(x.dtype), _of("softmax")),
    Spelling("softmax over rows", lambda x: x.exp() / x.exp().sum(1, keepdim=True), _of("softmax"), attrs={"axis": 1}),
    Spelling("log softmax", lambda x: x - x.logsumexp(-1, keepdim=True), _of("log_softmax")),
    Spelling("log of softmax", lambda x: F.softmax(x, -1).log(), _of("log_softmax")),
]

LINEARS = [
    Spelling("matmul", lambda x, w: x @ w, _of("linear"), params=SQUARE, attrs={"layout": "io"}),
    Spelling("matmul transposed", lambda x, w: torch.matmul(x, w.t()), _of("linear"), params=SQUARE,
             attrs={"layout": "oi"}),
    Spelling("matmul and bias", lambda x, w, b: b + x @ w, _of("linear"), params=(*SQUARE, (WIDTH,))),
    Spelling("conv1d of gpt2", conv1d_of_gpt2, _of("linear"), params=((WIDTH, 12), (12,))),
    Spelling("einsum", lambda x, w: torch.einsum("bsd,ed->bse", x, w), _of("linear"), params=SQUARE),
    Spelling("einsum with heads", lambda x, w: torch.einsum("bsd,dhk->bhsk", x, w), _of("linear"),
             params=((WIDTH, 2, 4),)),
    Spelling("convolution of width one", F.conv1d, _of("linear"),
             shape=(BATCH, WIDTH, LENGTH), params=((6, WIDTH, 1), (6,))),
    Spelling("tensordot", lambda x, w: torch.tensordot(x, w, dims=1), _of("linear"), params=SQUARE),
    Spelling("weight on the left", lambda x, w: w @ x, _of("linear"), params=((7, LENGTH),)),
    Spelling("weight for the whole batch", lambda x, w: torch.bmm(x, w.expand(BATCH, -1, -1)), _of("linear"),
             params=((1, WIDTH, 6),)),
    Spelling("bias behind the heads", lambda x, w, b: (x @ w).view(BATCH, LENGTH, 2, 4) + b, _of("linear"),
             params=(*SQUARE, (2, 4))),
]  # fmt: skip

SPELLINGS = [*ACTIVATIONS, *NORMS, *SOFTMAX, *LINEARS]

NEAR_MISSES = [
    Spelling("silu of another slope", lambda x: x * torch.sigmoid(1.5 * x), _of("mul mul sigmoid")),
    Spelling("relu that stops short of zero", lambda x: x.clamp(min=1e-12), _of("clip")),
    Spelling("gelu without the half", lambda x: x * (1.0 + torch.erf(x / math.sqrt(2.0))), _of("add erf mul mul")),
    Spelling("norm without the mean", lambda x: (x - x.mean(-1, True)) * torch.rsqrt(
        x.square().mean(-1, True) + 1e-5), _of("add mul mul reduce_mean reduce_mean rsqrt sub")),
    Spelling("scaled behind softmax", lambda x: stable(x) * 2, _of("mul softmax")),
    Spelling("softmax with one more", lambda x: x.exp() / (1 + x.exp().sum(-1, True)),
             _of("add div exp exp reduce_sum")),
    Spelling("gated product", gated, _of("linear mul silu slice slice"), params=((WIDTH, 12),)),
    Spelling("norm over another axis than its scale", lambda x, w: rms(x) * w[:, None], _of("mul rms_norm"),
             params=((LENGTH,),)),
    Spelling("product of two streams", lambda x: x @ x.transpose(1, 2), _of("matmul")),
    Spelling("experts", lambda x, w: torch.einsum("bsd,bdf->bsf", x, w), _of("matmul"), params=((BATCH, WIDTH, 6),)),
]  # fmt: skip
