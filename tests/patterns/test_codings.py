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
from tests.support.exporting import export_dynamo, export_torchscript, quiet, randomised


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


def stepped(fade: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A recurrence over a list, kept as a loop by the TorchScript exporter."""
    state = torch.zeros_like(value[:, 0])
    outputs = []
    for t in range(value.shape[1]):
        state = fade[:, t] * state + value[:, t]
        outputs.append(state)
    return torch.stack(outputs, 1)


class Stepped(torch.nn.Module):
    """A gated recurrence whose loop is scripted."""

    def __init__(self) -> None:
        super().__init__()
        with quiet():
            self.run = torch.jit.script(stepped)
        self.fade, self.value, self.out = (torch.nn.Linear(a, b) for a, b in ((WIDTH, 32), (WIDTH, 32), (32, WIDTH)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.run(torch.sigmoid(self.fade(x)), self.value(x)))


def test_a_loop_that_collects_a_sequence_is_read_step_by_step(tmp_path: Path):
    module = randomised(Residual(Stepped()).eval())
    path = export_torchscript(module, {"x": torch.randn(2, TOKENS, WIDTH)}, tmp_path / "model.onnx")
    said = stacks(onnx.read(path))
    assert '"kind": "linear-recurrence", "inner": 32' in said
