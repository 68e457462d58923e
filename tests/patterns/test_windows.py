"""Windows wider than the trace: told by giving the mask's index tensors other positions, and never from a bias."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tests.patterns import attentions
from tests.patterns.attentions import LENGTH, Layer, Mask
from tests.patterns.test_attention import attention


def distance(length: int) -> Tensor:
    at = torch.arange(length)
    return at[:, None] - at[None, :]


def both_sides(before: int, after: int) -> Mask:
    """A band that reaches `before` tokens back and `after` ahead."""
    return lambda n: (distance(n) <= before) & (distance(n) >= -after)


def chunks(size: int, before: int = 0, after: int = 0) -> Mask:
    """Blocks of a size that see themselves and neighbours."""

    def mask(length: int) -> Tensor:
        block = torch.arange(length) // size
        gap = block[:, None] - block[None, :]
        return (gap <= before) & (gap >= -after)

    return mask


def causal_chunks(size: int, before: int = 0) -> Mask:
    return lambda n: chunks(size, before)(n) & attentions.causal(n)


def triangles(width: int) -> Mask:
    """A causal band cut out of ones by two triangles."""
    return lambda n: torch.ones(n, n).tril().triu(1 - width).bool()


@pytest.mark.parametrize("form", ["Einsum", "Fused", "Split"])
@pytest.mark.parametrize(
    ("mask", "kind", "window"),
    [
        (attentions.window(5), "sliding-window", 5),
        (attentions.window(4096), "sliding-window", 4096),
        (triangles(7), "sliding-window", 7),
        (triangles(77), "sliding-window", 77),
        (both_sides(3, 3), "sliding-window", 7),
        (both_sides(4, 3), "sliding-window", 8),
        (both_sides(64, 64), "sliding-window", 129),
        (both_sides(63, 64), "sliding-window", 128),
        (both_sides(0, 5), "sliding-window", 6),
        (chunks(4), "local-window", 4),
        (chunks(13), "local-window", 13),
        (chunks(128), "local-window", 128),
        (causal_chunks(4), "local-window", 4),
        (causal_chunks(8192), "local-window", 8192),
        (chunks(3, 1), "sliding-window", 6),
        (chunks(14, 2), "sliding-window", 42),
        (causal_chunks(100, 1), "sliding-window", 200),
        (lambda n: attentions.causal(n) & (distance(n) < 1 << 40), "causal", None),
        (lambda n: distance(n) < 1 << 40, "bidirectional", None),
    ],
)
def test_a_window_is_counted_in_the_tokens_that_a_query_sees(form: str, mask: Mask, kind: str, window: int | None):
    facts = attention(Layer(getattr(attentions, form)(mask)))
    assert (facts["mask"], facts["window"]) == (kind, window)


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize("width", [6, 500])
def test_a_window_off_by_one_changes_the_fact(width: int, off: int):
    assert attention(Layer(attentions.Einsum(attentions.window(width + off))))["window"] == width + off


class Stored(attentions.Einsum):
    """The mask as a table made before the run, larger than the trace and sliced by length, added to the scores."""

    def __init__(self, mask: Mask, size: int = 64, low: float = -math.inf):
        super().__init__(mask)
        self.register_buffer("table", torch.zeros(1, 1, size, size).masked_fill(~mask(size), low))

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        q, k, v = (self.split(p(x), self.heads).transpose(1, 2) for p in (self.q, self.k, self.v))
        scores = q @ k.mT * self.scale + self.table[:, :, :length, :length]
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))


@pytest.mark.parametrize("low", [-math.inf, -1e9])
@pytest.mark.parametrize(
    ("mask", "kind", "window"),
    [
        (attentions.causal, "causal", None),
        (attentions.window(24), "sliding-window", 24),
        (both_sides(30, 30), "sliding-window", 61),
        (chunks(32), "local-window", 32),
    ],
)
def test_a_stored_table_is_judged_whole(low: float, mask: Mask, kind: str, window: int | None):
    facts = attention(Layer(Stored(mask, low=low)))
    assert (facts["mask"], facts["window"]) == (kind, window)


class Linear(attentions.Einsum):
    """A bias that falls with the distance, without end: it masks nothing, however far."""

    def __init__(self, mask: Mask = attentions.causal):
        super().__init__(mask)
        self.slopes = [2.0 ** -(i + 1) for i in range(self.heads)]

    def forward(self, x: Tensor) -> Tensor:
        gaps = distance(x.shape[1])
        q, k, v = (self.split(p(x), self.heads).transpose(1, 2) for p in (self.q, self.k, self.v))
        bias = -gaps.abs() * torch.tensor(self.slopes)[:, None, None]
        low = torch.zeros(len(gaps), len(gaps)).masked_fill(~self.mask(len(gaps)), -math.inf)
        return self.o(((q @ k.mT * self.scale + bias + low).softmax(-1) @ v).transpose(1, 2).flatten(-2))


@pytest.mark.parametrize(("mask", "kind"), [(attentions.causal, "causal"), (attentions.everything, "bidirectional")])
def test_a_falling_bias_is_no_window(mask: Mask, kind: str):
    facts = attention(Layer(Linear(mask)))
    assert (facts["mask"], facts["window"], facts["position"]) == (kind, None, "alibi")


def test_the_trace_is_shorter_than_the_windows_of_these_tests():
    assert LENGTH < 24
    assert issubclass(Linear, nn.Module)
