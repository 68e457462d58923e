"""A small decoder whose every property can be changed, layer by layer, for tests of single changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional

from irgen.api import Model, trace

WIDTH = 32


@dataclass(frozen=True)
class Spec:
    """One layer."""

    heads: int = 4
    kv_heads: int = 4
    window: int | None = None
    norm: str = "layer"
    activation: str = "gelu"
    hidden: int = 88
    experts: int = 0
    top_k: int = 2
    post_norm: bool = False
    cut: bool = False
    """The feed-forward replaces the stream instead of being added to it."""


class Experts(nn.Module):
    """A mixture of experts, each seen by every token and weighted by the router."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.router = nn.Linear(WIDTH, spec.experts, bias=False)
        self.up = nn.Parameter(torch.randn(spec.experts, WIDTH, spec.hidden))
        self.down = nn.Parameter(torch.randn(spec.experts, spec.hidden, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.router(x).softmax(-1)
        best, chosen = scores.topk(self.spec.top_k, dim=-1)
        weights = torch.zeros_like(scores).scatter(-1, chosen, best / best.sum(-1, keepdim=True))
        inner = getattr(functional, self.spec.activation)(torch.einsum("bsw,ewh->bseh", x, self.up))
        return torch.einsum("bseh,ehw,bse->bsw", inner, self.down, weights)


class Layer(nn.Module):
    """Self-attention and a feed-forward or mixture."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        norm = nn.RMSNorm if spec.norm == "rms" else nn.LayerNorm
        self.first, self.second = norm(WIDTH), norm(WIDTH)
        head = WIDTH // spec.heads
        self.q, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.k, self.v = nn.Linear(WIDTH, spec.kv_heads * head), nn.Linear(WIDTH, spec.kv_heads * head)
        if spec.experts:
            self.mixture = Experts(spec)
        else:
            self.up, self.down = nn.Linear(WIDTH, spec.hidden), nn.Linear(spec.hidden, WIDTH)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        b, s, _ = x.shape
        spec, head = self.spec, WIDTH // self.spec.heads
        q = self.q(x).view(b, s, spec.heads, head).transpose(1, 2)
        k, v = (one(x).view(b, s, spec.kv_heads, head).transpose(1, 2) for one in (self.k, self.v))
        k, v = (one.repeat_interleave(spec.heads // spec.kv_heads, 1) for one in (k, v))
        at = torch.arange(s)
        apart = at[:, None] - at[None, :]
        seen = apart >= 0
        if spec.window:
            seen = seen & (apart < spec.window)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out(mixed.transpose(1, 2).reshape(b, s, WIDTH))

    def feed(self, x: torch.Tensor) -> torch.Tensor:
        if self.spec.experts:
            return self.mixture(x)
        return self.down(getattr(functional, self.spec.activation)(self.up(x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.spec.post_norm:
            x = self.first(x + self.attend(x))
            return self.second(x + self.feed(x))
        x = x + self.attend(self.first(x))
        fed = self.feed(self.second(x))
        return fed if self.spec.cut else x + fed


class Decoder(nn.Module):
    """Layers by their specs between a token embedding and a head that is not tied."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(97, WIDTH), nn.Embedding(64, WIDTH)
        self.layers = nn.ModuleList(Layer(spec) for spec in specs)
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 97, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def decoder(*specs: Spec) -> Model:
    """The traced decoder with these layers."""
    torch.manual_seed(0)
    return trace(Decoder(specs).eval(), (torch.arange(2 * 13).reshape(2, 13),))


def layers(count: int, spec: Spec | None = None, **special: Spec) -> list[Spec]:
    """Equal layers, some of them special: `layers(4, at2=Spec(heads=8))`."""
    made = [spec or Spec()] * count
    for place, other in special.items():
        made[int(place.removeprefix("at"))] = other
    return made


__all__ = ["Decoder", "Spec", "decoder", "layers", "replace"]
