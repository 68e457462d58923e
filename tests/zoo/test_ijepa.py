"""I-JEPA's two encoders and predictor: what learns, what is hidden, and what irgen says of it (arXiv:2301.08243)."""

import torch
from torch import nn

from irgen.api import trace
from irgen.zoo import systems
from irgen.zoo.reference.ijepa import IJepa


def model() -> tuple[IJepa, dict[str, torch.Tensor]]:
    built = systems()["ijepa"].build("twin")
    assert isinstance(built.module, IJepa)
    return built.module, built.kwargs


def test_the_target_encoder_gets_no_gradient_and_the_others_do():
    net, given = model()
    told = net(**given)
    nn.functional.mse_loss(told["prediction"], told["target"]).backward()
    assert all(p.grad is None for p in net.target_encoder.parameters())
    assert all(p.grad is not None for p in (*net.context_encoder.parameters(), *net.predictor.parameters()))
    assert not told["target"].requires_grad


def test_the_context_encoder_sees_only_the_patches_it_is_given():
    net, given = model()
    side = given["pixel_values"].shape[-1] // 8
    other = {key: value.clone() for key, value in given.items()}
    hidden = sorted(set(range(side * side)) - set(given["context_places"][0].tolist()))[0]
    row, column = divmod(hidden, side)
    other["pixel_values"][0, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += 3
    with torch.no_grad():
        one, two = net(**given), net(**other)
    assert torch.allclose(one["prediction"][0], two["prediction"][0], atol=1e-6)
    assert not torch.allclose(one["target"][0], two["target"][0])


def test_the_predictor_is_told_only_where_to_look():
    """Section 3: one mask token for all, with the position of the patch to predict."""
    net, given = model()
    places = given["target_places"].flip(1)
    with torch.no_grad():
        one = net(**given)["prediction"]
        two = net(**{**given, "target_places": places})["prediction"]
    assert torch.allclose(one.flip(1), two, atol=1e-5)


def test_the_graph_has_the_stop_gradient_between_the_target_encoder_and_what_it_tells():
    found = trace(systems()["ijepa"].build("twin"))
    assert sum(node.op == "stop_gradient" for node in found.canonical) == 1
    after = {stack.name: [part.kind for part in stack.after] for stack in found.architecture.stacks}
    assert after["encoder3"] == ["norm", "stop-gradient", "norm"]
    assert "Stop-gradient" in found.draw(format="svg").decode()
