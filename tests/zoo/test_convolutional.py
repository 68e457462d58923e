"""What the papers of AlexNet, VGG and GoogLeNet state: shapes of layers, counts of weights, what branches see."""

import pytest
import torch
from torch import nn

from irgen.zoo import systems
from irgen.zoo.reference.convolutional import AlexNet, GoogLeNet, Inception, Vgg, response_norm


def shapes(module: nn.Module, kind: type[nn.Module]) -> list[tuple[int, ...]]:
    """Shapes behind every layer of a kind, in order, at the published size."""
    found: list[tuple[int, ...]] = []
    hooks = [
        m.register_forward_hook(lambda _m, _i, out: found.append(tuple(out.shape[1:])))
        for m in module.modules()
        if isinstance(m, kind)
    ]
    module(torch.zeros(1, 3, 224, 224, device="meta"))
    for hook in hooks:
        hook.remove()
    return found


def full(name: str) -> nn.Module:
    return systems()[name].build("full").module.to("meta")


def test_alexnet_has_the_neurons_of_section_3_5():
    maps = shapes(full("alexnet"), nn.Conv2d)
    assert maps == [(96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)]
    assert [a * b * c for a, b, c in maps] == [290400, 186624, 64896, 64896, 43264]


def test_alexnet_keeps_two_gpus_apart_where_the_paper_does():
    net = full("alexnet")
    assert [m.groups for m in net.modules() if isinstance(m, nn.Conv2d)] == [1, 2, 1, 2, 2]


def test_response_normalisation_is_the_formula_of_section_3_3():
    x = torch.randn(1, 9, 2, 2) * 30
    for i in range(9):
        near = x[:, max(0, i - 2) : i + 3].square().sum(1)
        told = x[:, i] / (2 + 1e-4 * near) ** 0.75
        assert torch.allclose(response_norm()(x)[:, i], told, rtol=1e-5)


def test_vgg_halves_the_map_behind_each_of_its_five_stages():
    maps = shapes(full("vgg16"), nn.MaxPool2d)
    assert maps == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]


def test_three_small_kernels_see_as_far_as_one_of_seven():
    """Section 2.3 of arXiv:1409.1556: a stack of three 3 × 3 layers has an effective receptive field of 7 × 7."""
    net = Vgg([(3, 2)], 4, 3).features[:-1].double()
    x = torch.zeros(1, 3, 15, 15, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                m.weight.fill_(0.1)
                m.bias.fill_(1.0)
    net(x)[0, 0, 7, 7].backward()
    seen = x.grad[0, 0] != 0
    assert int(seen.any(0).sum()) == int(seen.any(1).sum()) == 7


@pytest.mark.parametrize(
    ("module", "side", "channels", "weights"),
    [(0, 28, 256, 163_696), (1, 28, 480, 388_736), (4, 14, 512, 510_104), (8, 7, 1024, 1_444_080)],
)
def test_inception_modules_have_the_sizes_of_table_1(module: int, side: int, channels: int, weights: int):
    net = full("googlenet")
    (out,) = shapes_of(net, net.modules_in_order[module])
    assert out == (channels, side, side)
    assert sum(p.numel() for p in net.modules_in_order[module].parameters()) == weights


def shapes_of(net: nn.Module, part: nn.Module) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    hook = part.register_forward_hook(lambda _m, _i, out: found.append(tuple(out.shape[1:])))
    net(torch.zeros(1, 3, 224, 224, device="meta"))
    hook.remove()
    return found


def test_the_branches_of_a_module_look_at_1_3_and_5_positions_and_a_pool():
    block = Inception(6, (1, 2, 1, 2, 1, 1)).double().eval()
    with torch.no_grad():
        for p in block.parameters():
            p.fill_(0.3)
    reach: list[int] = []
    for channel in range(4):
        x = torch.rand(1, 6, 11, 11, dtype=torch.float64, requires_grad=True)
        block(x)[0, channel, 5, 5].backward()
        reach.append(int((x.grad[0].abs().sum(0) != 0).any(0).sum()))
    assert reach[:3] == [1, 3, 5]
    assert reach[3] <= 3


def test_without_its_side_classifiers_googlenet_has_seven_million_weights():
    net = full("googlenet")
    side = sum(p.numel() for p in net.auxiliaries.parameters())
    assert sum(p.numel() for p in net.parameters()) - side == 6_998_552


def test_the_side_classifiers_read_the_modules_4a_and_4d():
    net = systems()["googlenet"].build("twin").module
    assert isinstance(net, GoogLeNet)
    x = torch.randn(1, 3, 224, 224)
    for module, told in ((2, "auxiliary_1"), (5, "auxiliary_2")):
        net.zero_grad()
        net(x)[told].sum().backward()
        reached = [any(p.grad is not None and p.grad.any() for p in m.parameters()) for m in net.modules_in_order]
        assert reached == [index <= module for index in range(9)]


def test_a_twin_of_alexnet_is_an_alexnet():
    assert isinstance(systems()["alexnet"].build("twin").module, AlexNet)
