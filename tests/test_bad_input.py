"""What is wrong is said in one sentence, with the place and the remedy; no traceback, no half-written file."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from irgen.cli import run

DECODER = "tests.sample_models:decoder"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]):
    """Run a command that must be refused, and give what it says."""

    def check(*arguments: str) -> str:
        assert run(arguments) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("irgen: ")
        assert "Traceback" not in said.err
        assert "irgen itself failed" not in said.err
        assert "  fix: " in said.err
        return said.err

    return check


def small_onnx(path: Path, *, external: bool = False) -> Path:
    weight = numpy_helper.from_array(np.ones((40, 40), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 40])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, path, save_as_external_data=external, location="weights.bin", size_threshold=0)
    return path


def test_an_unknown_model_is_answered_with_near_ones(refused):
    assert "did you mean gpt2" in refused("draw", "gtp2")
    assert "irgen zoo" in refused("facts", "nothing-like-it-at-all")
    assert "did you mean bert" in refused("zoo", "brt")


def test_unknown_commands_and_options_are_answered(refused):
    assert "did you mean 'draw'" in refused("drwa", "gpt2")
    refused("draw", "gpt2", "--frobnicate")
    refused("draw")
    refused("facts", "gpt2", "--json", "--md")


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("--view", "overveiw", "overview"),
        ("--theme", "drak", "dark"),
        ("--lang", "kr", "ko"),
        ("--width", "narow", "narrow"),
        ("--format", "svgg", "svg"),
    ],
)
def test_unknown_words_are_refused_before_any_work(refused, option: str, value: str, near: str):
    said = refused("draw", "gpt2", option, value)
    assert repr(value) in said
    assert near in said


def test_a_target_that_cannot_be_written_is_refused_before_any_work(refused, tmp_path: Path):
    assert "does not exist" in refused("draw", "gpt2", "-o", str(tmp_path / "none" / "f.svg"))
    assert "is a directory" in refused("trace", "gpt2", "-o", str(tmp_path))
    assert "unknown format 'xyz'" in refused("draw", "gpt2", "-o", str(tmp_path / "f.xyz"))
    assert not list(tmp_path.iterdir())


def test_a_failure_keeps_the_old_figure(refused, tmp_path: Path):
    target = tmp_path / "f.svg"
    target.write_text("old")
    refused("draw", "tests.sample_models:raises", "-o", str(target))
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f.svg"]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 50, b"\xff" * 4096, bytes(range(256))])
def test_a_file_that_is_not_onnx_is_refused(refused, tmp_path: Path, content: bytes):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert "model.onnx" in refused("facts", str(path))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_an_onnx_file_that_is_cut_off_is_refused(refused, tmp_path: Path, share: float):
    path = small_onnx(tmp_path / "model.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused("facts", str(path))


def test_missing_external_weights_are_no_hindrance(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = small_onnx(tmp_path / "model.onnx", external=True)
    assert run(["facts", str(path), "--json"]) == 0
    with_weights = json.loads(capsys.readouterr().out)
    (tmp_path / "weights.bin").unlink()
    assert run(["facts", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == with_weights
    assert with_weights["parameters"]["total"] == 1600


def test_a_file_that_is_not_there_is_refused(refused, tmp_path: Path):
    for suffix in ("onnx", "pt2", "json"):
        assert "does not exist" in refused("facts", str(tmp_path / f"model.{suffix}"))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": "irgen.ir/999"}', '{"nodes": 3}', "nul\0l"])
def test_json_that_is_not_ours_is_refused(refused, tmp_path: Path, content: str):
    path = tmp_path / "ir.json"
    path.write_text(content)
    assert "ir.json" in refused("facts", str(path))


def test_json_without_a_schema_is_told_both_remedies(refused, tmp_path: Path):
    path = tmp_path / "some.json"
    path.write_text("{}")
    said = refused("facts", str(path))
    assert "the file has no schema field" in said
    assert "irgen trace" in said.split("fix:")[1]
    assert "`model_type`" in said.split("fix:")[1]


def test_a_negative_depth_is_refused(refused, tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "n_layer": -3}')
    assert "n_layer is -3, it must be 1 or more" in refused("facts", str(tmp_path))


def test_sizes_that_do_not_fit_are_answered_with_sizes_that_do(refused):
    said = refused("facts", "tests.sample_models:recurrent", "--input", "x=2x5x17")
    assert "takes 8 numbers in the last dimension" in said.split("fix:")[1]
    assert "pixel_values=2x3x224x224" in refused("facts", "vit", "--input", "pixel_values=1x4x224x224").split("fix:")[1]


def test_a_program_that_is_not_one_is_refused(refused, tmp_path: Path):
    path = tmp_path / "program.pt2"
    path.write_bytes(b"PK\x03\x04 nothing")
    assert "program.pt2" in refused("facts", str(path))


def test_a_file_of_another_kind_is_refused(refused, tmp_path: Path):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"123")
    assert ".onnx" in refused("facts", str(path))


def test_a_configuration_that_is_none_is_refused(refused, tmp_path: Path):
    path = tmp_path / "config.json"
    for content in (
        "{",
        "{}",
        '{"model_type": "no-such-model"}',
        "[1, 2]",
        '{"model_type": "gpt2", "n_layer": "many"}',
    ):
        path.write_text(content)
        assert "config.json" in refused("facts", str(path)) or str(tmp_path) in refused("facts", str(tmp_path))


def test_a_folder_without_configuration_is_refused(refused, tmp_path: Path):
    assert "config.json" in refused("facts", str(tmp_path))


def test_a_forward_that_raises_is_told_with_its_place(refused):
    said = refused("facts", "tests.sample_models:raises")
    assert "no such luck" in said
    assert "sample_models.py" in said


def test_callables_that_are_none_are_refused(refused):
    assert "did you mean 'decoder'" in refused("facts", "tests.sample_models:decodr")
    assert "cannot be called" in refused("facts", "tests.sample_models:NUMBER")
    assert "cannot be imported" in refused("facts", "tests.no_such_module:decoder")
    assert "on the other machine" in refused("facts", "tests.sample_models:fails")
    assert "NoneType" in refused("facts", "tests.sample_models:nothing")
    assert "must return a module or (module, inputs)" in refused("draw", "tests.sample_models:text")
    assert "tests.sample_models:exits ended the program" in refused("facts", "tests.sample_models:exits")
    assert "returned 3 values" in refused("facts", "tests.sample_models:three")


def test_a_module_with_a_syntax_error_is_refused(refused, tmp_path: Path):
    path = tmp_path / "broken_model.py"
    path.write_text("def f(:\n")
    assert "broken_model.py" in refused("facts", f"{path}:f")


def test_a_module_without_inputs_says_which_it_needs(refused):
    assert "--input ids=2x19" in refused("facts", "tests.sample_models:bare_decoder")


@pytest.mark.parametrize("text", ["ids", "ids=", "ids=a", "ids=0x3", "ids=2x19:flaot32", "ids=999999x999999"])
def test_input_shapes_that_make_no_sense_are_refused(refused, text: str):
    refused("facts", "gpt2", "--input", text)


def test_inputs_that_do_not_fit_the_model_are_refused(refused, tmp_path: Path):
    assert "input_ids" in refused("facts", "gpt2", "--input", "inputs=2x19")
    assert "dimensions" in refused("facts", "gpt2", "--input", "input_ids=2x19x3")
    refused("facts", "gpt2", "--input", "input_ids=2x5000")
    assert "channel" in refused("facts", "vit", "--input", "pixel_values=1x4x224x224")
    assert "--input" in refused("facts", str(small_onnx(tmp_path / "model.onnx")), "--input", "x=2x40")
