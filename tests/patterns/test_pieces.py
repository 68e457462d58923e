"""Attention in chunks, overlapping blocks and pieces: the mask is that of the tokens, not of the pieces."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from irgen.frontends.torch_live import capture
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import attentions
from tests.patterns.attentions import HEADS, VOCABULARY, Layer, Model

TOKENS = 24


class Pieces(attentions.Einsum):
    """Projections of q, k and v as [batch, heads, tokens, dim]."""

    def heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (self.split(p(x), HEADS).transpose(1, 2) for p in (self.q, self.k, self.v))
        return q * self.scale, k, v

    def close(self, out: Tensor) -> Tensor:
        return self.o(out.transpose(1, 2).flatten(-2))


class Chunked(Pieces):
    """Queries in chunks one after another; each chunk sees all keys up to its end, masked."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads_of(x)
        at, outs = torch.arange(TOKENS), []
        for start in range(0, TOKENS, 8):
            end = start + 8
            late = at[None, :end] > at[start:end, None]
            scores = (q[:, :, start:end] @ k[:, :, :end].mT).masked_fill(late, -torch.inf)
            outs.append(scores.softmax(-1) @ v[:, :, :end])
        return self.close(torch.cat(outs, 2))


class Neighbours(Pieces):
    """Blocks of four; each sees itself and the block before it, the first one padding (masked)."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads_of(x)
        q, k, v = (t.unflatten(2, (-1, 4)) for t in (q, k, v))
        k, v = (torch.cat([nn.functional.pad(t, (0, 0, 0, 0, 1, 0))[:, :, :-1], t], 3) for t in (k, v))
        none = torch.zeros(TOKENS // 4, 1, 8, dtype=torch.bool)
        none[0, :, :4] = True
        scores = (q @ k.mT).masked_fill(none, -torch.inf)
        return self.close((scores.softmax(-1) @ v).flatten(2, 3))


class Band(Pieces):
    """A band of five: keys as overlapping windows around each query."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads_of(x)
        k, v = (nn.functional.pad(t, (0, 0, 2, 2)).unfold(2, 5, 1) for t in (k, v))
        at = torch.arange(TOKENS)[:, None] + torch.arange(-2, 3)
        scores = torch.einsum("bhid,bhidj->bhij", q, k).masked_fill((at < 0) | (at >= TOKENS), -torch.inf)
        return self.close(torch.einsum("bhij,bhidj->bhid", scores.softmax(-1), v))


class Blocks(Pieces):
    """Blocks of six that see only themselves."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (t.unflatten(2, (-1, 6)) for t in self.heads_of(x))
        return self.close(((q @ k.mT).softmax(-1) @ v).flatten(2, 3))


class Global(Band):
    """A band, and the first token sees all (asked for in a second core and written over the first row)."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads_of(x)
        at = torch.arange(TOKENS)
        far = ((at[:, None] - at).abs() > 3) & (at != 0)
        local = (q @ k.mT).masked_fill(far, -torch.inf).softmax(-1) @ v
        first = (q[:, :, :1] @ k.mT).softmax(-1) @ v
        return self.close(torch.cat([first, local[:, :, 1:]], 2))


@pytest.mark.parametrize(
    ("form", "mask", "window"),
    [
        (Chunked, "causal", None),
        (Neighbours, "sliding-window", 8),
        (Band, "sliding-window", 5),
        (Blocks, "local-window", 6),
        (Global, "sliding-window", 7),
    ],
)
def test_pieces_of_attention_are_one_attention(form: type[nn.Module], mask: str, window: int | None):
    ids = torch.randint(3, VOCABULARY, (2, TOKENS))
    [stack] = label(normalise(capture(Model(Layer(form()), Layer(form())), (ids,))))[1].stacks
    [block] = stack.blocks
    kinds = [part.kind for part in block.sublayers]
    assert kinds == ["self-attention", "feed-forward"]
    facts = block.sublayers[0].facts
    assert (facts["mask"], facts["window"], facts["heads"], facts["kv_heads"]) == (mask, window, HEADS, HEADS)
