"""Files of other precision, the float64 run, and weights rounded to what a file holds."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import irgen
from irgen.reference import coarse, precise, precision, runs
from tests.reference.small import edit, small, store, weight, write


@pytest.fixture(autouse=True)
def _tools_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def half(path: Path) -> Path:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    made = convert_float_to_float16(onnx.load(str(path)), keep_io_types=True, disable_shape_infer=True)
    onnx.save(made, str(path))
    return path


def eight_bits(path: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = path.with_name("int8.onnx")
    quantize_dynamic(str(path), str(target), weight_type=QuantType.QInt8)
    return target


@pytest.mark.parametrize(("make", "held"), [(half, "float16"), (eight_bits, "int8")])
def test_a_file_of_lower_precision_is_judged_by_what_that_precision_can_hold(make, held: str, tmp_path: Path):
    source = small()
    path = make(write(source, tmp_path / "m.onnx"))
    assert precision.of(precision.load(path)) == held
    found = irgen.validate(source, onnx=path)
    assert found.verdict == "agrees", found.text()
    assert found.precision == held


@pytest.mark.parametrize("make", [half, eight_bits])
def test_a_fault_in_a_file_of_lower_precision_is_found(make, tmp_path: Path):
    source = small()
    path = write(source, tmp_path / "m.onnx")
    edit(path, lambda model: store(model, "d1", weight(model, "d1")[:, ::-1]))
    found = irgen.validate(source, onnx=make(path))
    assert found.verdict == "differs"
    assert found.parting.module.startswith("layers.1")


class Mixed(nn.Module):
    """Asks for float32 in the middle, as norms of published models do, and for integers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.register_buffer("turn", torch.linspace(0, 1, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        z = y.to(torch.float32) * torch.rsqrt(y.float().pow(2).mean(-1, keepdim=True) + 1e-6)
        place = torch.arange(x.shape[-1]).float() * self.turn
        held = torch.zeros(z.shape)
        held[:] = z + place
        return torch.softmax(held, -1, dtype=torch.float32) @ torch.eye(8)


def test_the_float64_run_keeps_its_precision_where_the_code_asks_for_less():
    module = Mixed()
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    with precise.in_double(module):
        (found,) = runs.of_module(module, {"x": x}, double=True).values()
    assert found.dtype == "float64"
    w, b = (p.detach().double().numpy() for p in module.linear.parameters())
    y = x.double().numpy() @ w.T + b
    z = y / np.sqrt((y**2).mean(-1, keepdims=True) + 1e-6) + np.arange(8) * module.turn.double().numpy()
    true = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    assert np.abs(found.values - true).max() < 1e-14
    assert module.linear.weight.dtype == torch.float32


def test_what_the_float64_run_raises_leaves_the_module_as_it_was():
    module = Mixed()
    before = module.linear.weight.clone()
    with pytest.raises(ValueError, match="stop"), precise.in_double(module):
        raise ValueError("stop")
    assert torch.equal(module.linear.weight, before)
    assert torch.get_default_dtype() == torch.float32


def test_grouped_products_have_a_float64_form():
    a, b = torch.randn(5, 4).double(), torch.randn(2, 4, 3).double()
    ends = torch.tensor([2, 5], dtype=torch.int32)
    with precise.Precise():
        found = torch.nn.functional.grouped_mm(a, b, offs=ends)
    assert torch.equal(found, torch.cat([a[:2] @ b[0], a[2:] @ b[1]]))


def test_rounded_weights_are_those_that_the_precision_holds_and_come_back():
    module = nn.Linear(8, 8)
    before = module.weight.clone()
    with coarse.rounded(module, "float16"):
        assert torch.equal(module.weight, before.half().float())
    with coarse.rounded(module, "int8"):
        assert len(torch.unique(module.weight)) <= 255
        assert (module.weight - before).abs().max() <= before.abs().max() / 254 * 1.001
    assert torch.equal(module.weight, before)
