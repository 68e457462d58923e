"""Example inputs from the user: parsed, checked, fitted to the model."""

import pytest
import torch

from irgen.errors import InputError
from irgen.inputs import Shape, of_module, parse, refit
from irgen.source import Input, built, tokens


def test_reads_a_name_and_a_shape():
    assert parse("pixel_values=1x3x224x224") == ("pixel_values", Shape((1, 3, 224, 224)))
    assert parse("ids=2x19:int64") == ("ids", Shape((2, 19), "int64"))


@pytest.mark.parametrize(
    "text", ["", "x", "x=", "=2x3", "x=2,3", "x=2x-3", "x=2x²", "x=0x3", "x=99999x99999x99999", "x=2:in64"]
)
def test_refuses_what_is_not_a_shape(text: str):
    with pytest.raises(InputError):
        parse(text)


class Sum(torch.nn.Module):
    def forward(self, left: torch.Tensor, right: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return left + scale * right


def test_takes_tensors_in_order_and_by_name():
    x = torch.ones(2)
    assert list(of_module(Sum(), (x, x))) == ["left", "right"]
    assert list(of_module(Sum(), {"right": x, "left": (2, 3)})) == ["right", "left"]


def test_says_which_inputs_are_missing_and_how_to_give_them():
    with pytest.raises(InputError, match="left, right") as caught:
        of_module(Sum(), None)
    assert "--input left=2x19" in str(caught.value)


def test_refuses_more_inputs_than_there_are_arguments_and_unknown_names():
    x = torch.ones(2)
    with pytest.raises(InputError, match="too many"):
        of_module(Sum(), (x, x, 1.0, x))
    with pytest.raises(InputError, match="no input 'rihgt'") as caught:
        of_module(Sum(), {"left": x, "rihgt": x})
    assert "did you mean 'right'" in str(caught.value)


def _pair() -> object:
    return built(torch.nn.Identity(), (tokens("ids", 11), Input("mask", ("batch", "seq"), lambda s, g: torch.ones(s))))


def test_inputs_that_share_an_axis_follow_the_one_that_is_given():
    fitted = refit(_pair(), {"ids": Shape((3, 7))})
    assert fitted.kwargs["ids"].shape == fitted.kwargs["mask"].shape == (3, 7)
    assert fitted.kwargs["ids"].max() < 11
    larger = fitted.resized[0]
    assert larger["ids"].shape == larger["mask"].shape
    assert all(a != b for a, b in zip(larger["ids"].shape, (3, 7), strict=True))


def test_refuses_sizes_that_contradict_each_other_and_a_wrong_rank():
    with pytest.raises(InputError, match="the axis 'seq' the sizes 7 and 8"):
        refit(_pair(), {"ids": Shape((3, 7)), "mask": Shape((3, 8))})
    with pytest.raises(InputError, match="has 1 dimension, the model takes 2"):
        refit(_pair(), {"ids": Shape((3,))})
