"""What varies with the input is a symbol, what does not is a number."""

import torch
from torch import nn

import irgen
from tests.sample_models import Decoder


def shapes(module: nn.Module, *inputs: torch.Tensor) -> list[object]:
    return [port["shape"] for port in irgen.trace(module.eval(), inputs).facts["inputs"]]


def test_tokens_vary_in_batch_and_length():
    assert shapes(Decoder(), torch.ones(2, 13, dtype=torch.int64)) == [["batch", "seq"]]


def test_a_length_that_fills_the_table_of_positions_is_tried_shorter():
    assert shapes(Decoder(), torch.ones(2, 64, dtype=torch.int64)) == [["batch", "seq"]]


def test_a_length_that_the_module_fixes_stays_a_number():
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Linear(13, 13)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.mix(x.transpose(1, 2)).transpose(1, 2)

    assert shapes(Fixed(), torch.ones(2, 13, 24)) == [["batch", 13, 24]]


def test_images_keep_their_channels():
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    assert shapes(module, torch.ones(2, 3, 31, 33)) == [["batch", 3, "height", "width"]]


def test_inputs_of_one_size_vary_together():
    class Sum(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

    assert shapes(Sum(), torch.ones(2, 13, 24), torch.ones(2, 13, 24)) == [["batch", "seq", 24]] * 2
