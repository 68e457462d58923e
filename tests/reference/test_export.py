"""Exports: dynamic axes, recurrences as loops, whole files or none, a time limit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import irgen
from irgen.errors import ExportError, OutputError
from irgen.reference import written
from irgen.reference.child import run
from irgen.reference.export import Exported, export
from irgen.source import Built, built, numbers, tokens
from irgen.trees import tensors_by_name
from irgen.zoo import systems
from tests.reference import cells

#: What the exporters themselves warn of is not ours.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def smaller(name: str, layers: int) -> Built:
    """The twin of a system with fewer layers still."""
    twin = systems()[name].build("twin").module
    config: Any = twin.config
    config.num_hidden_layers = layers
    torch.manual_seed(0)
    module = type(twin)(config).eval()
    return built(module, [tokens("input_ids", config.vocab_size)], title=name, sizes={"seq": (8, 11)})


def at(one: Built, batch: int, size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch * 100 + size)
    if "x" in one.kwargs:
        return {"x": torch.randn(batch, size, 6, generator=generator)}
    return {"input_ids": torch.randint(5, 90, (batch, size), generator=generator)}


def ours(one: Built, inputs: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
    with torch.no_grad():
        return [tensor.numpy() for _name, tensor in tensors_by_name(one.module(**inputs), "output")]


def theirs(path: Path, inputs: Mapping[str, torch.Tensor]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options)
    return session.run(None, {name: value.numpy() for name, value in inputs.items()})


def plainly(one: Built, path: Path) -> Path:
    """The file that torch's exporter writes when it is asked for the same axes."""
    auto: Any = torch.export.Dim.AUTO
    shapes = {name: dict.fromkeys(range(len(axes)), auto) for name, axes in one.axes.items()}
    export_: Any = torch.onnx.export
    with torch.no_grad():
        export_(one.module, (), str(path), kwargs=one.kwargs, dynamo=True, dynamic_shapes=shapes, verbose=False)
    return path


RECURRENT = {
    "mamba": lambda: smaller("mamba", 1),
    "recurrentgemma": lambda: smaller("recurrentgemma", 3),
    "lstm-cell": lambda: built(
        cells.LstmCell(), [numbers("x", "batch", "seq", 6)], title="LSTM cell", sizes={"seq": (8, 11)}
    ),
}


@pytest.fixture(scope="module", params=list(RECURRENT))
def recurrent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Exported]:
    torch.manual_seed(0)
    one = RECURRENT[request.param]()
    return one, export(one, tmp_path_factory.mktemp("export") / "model.onnx")


def test_a_recurrence_is_a_loop_right_at_lengths_that_were_not_traced(recurrent: tuple[Built, Exported]):
    one, made = recurrent
    assert made.scans >= 1
    assert made.baked == ()
    name = next(iter(one.kwargs))
    assert made.dynamic[name] == {0: "batch", 1: "seq"}
    for batch, size in ((2, 8), (3, 29), (5, 4)):
        inputs = at(one, batch, size)
        for a, b in zip(ours(one, inputs), theirs(made.path, inputs), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=2e-5)


def test_the_file_of_the_plain_exporter_is_wrong_there(recurrent: tuple[Built, Exported], tmp_path: Path):
    one, _made = recurrent
    file = plainly(one, tmp_path / "plain.onnx")
    assert np.allclose(theirs(file, at(one, 2, 8))[0], ours(one, at(one, 2, 8))[0], atol=2e-5)
    inputs = at(one, 2, 29)
    wanted = ours(one, inputs)[0]
    try:
        given = theirs(file, inputs)[0]
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
        return  # the file refuses the length
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return  # an operator in it does
    assert given.shape != wanted.shape or not np.allclose(given, wanted, atol=1e-3)


def test_the_names_of_axes_stand_in_the_file_and_the_checker_takes_it(recurrent: tuple[Built, Exported]):
    _one, made = recurrent
    onnx.checker.check_model(str(made.path), full_check=True)
    (value,) = onnx.load(str(made.path)).graph.input
    assert [dim.dim_param for dim in value.type.tensor_type.shape.dim][:2] == ["batch", "seq"]


class Layers(torch.nn.Module):
    """Layers of torch's own, both ways."""

    def __init__(self, kind: type[torch.nn.RNNBase]) -> None:
        super().__init__()
        self.inner = kind(6, 5, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)[0]


@pytest.mark.parametrize(("kind", "operator"), [(torch.nn.LSTM, "LSTM"), (torch.nn.GRU, "GRU"), (torch.nn.RNN, "Scan")])
def test_recurrent_layers_of_torch_take_every_length(kind: type[torch.nn.RNNBase], operator: str, tmp_path: Path):
    torch.manual_seed(0)
    one = built(Layers(kind), [numbers("x", "batch", "seq", 6)], title=operator, sizes={"seq": (8, 11)})
    made = export(one, tmp_path / "model.onnx")
    assert (made.baked, made.dynamic) == ((), {"x": {0: "batch", 1: "seq"}})
    assert operator in {node.op_type for node in onnx.load(str(made.path)).graph.node}
    for batch, size in ((3, 29), (1, 4)):
        inputs = at(one, batch, size)
        np.testing.assert_allclose(theirs(made.path, inputs)[0], ours(one, inputs)[0], rtol=1e-4, atol=1e-5)


class Branching(torch.nn.Module):
    """A table of numbers for one length, made by Python."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.tensor([[1.0 / (1 + t * t)] for t in range(x.shape[1])])


def test_an_axis_that_cannot_vary_is_reported_with_its_reason(tmp_path: Path):
    one = built(Branching(), [numbers("x", "batch", "seq", 6)], title="table", sizes={"seq": (9, 12)})
    made = export(one, tmp_path / "model.onnx")
    assert [(baked.symbol, baked.size) for baked in made.baked] == [("seq", 9)]
    assert made.dynamic == {"x": {0: "batch"}}
    assert any("'seq' cannot vary" in line and "table" in line for line in made.warnings)
    assert made.outputs == ("output_0",)


class Refused(torch.nn.Module):
    """No exporter takes it: its result depends on a number read from the input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * len(str(float(x.sum())))


def test_a_module_that_no_exporter_takes_says_why_and_leaves_the_old_file(tmp_path: Path):
    target = tmp_path / "model.onnx"
    target.write_bytes(b"old")
    one = built(Refused(), [numbers("x", "batch", 6)], title="refused")
    with pytest.raises(ExportError, match="no exporter takes the model") as caught:
        export(one, target)
    assert "torch says" in str(caught.value.at)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_target_in_no_folder_is_refused_before_any_work(tmp_path: Path):
    with pytest.raises(OutputError, match="folder"):
        export(built(Refused(), [numbers("x", 6)]), tmp_path / "none" / "model.onnx")


def test_when_the_time_is_over_the_model_and_its_stage_are_named():
    def slow(say: Any) -> None:
        say("tracing the snail")
        time.sleep(60)

    stages: list[str] = []
    start = time.monotonic()
    with pytest.raises(ExportError, match=r"export of snail took longer than 0.3 seconds") as caught:
        run(slow, title="snail", timeout=0.3, say=stages.append)
    assert time.monotonic() - start < 20
    assert "while tracing the snail" in str(caught.value.at)
    assert stages == ["tracing the snail"]


def test_a_process_that_dies_is_told():
    def die(_: Any) -> None:
        import os

        os.kill(os.getpid(), 9)

    with pytest.raises(ExportError, match="process that exported snail died"):
        run(die, title="snail", say=lambda _: None)


def test_errors_of_the_work_come_back_whole():
    def fail(_: Any) -> None:
        raise ExportError("no", at="here", fix="there")

    with pytest.raises(ExportError, match="no") as caught:
        run(fail, title="snail", say=lambda _: None)
    assert (caught.value.at, caught.value.fix) == ("here", "there")


def test_without_weights_the_file_names_its_tensors_and_irgen_reads_it(tmp_path: Path):
    one = systems()["distilgpt2"].build("twin")
    meta = replace(one, module=_on_meta(one))
    made = export(meta, tmp_path / "model.onnx", weights=False)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    stored = onnx.load(str(made.path), load_external_data=False).graph.initializer
    assert any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in stored)
    facts = irgen.trace(made.path).facts
    assert facts["parameters"]["total"] == sum(p.numel() for p in one.module.parameters())


def _on_meta(one: Built) -> torch.nn.Module:
    from irgen.weightless import build_without_memory

    with build_without_memory():
        return type(one.module)(one.module.config).eval()


def test_large_tensors_stand_beside_the_file_under_a_name_of_their_own(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(written, "SINGLE", 100)
    target = tmp_path / "model.onnx"
    torch.manual_seed(0)
    one = built(torch.nn.Linear(40, 40), [numbers("input", "batch", 40)], title="linear")
    export(one, target)
    first = {path.name for path in tmp_path.iterdir()}
    x = torch.randn(3, 40)
    np.testing.assert_allclose(theirs(target, {"input": x})[0], one.module(x).detach().numpy(), atol=1e-5)
    other = built(torch.nn.Linear(40, 40), [numbers("input", "batch", 40)], title="linear")
    export(other, target)
    second = {path.name for path in tmp_path.iterdir()}
    assert len(first) == len(second) == 2
    assert first & second == {"model.onnx"}
    np.testing.assert_allclose(theirs(target, {"input": x})[0], other.module(x).detach().numpy(), atol=1e-5)
