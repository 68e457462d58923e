"""Convolutional networks: stages, variants of blocks, skips, pyramids, what stands on the side."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from irgen.frontends.torch_live import capture
from irgen.ir.architecture import Architecture, Part
from irgen.passes import normalise
from irgen.patterns import label
from tests.patterns import networks as nets
from tests.patterns.networks import Classifier, basic, unit


def told(module: nn.Module, *inputs: torch.Tensor) -> Architecture:
    torch.manual_seed(0)
    return label(normalise(capture(module.eval(), inputs)))[1]


def image(side: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, side, side)


def sublayers(found: Architecture, stack: int) -> list[Part]:
    placed = [(at, p) for block in found.stacks[stack].blocks for at in block.at for p in block.sublayers]
    return [part for _, part in sorted(placed, key=lambda pair: pair[0])]


def stages(found: Architecture) -> list[tuple[int, int]]:
    assert {stack.role for stack in found.stacks} == {"stage"}
    return [(stack.layers, stack.width) for stack in found.stacks]


def variants(found: Architecture) -> list[Any]:
    return [p.facts.get("variant") for i in range(len(found.stacks)) for p in sublayers(found, i)]


def test_a_projected_shortcut_is_no_inception_branch():
    found = told(
        Classifier(64, unit(3, 16, 7, 2), basic(16, 16), basic(16, 32, 2), basic(32, 64, 2), basic(64, 64)), image()
    )
    assert stages(found) == [(1, 16), (1, 32), (2, 64)]
    assert set(variants(found)) == {"plain"}


def test_branches_with_kernels_of_their_own_side_by_side_are_an_inception_module():
    found = told(Classifier(40, unit(3, 12, 7, 2), nets.inception(12, 8), nets.inception(32, 10)), image())
    assert variants(found) == ["plain", "inception", "inception"]
    assert [p.facts["channels"] for p in sublayers(found, 1)] == [32, 40]
    assert stages(found)[1] == (2, 40)


def test_a_fire_module_is_its_squeeze_and_its_branches():
    body = [unit(3, 24, 7, 2), nets.fire(24, 8, 16), nets.fire(32, 8, 16), nn.MaxPool2d(3, 2), nets.fire(32, 16, 32)]
    found = told(Classifier(64, *body), image())
    assert stages(found) == [(1, 24), (2, 32), (1, 64)]
    assert variants(found) == ["plain", "inception", "inception", "inception"]
    assert not [p for stack in found.stacks for p in stack.before]


def test_what_stands_beside_what_it_came_from_is_a_dense_connection_and_no_inception():
    down = nn.Sequential(nn.BatchNorm2d(60), nn.ReLU(), nn.Conv2d(60, 30, 1), nn.AvgPool2d(2))
    body = [unit(3, 24, 7, 2), nets.Dense(24, 12), nets.Dense(36, 12), nets.Dense(48, 12), down, nets.Dense(30, 12)]
    found = told(Classifier(42, *body), image())
    assert stages(found) == [(1, 24), (3, 60), (1, 42)]
    assert all(p.facts["dense"] and p.facts["variant"] == "plain" for i in (1, 2) for p in sublayers(found, i))
    assert "dense" not in sublayers(found, 0)[0].facts


def test_weighted_inverted_residuals_stand_in_stages_of_their_width():
    rows = [(16, 16, 1, 3, 2), (16, 24, 4, 3, 2), (24, 24, 4, 3, 1), (24, 40, 6, 5, 2), (40, 40, 6, 5, 1)]
    found = told(Classifier(40, unit(3, 16, 3, 2), *(nets.Inverted(*row) for row in rows)), image())
    assert stages(found) == [(1, 16), (2, 24), (2, 40)]
    assert variants(found) == ["depthwise", *["inverted-residual"] * 4]
    assert [p.facts["kernel"] for p in sublayers(found, 2)] == [[5, 5]] * 2
    assert [part.kind for part in found.stacks[0].before] == ["convolution", "norm", "activation"]


def test_the_levels_of_a_u_are_stages_and_its_skips_are_links():
    found = told(nets.UNet((16, 32, 64)), image())
    assert stages(found) == [(2, 16), (2, 32), (2, 64), (3, 32), (3, 16)]
    assert [(link.source, link.target, link.kind) for link in found.links] == [
        ("stage2", "stage4", "skip"),
        ("stage1", "stage5", "skip"),
    ]
    assert [stack.reads for stack in found.stacks[1:]] == [[f"stage{n}"] for n in range(1, 5)]
    assert sublayers(found, 3)[0].facts["transposed"]
    assert found.head.kind == "segmentation"


def test_a_pyramid_reads_every_stage():
    found = told(nets.Pyramid((16, 32, 64, 96), 24), image())
    assert stages(found) == [(2, 32), (2, 64), (2, 96)]
    assert {(link.source, link.kind) for link in found.links} == {(f"stage{n}", "feature-pyramid") for n in (1, 2, 3)}


class WithSide(nn.Module):
    """A classifier on the side of the first stage."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(unit(3, 16, 3, 2), unit(16, 16, 3))
        self.second = nn.Sequential(unit(16, 32, 3, 2), unit(32, 32, 3))
        self.head, self.side = nn.Linear(32, 10), nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.first(x)
        return self.head(self.second(x).mean((2, 3))), self.side(x.mean((2, 3)))


def test_a_classifier_on_the_side_is_an_auxiliary_head_and_no_pyramid():
    found = told(WithSide(), image())
    assert stages(found) == [(2, 16), (2, 32)]
    assert [(head.kind, head.width, head.reads) for head in found.auxiliary] == [("classification", 10, "stage1")]
    assert found.head.reads == "stage2"
    assert not found.links
    assert not any(stack.after for stack in found.stacks[:-1])


@pytest.mark.parametrize("layers", [2, 4])
def test_perceptrons_along_tokens_are_mixers_on_one_stream(layers: int):
    found = told(nets.Mixer(64, 48, layers), image())
    (stack,) = found.stacks
    assert (stack.layers, stack.width) == (layers, 48)
    kinds = [(p.kind, p.facts["hidden"]) for p in sublayers(found, 0)]
    assert kinds == [("mixer", 40), ("feed-forward", 96)] * layers
    assert found.family == "encoder-only"


def test_a_recurrent_translator_with_attention_is_an_encoder_and_a_decoder():
    found = told(nets.Translator(attends=True), torch.randint(401, (2, 19)), torch.randint(503, (2, 13)))
    assert [(stack.role, stack.layers) for stack in found.stacks] == [("encoder", 1), ("decoder", 1)]
    recurrent, attention = sublayers(found, 1)
    assert (recurrent.kind, recurrent.facts["hidden"]) == ("rnn", 64)
    assert (attention.kind, attention.facts["heads"], attention.facts["memory"]) == ("cross-attention", 1, "encoder")
    assert {link.kind for link in found.links} == {"cross-attention", "state"}


def test_without_attention_only_the_state_goes_from_one_network_to_the_other():
    found = told(nets.Translator(attends=False), torch.randint(401, (2, 19)), torch.randint(503, (2, 13)))
    assert found.family == "recurrent"
    assert [(link.source, link.target, link.kind) for link in found.links] == [("encoder1", "encoder2", "state")]
    assert [e.size for e in found.embeddings] == [401, 503]


def test_a_gate_on_channels_is_told_by_its_hidden_width():
    plain = nets.Residual(16, 16, 1, unit(16, 16, 3), unit(16, 16, 3, act=False))
    gated = nets.Residual(16, 16, 1, unit(16, 16, 3), unit(16, 16, 3, act=False), nets.Squeeze(16))
    found = told(Classifier(16, unit(3, 16, 7, 2), plain, gated), image())
    assert [p.facts.get("squeeze") for p in sublayers(found, 0)] == [None, 4]


class Words(nn.Module):
    """Three widths of windows over words, each pooled (Kim 2014, figure 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(501, 48)
        self.convs = nn.ModuleList([nn.Conv1d(48, 32, kernel) for kernel in (3, 4, 5)])
        self.head = nn.Linear(96, 4)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.table(ids).transpose(1, 2)
        return self.head(torch.cat([conv(x).relu().amax(-1) for conv in self.convs], 1))


def test_branches_that_meet_only_in_the_head_are_found_all():
    found = told(Words(), torch.randint(501, (2, 19)))
    assert [p.facts["kernel"] for i in range(3) for p in sublayers(found, i)] == [[3], [4], [5]]
    assert found.family == "convolutional"
    assert not found.unknown
    assert [(e.kind, e.size) for e in found.embeddings] == [("token", 501)]


class Graph(nn.Module):
    """Two layers of graph convolution (Kipf & Welling 2016, equation 9)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(33, 16), nn.Linear(16, 7)

    def forward(self, nodes: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        root = edges.sum(-1).rsqrt()
        near = root[:, None] * edges * root[None]
        return near @ self.second((near @ self.first(nodes)).relu())


def test_an_adjacency_is_no_second_tower():
    found = told(Graph(), torch.randn(21, 33), (torch.rand(21, 21) > 0.5).float() + torch.eye(21))
    assert (found.head.kind, found.head.width) == ("classification", 7)


class MapAttention(nn.Module):
    """x + attention over all positions of a map, channels in front (Ho et al. 2020, appendix B)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = (
            nn.GroupNorm(4, width),
            nn.Conv2d(width, 3 * width, 1),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, 3, c, h * w).unbind(1)
        weights = torch.softmax(q.transpose(1, 2) @ k / c**0.5, -1)
        return x + self.out((v @ weights.transpose(1, 2)).reshape(n, c, h, w))


def test_attention_over_a_whole_map_sees_all_of_it_and_leaves_the_network_convolutional():
    found = told(Classifier(32, unit(3, 32, 7, 8), basic(32, 32), MapAttention(32), basic(32, 32)), image())
    (attention,) = [p for i in range(len(found.stacks)) for p in sublayers(found, i) if p.kind == "self-attention"]
    assert (attention.facts["mask"], attention.facts["window"], attention.facts["heads"]) == ("bidirectional", None, 1)
    assert found.family == "convolutional"
