"""irgen in Python and in notebooks."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

import irgen
from irgen.errors import InputError, OutputError, SourceError
from tests.sample_models import Decoder

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model() -> irgen.Model:
    return irgen.trace(Decoder().eval(), (torch.arange(26).reshape(2, 13),))


def test_a_module_and_its_inputs_give_a_model(model: irgen.Model):
    assert model.facts["family"] == "decoder-only"
    assert model.facts["frontend"] == "torch-live"
    assert model.facts["stacks"][0]["layers"] == 2
    assert model.facts["parameters"]["total"] == sum(p.numel() for p in Decoder().parameters())
    assert "linear" in {node.op for node in model.canonical}
    assert model.regions


def test_shapes_serve_as_inputs(model: irgen.Model):
    other = irgen.trace(Decoder().eval(), {"ids": (3, 11)})
    assert other.facts["stacks"] == model.facts["stacks"]


def test_a_figure_is_returned_and_written(model: irgen.Model, tmp_path: Path):
    content = model.draw(tmp_path / "figure.svg", theme="dark")
    assert (tmp_path / "figure.svg").read_bytes() == content
    assert content != model.draw(theme="light")
    assert ElementTree.fromstring(content).tag.endswith("svg")


def test_a_notebook_shows_the_figure(model: irgen.Model):
    shown = model._repr_mimebundle_(include=None, exclude=None)
    assert ElementTree.fromstring(shown["image/svg+xml"]).tag.endswith("svg")
    assert "torch-live" in shown["text/plain"]


def test_unknown_words_are_refused(model: irgen.Model):
    with pytest.raises(OutputError, match="unknown theme 'drak'"):
        model.draw(theme="drak")
    with pytest.raises(OutputError, match="unknown format 'doc'"):
        model.draw("figure.doc")
    with pytest.raises(OutputError, match="unknown view 3"):
        model.draw(view=3)  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="unknown width 'huge'"):
        model.scene(width="huge")


@pytest.mark.parametrize("inputs", [{"ids": ("a",)}, {"ids": "2x9"}, {"ids": (2, -9)}, {"ids": (2, 9.5)}, 5, ("a",)])
@pytest.mark.parametrize("source", ["module", "zoo"])
def test_inputs_that_are_neither_tensors_nor_shapes_are_refused(source: str, inputs: object):
    if source == "zoo":
        inputs = {"input_ids": inputs["ids"]} if isinstance(inputs, dict) else inputs
    with pytest.raises(InputError, match=r"neither a tensor nor a valid shape|has 0 elements"):
        irgen.trace(Decoder() if source == "module" else "gpt2", inputs)


def test_a_thing_that_is_no_model_is_refused():
    with pytest.raises(SourceError, match="an int is not a source"):
        irgen.trace(3)
    with pytest.raises(InputError, match="needs example inputs: ids"):
        irgen.trace(Decoder())


def test_the_module_is_left_as_it_was():
    module = Decoder()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.train()
    irgen.trace(module, {"ids": (2, 9)})
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_remarks_of_transformers_are_kept_off_standard_error(capfd: pytest.CaptureFixture[str]):
    from transformers.utils import logging

    class Remarks(Decoder):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            logging.get_logger("transformers.models.mamba").warning("a kernel is falling back")
            return super().forward(ids)

    before = logging.get_verbosity()
    logging.set_verbosity_warning()
    try:
        irgen.trace(Remarks(), {"ids": (2, 9)})
        assert logging.get_verbosity() == logging.WARNING
    finally:
        logging.set_verbosity(before)
    assert "falling back" not in capfd.readouterr().err


def test_what_is_being_done_is_told():
    said: list[str] = []
    irgen.trace(Decoder(), {"ids": (2, 9)}, say=said.append).draw()
    assert [line.split()[0] for line in said] == ["trying", "tracing", "normalising", "recognising", "drawing"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The decoder as an ONNX file, as a program of torch.export, and as irgen's own JSON."""
    folder = tmp_path_factory.mktemp("files")
    module, ids = Decoder().eval(), torch.arange(26).reshape(2, 13)
    (folder / "ir.json").write_text(irgen.trace(module, ids).json())
    torch.export.save(torch.export.export(module, (ids,)), folder / "program.pt2")
    code = f"""
import torch
from tests.sample_models import Decoder
ids = torch.arange(26).reshape(2, 13)
from tests.support.exporting import export_dynamo, randomised
module, axes = randomised(Decoder().eval()), {{"ids": ("batch", "seq")}}
export_dynamo(module, {{"ids": ids}}, "{folder / "model.onnx"}", dynamic=axes)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    return {path.suffix: path for path in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".onnx", ".pt2", ".json"])
def test_a_file_says_what_the_module_says(files: dict[str, Path], model: irgen.Model, suffix: str):
    facts = irgen.trace(str(files[suffix])).facts
    same = ("family", "parameters", "embeddings", "stacks", "links", "head")
    assert {key: facts[key] for key in same} == {key: model.facts[key] for key in same}


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_file_that_is_no_program_never_loads_torch(files: dict[str, Path], suffix: str):
    code = f"""
import sys
from irgen.cli import run
assert run(["facts", "{files[suffix]}", "--json"]) == 0
assert run(["draw", "{files[suffix]}"]) == 0
assert not {{"torch", "transformers"}} & set(sys.modules), sorted(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
