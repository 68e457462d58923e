"""Chronos scales, quantises and turns tokens back into values as section 3.1 says (arXiv:2403.07815)."""

import torch

from irgen.api import trace
from irgen.zoo import systems
from irgen.zoo.reference.chronos import LIMIT, SPECIAL, Chronos


def model() -> Chronos:
    module = systems()["chronos-t5"].build("twin").module
    assert isinstance(module, Chronos)
    return module


def test_a_series_times_a_factor_gives_the_same_tokens_and_values_times_the_factor():
    net = model()
    series, start = torch.randn(2, 21), torch.randint(5, 90, (2, 4))
    with torch.no_grad():
        one, two = net(series, start), net(series * 40, start)
    assert torch.equal(one["logits"], two["logits"])
    assert torch.allclose(one["prediction"] * 40, two["prediction"], rtol=1e-5)


def test_a_value_comes_back_as_the_centre_of_its_bin():
    net = model()
    values = torch.linspace(-LIMIT + 0.01, LIMIT - 0.01, 301)[None]
    tokens = net.quantise(values)[:, :-1]
    back = net.dequantise(tokens)
    half = (net.centers[1] - net.centers[0]) / 2
    assert ((back - values).abs() <= half + 1e-5).all()
    assert torch.equal(net.quantise(back)[:, :-1], tokens)


def test_tokens_grow_with_values_and_keep_clear_of_the_special_ones():
    net = model()
    tokens = net.quantise(torch.linspace(-100, 100, 999)[None])[0]
    assert (tokens[:-1].diff() >= 0).all()
    assert tokens[:-1].min() >= SPECIAL
    assert tokens.max() < net.config.vocab_size
    assert tokens[-1] == 1


def test_the_figure_shows_scaling_bins_and_the_way_back():
    found = trace(systems()["chronos-t5"].build("twin"))
    (quantiser,) = [part for part in found.architecture.stacks[0].before if part.kind == "quantizer"]
    assert quantiser.facts["scaled"] == "mean"
    dequantiser = found.architecture.head.parts[-1]
    assert (dequantiser.kind, dequantiser.facts["scaled"], dequantiser.facts["output"]) == ("dequantizer", True, 1)
    told = found.draw(format="svg").decode()
    assert "Quantiser" in told
    assert "Dequantiser" in told


def test_codes_that_another_network_turns_into_sound_are_no_dequantised_values():
    head = trace(systems()["musicgen"].build("twin")).architecture.head
    assert "dequantizer" not in [part.kind for part in head.parts]
