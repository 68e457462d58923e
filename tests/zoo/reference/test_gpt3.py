"""GPT-3 and MuseNet against their papers: sizes, the band, the residual block, the embeddings."""

import pytest
import torch

from irgen.weightless import build_without_memory
from irgen.zoo import systems
from irgen.zoo.reference.attention import causal_bias
from irgen.zoo.reference.gpt3 import Gpt3, banded_bias
from irgen.zoo.reference.muse_net import MuseNet, SigmoidGelu


def test_the_largest_model_has_the_parameters_of_table_d1():
    with build_without_memory():
        module = Gpt3(50257, 12288, 96, 96, context=2048, band=128)
    assert round(sum(p.numel() for p in module.parameters()) / 1e6, -2) == 174_600
    assert module.layers[0].attention.head_width == 128
    assert module.layers[0].feed_forward[0].out_features == 4 * 12288


@pytest.mark.parametrize(("length", "band"), [(9, 1), (9, 4), (9, 9), (5, 40)])
def test_a_band_keeps_its_own_place_and_those_just_before_it(length: int, band: int):
    kept = banded_bias(length, band) == 0
    for i in range(length):
        assert kept[i].tolist() == [i - band < j <= i for j in range(length)]


def test_a_band_as_wide_as_the_text_is_the_causal_mask():
    assert torch.equal(banded_bias(11, 11), causal_bias(11))


def test_every_second_layer_sees_a_band_only():
    module = Gpt3(29, 8, 2, 1, context=32, band=3).eval()
    ids = torch.randint(29, (1, 12))
    changed = ids.clone()
    changed[0, 2] += 1 if int(changed[0, 2]) < 28 else -1

    def differs(layers: int) -> bool:
        deep = Gpt3(29, 8, 2, layers, context=32, band=3).eval()
        with torch.no_grad():
            return bool((deep(ids)[0, -1] - deep(changed)[0, -1]).abs().max() > 0)

    assert differs(1), "the dense first layer sees all that lies before"
    module.layers = torch.nn.ModuleList([_Skip(), *module.layers])  # the only layer at an odd depth: banded
    with torch.no_grad():
        gap = (module(ids) - module(changed))[0].abs().amax(-1)
    assert (gap[[2, 3, 4]] > 0).all()
    assert (gap[[0, 1, *range(5, 12)]] == 0).all()


class _Skip(torch.nn.Module):
    def forward(self, x: torch.Tensor, scores_bias: torch.Tensor) -> torch.Tensor:
        return x


def test_muse_net_is_as_deep_as_published():
    built = systems()["muse-net"].build("full")
    module = built.module
    assert len(module.layers) == 72
    assert module.layers[0].attention.heads == 24
    assert module.positions.num_embeddings == 4096
    assert (module.parts.num_embeddings, module.countdown.num_embeddings) == (128, 128)
    assert "full attention" in built.note


def test_muse_nets_activation_is_the_sigmoid_form_of_gelu():
    x = torch.linspace(-4, 4, 101)
    assert torch.equal(SigmoidGelu()(x), x * torch.sigmoid(1.702 * x))
    assert (SigmoidGelu()(x) - torch.nn.functional.gelu(x)).abs().max() < 0.021


def test_every_embedding_of_a_note_is_added():
    torch.manual_seed(0)
    module = MuseNet(31, 8, 2, 1, context=16, times=16, chord=16, parts=16).eval()
    given = [torch.zeros(1, 5, dtype=torch.int64) for _ in range(5)]
    with torch.no_grad():
        plain = module(*given)
        for i in range(5):
            other = [g.clone() for g in given]
            other[i][0, 3] = 7
            gap = (module(*other) - plain)[0].abs().amax(-1)
            assert (gap[:3] == 0).all()
            assert (gap[3:] > 0).all()
