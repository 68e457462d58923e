"""`irgen export` as a stranger meets it: what is written, what is said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

import irgen
from irgen import exporting
from irgen.cli import run

DECODER = "tests.sample_models:decoder"

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "decoder.onnx"
    assert run(["export", DECODER, "-o", str(target)]) == 0
    return target


def entries(props: object) -> dict[str, str]:
    return {entry.key: entry.value for entry in props}


def test_every_node_says_its_region_and_the_file_its_facts(file: Path):
    model = onnx.load(str(file))
    onnx.checker.check_model(model, full_check=True)
    about = entries(model.metadata_props)
    facts = json.loads(about["irgen.facts"])
    assert facts["family"] == "decoder-only"
    assert about["irgen.source"] == DECODER
    nodes = [entries(node.metadata_props) for node in model.graph.node]
    labels = [node.get("irgen.label", "") for node in nodes]
    layers = facts["stacks"][0]["layers"]
    for layer in range(layers):
        for part in ("self-attention", "feed-forward"):
            assert any(label.startswith(f"decoder / layer {layer} / {part}") for label in labels)
    softmax = [n for n, node in zip(nodes, model.graph.node, strict=True) if node.op_type in ("Softmax", "Attention")]
    assert len(softmax) == layers
    assert all("self-attention" in node["irgen.label"] and "heads" in node["irgen.facts"] for node in softmax)
    assert sum(bool(label) for label in labels) > 0.8 * len(labels)


def test_the_facts_of_the_file_are_those_of_its_source(file: Path):
    ours, theirs = irgen.trace(DECODER).facts, irgen.trace(file).facts
    assert ours["stacks"] == theirs["stacks"]
    assert ours["parameters"] == theirs["parameters"]


def test_a_file_that_irgen_cannot_read_says_so_instead_of_labels(tmp_path: Path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    found = exporting.labels(path, "broken")
    assert not found.nodes
    assert "irgen.unlabelled" in found.model


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gpt2", "-o", "no/such/folder/model.onnx"], "folder of the target does not exist"),
        (["gtp2", "-o", "model.onnx"], "did you mean gpt2"),
        (["gpt2", "-o", "model.onnx", "--timeout", "0"], "give a number above 0"),
        (["gpt2", "-o", "model.onnx", "--no-weights", "--checkpoint", "x"], "exclude each other"),
        (["gpt2", "-o", "model.onnx", "--checkpoint", "no/such/folder"], "there is no such folder"),
        (["model.onnx", "-o", "other.onnx"], "holds no module of PyTorch"),
        (["gpt2"], "--output"),
        ([DECODER, "-o", "model.onnx", "--timeout", "0.001"], "took longer than 0.001 seconds"),
    ],
)
def test_wrong_requests_are_refused_in_a_sentence_and_leave_nothing(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    monkeypatch.chdir(tmp_path)
    assert run(["export", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "fix:" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
