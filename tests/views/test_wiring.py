"""What reads what around the stacks is read off the graph, and figures draw it as it is."""

import pytest
import torch
from torch import nn

import irgen
from irgen.views import draw
from irgen.views.wiring import wiring


class Block(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 64), nn.Linear(64, width)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(self.norm(x))))


class Late(nn.Module):
    """Positions are added behind two convolutions."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv1d(8, 16, 3, 1, 1), nn.Conv1d(16, 16, 3, 2, 1)
        self.places = nn.Embedding(40, 16)
        self.blocks = nn.ModuleList(Block() for _ in range(3))

    def forward(self, signal):
        x = self.second(torch.relu(self.first(signal))).mT
        x = x + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x)
        return x


class Pair(nn.Module):
    """Two towers whose vectors are compared."""

    def __init__(self):
        super().__init__()
        self.words, self.patches = nn.Embedding(50, 16), nn.Conv2d(3, 16, 8, 8)
        self.left = nn.ModuleList(Block() for _ in range(2))
        self.right = nn.ModuleList(Block() for _ in range(3))
        self.text, self.image = nn.Linear(16, 12), nn.Linear(16, 12)

    def forward(self, input_ids, pixels):
        x, y = self.words(input_ids), self.patches(pixels).flatten(2).mT
        for block in self.left:
            x = block(x)
        for block in self.right:
            y = block(y)
        return self.text(x.mean(1)) @ self.image(y.mean(1)).mT


@pytest.fixture(scope="module")
def late():
    return irgen.trace(Late().eval(), {"signal": torch.randn(2, 8, 34)})


@pytest.fixture(scope="module")
def pair():
    return irgen.trace(Pair().eval(), {"input_ids": torch.randint(50, (2, 9)), "pixels": torch.randn(2, 3, 32, 32)})


def edges(model):
    scene = draw("overview", model.architecture, model.regions, model.canonical, title="x")
    names = {node.id: node.title or node.sign for node in scene.nodes}
    return {(names.get(e.source, e.source), names.get(e.target, e.target)) for e in scene.edges}


def test_positions_that_are_added_behind_convolutions_stand_there(late):
    found = edges(late)
    assert any(a.startswith("Conv1d") and b == "+" for a, b in found)
    assert not any(a == "+" and b.startswith("Conv1d") for a, b in found)


def test_two_towers_that_are_compared_meet_in_one_bar(pair):
    found = edges(pair)
    assert {b for a, b in found if a.startswith("Linear")} == {"Dot product"}
    assert len([1 for a, b in found if b == "Dot product"]) >= 1
    scene = draw("overview", pair.architecture, pair.regions, pair.canonical, title="x")
    assert sum(edge.target == "join" for edge in scene.edges) == 2


def test_the_wiring_names_stacks_behind_the_output(pair):
    wires = wiring(pair.architecture, pair.regions, pair.canonical)
    assert {root for root in wires.roots("output:0") if root.startswith("stack:")} == {
        f"stack:{stack.name}" for stack in pair.architecture.stacks
    }


def test_without_a_graph_there_is_no_wiring(pair):
    assert wiring(pair.architecture, pair.regions, None) is None
