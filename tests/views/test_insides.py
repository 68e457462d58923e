"""Convolutional layers are opened as the graph has them: projected shortcuts, branches, what is said in one box."""

import pytest
import torch
from torch import nn

import irgen
from irgen.views.insides import Insides
from irgen.views.layout.tree import Chain, Par
from irgen.views.words import Words


def conv(into, out, kernel, stride=1):
    return nn.Sequential(nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class Bottleneck(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.down, self.middle = conv(into, out // 4, 1), conv(out // 4, out // 4, 3, stride)
        self.up = conv(out // 4, out, 1)
        self.shortcut = conv(into, out, 1, stride) if stride > 1 or into != out else nn.Identity()

    def forward(self, x):
        y = self.up(torch.relu(self.middle(torch.relu(self.down(x)))))
        return torch.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv(3, 16, 3, 2)
        self.one = nn.Sequential(Bottleneck(16, 32, 1), Bottleneck(32, 32, 1), Bottleneck(32, 32, 1))
        self.two = nn.Sequential(Bottleneck(32, 64, 2), Bottleneck(64, 64, 1), Bottleneck(64, 64, 1))
        self.head = nn.Linear(64, 10)

    def forward(self, pixels):
        return self.head(self.two(self.one(torch.relu(self.stem(pixels)))).mean((2, 3)))


@pytest.fixture(scope="module")
def opened():
    model = irgen.trace(Net().eval(), {"pixels": torch.randn(2, 3, 32, 32)})
    insides = Insides(model.regions, model.canonical)
    last = model.architecture.stacks[-1]
    return [insides.layer(last.name, at, "p", Words("en")) for at in range(last.layers)]


def test_a_projection_on_the_shortcut_is_a_branch(opened):
    branches = [item for item in opened[0].items if isinstance(item, Par)]
    assert [len(par.items) for par in branches] == [2]
    titles = [leaf.title for leaf in branches[0].leaves()]
    assert titles == ["Conv 1 × 1", "Conv 3 × 3", "Conv 1 × 1", "Conv 1 × 1"]


def test_a_plain_shortcut_is_a_lane_past_the_convolutions(opened):
    assert isinstance(opened[1], Chain)
    assert [lane.kind for lane in opened[1].lanes] == ["residual"]
    assert not any(isinstance(item, Par) for item in opened[1].items)


def test_norm_and_activation_are_said_in_the_box_of_their_convolution(opened):
    notes = [leaf.caption.partition("\n")[0] for leaf in opened[1].leaves() if leaf.role == "conv"]
    assert notes == ["64 → 16 · BN · ReLU", "16 → 16 · BN · ReLU", "16 → 64 · BN"]


def test_a_layer_that_is_not_there_is_not_opened(opened):
    assert opened[0] is not None
    model = irgen.trace(Net().eval(), {"pixels": torch.randn(2, 3, 32, 32)})
    assert Insides(model.regions, model.canonical).layer("nothing", 0, "p", Words("en")) is None
