"""`irgen diff` on the command line, in Python, in a test and in git."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import irgen
from irgen.cli import run
from irgen.errors import SourceError
from irgen.testing import assert_same_architecture
from tests.diff.decoders import Decoder, Spec, layers
from tests.support.exporting import export_dynamo, export_torchscript, randomised

IDS = (torch.arange(2 * 13).reshape(2, 13),)
DECODER = "tests.sample_models:decoder"


def model(*specs: Spec) -> Decoder:
    return Decoder(specs or layers(2)).eval()


@pytest.fixture(scope="module")
def pin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pin") / "arch.json"
    assert run(["trace", DECODER, "-o", str(path)]) == 0
    return path


def test_equal_models_leave_with_zero(pin: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["diff", str(pin), DECODER]) == 0
    assert capsys.readouterr().out == f"{pin} and {DECODER} are the same architecture\n"


def test_other_models_leave_with_one_and_the_words_of_what_changed(pin: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["diff", str(pin), "gpt2"]) == 1
    assert "  ~ decoder: layers 2 → 12\n" in capsys.readouterr().out


def test_json_holds_every_change_with_both_places(pin: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["diff", str(pin), "gpt2", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["schema"] == "irgen.diff/1"
    (layers_,) = [c for c in record["changes"] if c["kind"] == "repeated"]
    assert (layers_["where"], layers_["from"], layers_["to"]) == ("decoder", 2, 12)
    assert layers_["a"]["region"] == layers_["b"]["region"] == "decoder"


@pytest.mark.parametrize("suffix", [".svg", ".png", ".html", ".pdf"])
def test_a_figure_is_written_beside_the_text(pin: Path, tmp_path: Path, suffix: str):
    target = tmp_path / f"diff{suffix}"
    assert run(["diff", str(pin), "gpt2", "-o", str(target)]) == 1
    assert target.stat().st_size > 1000


@pytest.mark.parametrize(
    "wrong", [["--depth", "atoms"], ["--json", "--md"], ["-o", "diff.xyz"], ["--lang", "tlh"], ["--theme", "pink"]]
)
def test_a_wrong_request_is_refused_before_any_work(wrong: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(["diff", "gpt2", "llama", *wrong]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "fix:" in said.err
    assert "tracing" not in said.err


def test_a_missing_source_is_told(capsys: pytest.CaptureFixture[str]):
    assert run(["diff", "gpt2", "gpt9"]) == 2
    assert "gpt9" in capsys.readouterr().err


def test_in_python_a_difference_is_true_and_reads_as_text():
    found = irgen.diff(irgen.trace(model(), IDS), irgen.trace(model(*layers(3)), IDS))
    assert found
    assert "layers 2 → 3" in str(found)
    assert [change.kind for change in found.changes if change.kind != "total"] == ["repeated"]


def test_a_pinned_model_passes_and_a_changed_one_fails_with_words(tmp_path: Path):
    pin = tmp_path / "arch.json"
    pin.write_text(irgen.trace(model(), IDS).json())
    assert_same_architecture(model(), pin, IDS)
    with pytest.raises(AssertionError, match="kv_heads 4 → 2"):
        assert_same_architecture(model(*layers(2, Spec(kv_heads=2))), pin, IDS)


def test_a_missing_pin_says_how_to_write_it(tmp_path: Path):
    with pytest.raises(SourceError) as raised:
        assert_same_architecture(model(), tmp_path / "none.json", IDS)
    assert "irgen trace" in str(raised.value)


@pytest.mark.parametrize("exporter", [export_dynamo, export_torchscript])
def test_a_model_does_not_differ_from_its_own_export(exporter, tmp_path: Path):
    module = randomised(model(*layers(2, at1=Spec(kv_heads=2, window=5))))
    path = exporter(module, {"ids": IDS[0]}, tmp_path / "model.onnx", dynamic={"ids": ("batch", "seq")})
    found = irgen.diff(irgen.trace(module, IDS), irgen.trace(str(path)))
    assert not found, str(found)


def test_git_shows_onnx_files_as_facts(tmp_path: Path):
    def git(*arguments: str) -> str:
        names = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        ran = subprocess.run(
            ["git", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ | names
        )
        return ran.stdout

    git("init", "-q")
    git("config", "diff.irgen.textconv", f"{sys.executable} -m irgen facts")
    (tmp_path / ".gitattributes").write_text("*.onnx diff=irgen\n")
    for specs in (layers(2), layers(2, Spec(hidden=104))):
        export_torchscript(randomised(model(*specs)), {"ids": IDS[0]}, tmp_path / "model.onnx")
        if specs == layers(2):
            git("add", "-A")
            git("commit", "-qm", "one")
    shown = git("diff", "--", "model.onnx")
    assert any(line.startswith("-") and "feed-forward: 88 gelu" in line for line in shown.splitlines())
    assert any(line.startswith("+") and "feed-forward: 104 gelu" in line for line in shown.splitlines())
