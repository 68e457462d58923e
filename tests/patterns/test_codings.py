"""Experts of a library model in each coding that it offers, and recurrences in both exporters' files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from irgen.frontends import onnx
from irgen.frontends.torch_live import capture
from irgen.ir.facts import record
from irgen.ir.graph import Graph
from irgen.passes import normalise
from irgen.patterns import label
from irgen.zoo import systems
from tests.patterns import mixtures, recurrences
from tests.patterns.branches import TOKENS, WIDTH, Residual
from tests.support.exporting import export_dynamo, export_torchscript, randomised


def stacks(graph: Graph) -> str:
    _, found = label(normalise(graph))
    return json.dumps(record(found, source="", frontend="")["stacks"])


@pytest.mark.parametrize("name", ["mixtral", "gpt-oss-20b"])
def test_three_codings_of_the_experts_have_the_same_facts(name: str):
    built = systems()[name].build("twin")
    said: set[str] = set()
    for coding in ("eager", "batched_mm", "grouped_mm"):
        built.module.set_experts_implementation(coding)
        said.add(stacks(capture(built.module, (), built.kwargs)))
    (one,) = said
    assert '"kind": "moe"' in one


MODULES = {
    "mixture by where": mixtures.ByWhere, "mixture by masked scores": mixtures.Masked,
    "group-limited mixture": mixtures.GroupLimited, "real-gated recurrence": recurrences.Gated,
    "linear attention": recurrences.Linear, "lstm cell": lambda: recurrences.Cell("lstm"),
}  # fmt: skip


@pytest.mark.parametrize("export", [export_dynamo, export_torchscript], ids=lambda e: e.__name__)
@pytest.mark.parametrize("name", MODULES)
def test_a_file_has_the_facts_of_the_live_module(name: str, export: object, tmp_path: Path):
    torch.manual_seed(3)
    module = randomised(Residual(MODULES[name]()).eval())
    x = torch.randn(2, TOKENS, WIDTH)
    path = export(module, {"x": x}, tmp_path / "model.onnx")
    assert stacks(onnx.read(path)) == stacks(capture(module, (x,)))
