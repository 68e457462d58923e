"""Small modules that tests of the command line name as `tests.sample_models:decoder`."""

import torch
from torch import nn
from torch.nn import functional


class Layer(nn.Module):
    """A pre-norm layer: causal self-attention with 4 heads, then a gelu feed-forward."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, s, w = x.shape
        q, k, v = self.qkv(self.first(x)).view(b, s, 3, 4, w // 4).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, s, w))
        return x + self.down(functional.gelu(self.up(self.second(x))))


class Decoder(nn.Module):
    """A causal decoder over 97 tokens with learned positions and a tied head."""

    def __init__(self, layers: int = 2, width: int = 24, hidden: int = 88) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(97, width), nn.Embedding(64, width)
        self.layers = nn.ModuleList(Layer(width, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.token(ids) + self.place(torch.arange(ids.shape[1], device=ids.device))
        for layer in self.layers:
            x = layer(x)
        return functional.linear(self.norm(x), self.token.weight)


class Raises(nn.Module):
    """A module whose forward fails."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("no such luck")


def decoder() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Decoder().eval(), (torch.arange(2 * 13).reshape(2, 13),)


def bare_decoder() -> nn.Module:
    return Decoder().eval()


def raises() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return Raises(), (torch.ones(2, 3),)


def fails() -> nn.Module:
    raise RuntimeError("the weights are on the other machine")


def three() -> tuple[int, int, int]:
    return (1, 2, 3)


def exits() -> nn.Module:
    raise SystemExit(0)


def recurrent() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.cell(x)[0])

    return Recurrent().eval(), {"x": torch.randn(2, 5, 8)}


def text() -> str:
    return "no module"


def nothing() -> None:
    """Not a model."""


NUMBER = 3
