"""Memory slots, gates that read stream and attention, meshes, relative attention, streams and towers side by side."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture
from irgen.passes import normalise
from irgen.patterns import label
from irgen.zoo.reference.attention import Attention, FeedForward, SlottedAttention
from irgen.zoo.reference.m2_transformer import MeshedMemoryTransformer
from irgen.zoo.reference.vilbert import Half
from tests.patterns.attentions import HEADS, LENGTH, VOCABULARY, WIDTH


def found(module: nn.Module, *inputs: Tensor) -> Architecture:
    return label(normalise(capture(module.eval(), inputs)))[1]


class Encoder(nn.Module):
    """Two pre-norm layers with the given attention over embedded tokens."""

    def __init__(self, *attentions: nn.Module) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.attentions = nn.ModuleList(attentions)
        self.channels = nn.ModuleList([FeedForward(WIDTH, 2 * WIDTH, nn.GELU()) for _ in attentions])
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(2 * len(attentions))])

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        for i, (attention, channel) in enumerate(zip(self.attentions, self.channels, strict=True)):
            x = x + attention(self.norms[2 * i](x))
            x = x + channel(self.norms[2 * i + 1](x))
        return x


def facts(attention: type[nn.Module], *args: Any, **more: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    ids = torch.randint(3, VOCABULARY, (2, LENGTH))
    [stack] = found(Encoder(*(attention(*args, **more) for _ in range(2))), ids).stacks
    [block] = stack.blocks
    assert block.sublayers[0].kind == "self-attention"
    return block.sublayers[0].facts


class Torch(nn.Module):
    """torch's own attention with a learned key and value, or with a key and value of zeros, at the end."""

    def __init__(self, **more: bool) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **more)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("slots", [1, 7])
def test_learned_keys_and_values_are_slots(slots: int):
    told = facts(SlottedAttention, WIDTH, HEADS, slots)
    assert told["memory_slots"] == slots
    assert (told["heads"], told["kv_heads"], told["mask"]) == (HEADS, HEADS, "bidirectional")


def test_the_bias_of_keys_in_torchs_attention_is_one_slot():
    assert facts(Torch, add_bias_kv=True)["memory_slots"] == 1


def test_a_key_of_zeros_is_no_slot_and_attention_has_none_otherwise():
    assert "memory_slots" not in facts(Torch, add_zero_attn=True)
    assert "memory_slots" not in facts(Attention, WIDTH, HEADS)


class Distances(Attention):
    """A product of queries with a vector for every distance (Shaw et al. 2018), or a number for every distance."""

    def __init__(self, *, product: bool) -> None:
        super().__init__(WIDTH, HEADS)
        self.product = product
        self.table = nn.Parameter(torch.randn(2 * LENGTH, self.head_width if product else HEADS))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x, x)
        at = torch.arange(x.shape[1])
        rows = self.table[at[:, None] - at[None, :] + LENGTH]
        extra = torch.einsum("bhid,ijd->bhij", q, rows) if self.product else rows.permute(2, 0, 1)
        return self.mix(q @ k.transpose(-2, -1) + extra, v)


def test_a_product_with_distances_is_relative_attention_and_a_number_for_each_is_a_bias():
    assert facts(Distances, product=True)["position"] == "relative-attention"
    assert facts(Distances, product=False)["position"] == "relative-bias"


class Gated(Attention):
    """What the attention gives, times a gate of the stream and itself, or of itself alone."""

    def __init__(self, *, both: bool) -> None:
        super().__init__(WIDTH, HEADS)
        self.gate = nn.Linear(2 * WIDTH if both else WIDTH, WIDTH)
        self.both = both

    def forward(self, x: Tensor) -> Tensor:
        given = super().forward(x)
        return given * torch.sigmoid(self.gate(torch.cat([x, given], dim=-1) if self.both else given))


def test_a_gate_of_stream_and_attention_gates_it_and_one_of_its_own_does_not():
    assert facts(Gated, both=True)["gated"]
    assert not facts(Gated, both=False)["gated"]


class LastOnly(MeshedMemoryTransformer):
    """The same model whose decoder is given the last layer of the encoder, three times."""

    def forward(self, region_features: Tensor, input_ids: Tensor) -> Tensor:
        x = self.project(region_features)
        for layer in self.encoder:
            x = layer(x)
        words = self.words(input_ids)
        for layer in self.decoder:
            words = layer(words, [x, x, x], torch.zeros(1, 1))
        return self.head(words)


@pytest.mark.parametrize(("make", "layers"), [(MeshedMemoryTransformer, [0, 1, 2]), (LastOnly, None)])
def test_a_decoder_that_reads_several_layers_says_which(make: type[MeshedMemoryTransformer], layers: list[int] | None):
    model = make(VOCABULARY, WIDTH, HEADS, 3, hidden=88, slots=5, features=30)
    ids = torch.randint(3, VOCABULARY, (2, LENGTH))
    decoder = found(model, torch.randn(2, 11, 30), ids).stacks[1]
    [cross] = [part for part in decoder.blocks[0].sublayers if part.kind == "cross-attention"]
    assert cross.facts["memory"] == "encoder"
    assert cross.facts.get("memory_layers") == layers


class TwoStreams(nn.Module):
    """Two streams that read one another from their first layer on."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.project = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(30, 60)
        self.left = nn.ModuleList([Half(WIDTH, 60, 40, HEADS, 88) for _ in range(2)])
        self.right = nn.ModuleList([Half(60, WIDTH, 40, HEADS, 70) for _ in range(2)])

    def forward(self, ids: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.embed(ids), self.project(values)
        for left, right in zip(self.left, self.right, strict=True):
            x, y = left(x, y), right(y, x)
        return x, y


def test_streams_that_read_one_another_are_each_others_memory_from_the_first_layer_on():
    ids = torch.randint(3, VOCABULARY, (2, LENGTH))
    told = found(TwoStreams(), ids, torch.randn(2, 11, 30))
    assert [(s.role, len(s.blocks)) for s in told.stacks] == [("tower", 1), ("tower", 1)]
    memories = {s.name: s.blocks[0].sublayers[0].facts["memory"] for s in told.stacks}
    assert memories == {"tower1": "tower2", "tower2": "tower1"}
    assert told.family == "composite"


class Pair(nn.Module):
    """Two encoders whose first states are projected, and brought to length one or not."""

    def __init__(self, *, unit: bool) -> None:
        super().__init__()
        self.one, self.other = (Encoder(Attention(WIDTH, HEADS), Attention(WIDTH, HEADS)) for _ in range(2))
        self.down = nn.ModuleList([nn.Linear(WIDTH, 20) for _ in range(2)])
        self.unit = unit

    def forward(self, ids: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        ends = [down(x[:, 0]) for down, x in zip(self.down, (self.one(ids), self.other(others)), strict=True)]
        made = [nn.functional.normalize(end, dim=-1) if self.unit else end for end in ends]
        return made[0], made[1]


@pytest.mark.parametrize(("unit", "role"), [(True, "tower"), (False, "encoder")])
def test_encoders_that_end_as_unit_vectors_of_one_size_are_towers(unit: bool, role: str):
    ids = torch.randint(3, VOCABULARY, (2, LENGTH))
    told = found(Pair(unit=unit), ids, ids.flip(1)[:, :13])
    assert [s.role for s in told.stacks] == [role, role]
    assert told.family == "composite"
