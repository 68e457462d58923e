"""`irgen validate` on the command line: exit codes, what goes where, and requests that are wrong."""

import json
from pathlib import Path

import pytest
import torch

from irgen import cli
from tests.reference.small import edit, small, store, weight, write

SOURCE = "tests.reference.small:small"


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def ran(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.run(["validate", *map(str, arguments)])
    return code, *capfd.readouterr()


def test_a_file_that_agrees_ends_with_0_and_a_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    code, out, _ = ran(capfd, SOURCE, "--onnx", write(small(), tmp_path / "m.onnx"))
    assert code == 0
    assert out.startswith(f"{SOURCE}: agrees")
    assert out.count("agrees\n") >= 6


def test_a_file_that_differs_ends_with_1_a_place_a_figure_and_the_part(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    path = edit(write(small(), tmp_path / "m.onnx"), lambda model: store(model, "u1", weight(model, "u1") * 1.01))
    figure, part = tmp_path / "where.svg", tmp_path / "part"
    code, out, _ = ran(capfd, SOURCE, "--onnx", path, "--figure", figure, "--save", part)
    assert code == 1
    assert "they part in" in out
    assert "layers.1.up (Linear)" in out
    assert b'class="ring"' in figure.read_bytes()
    assert {one.name for one in part.iterdir()} == {"part.onnx", "part.npz"}


def test_the_record_is_printed_as_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    code, out, _ = ran(capfd, SOURCE, "--onnx", write(small(), tmp_path / "m.onnx"), "--json")
    assert code == 0
    assert json.loads(out)["verdict"] == "agrees"


def test_no_figure_is_written_where_both_agree_and_that_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    figure = tmp_path / "where.svg"
    code, _, said = ran(capfd, SOURCE, "--onnx", write(small(), tmp_path / "m.onnx"), "--figure", figure)
    assert code == 0
    assert "is not written" in said
    assert not figure.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-of-this-name"], "there is no model"),
        ([SOURCE, "--onnx", "none.onnx"], "the file does not exist"),
        ([SOURCE, "--onnx", "pyproject.toml"], "not ONNX"),
        (["gpt2", "--timeout", "0"], "--timeout is 0 seconds"),
        (["gpt2", "--threads", "0"], "--threads is 0"),
        (["gpt2", "--figure", "where.foo"], "unknown format"),
        (["gpt2", "--figure", "nowhere/where.svg"], "folder of the target does not exist"),
    ],
)
def test_a_wrong_request_ends_with_2_and_a_sentence(arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]):
    code, out, err = ran(capfd, *arguments)
    assert code == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err
