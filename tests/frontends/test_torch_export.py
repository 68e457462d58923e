"""Exported programs and graph modules come to the same graph as the module they were made from."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from irgen.errors import CaptureError, InputError, SourceError
from irgen.frontends import torch_export, torch_fx
from irgen.frontends.torch_live import capture
from tests.frontends.torch_support import disagreement


class Reads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, ids: torch.Tensor, *, scale: torch.Tensor) -> dict[str, torch.Tensor]:
        x = self.head(self.table(ids))
        return {"flat": x.flatten(1) * scale, "pooled": x.mean(1)}


IDS, SCALE = torch.arange(15).reshape(3, 5), torch.ones(1)
DYNAMIC = {"ids": {0: torch.export.Dim("batch"), 1: torch.export.Dim("seq")}, "scale": None}


def exported(dynamic: Any = DYNAMIC) -> torch.export.ExportedProgram:
    with warnings.catch_warnings(action="ignore"):
        return torch.export.export(Reads(), (IDS,), {"scale": SCALE}, dynamic_shapes=dynamic, strict=False)


def test_symbolic_dimensions_of_the_program_become_symbols() -> None:
    graph = torch_export.read(exported())
    assert [str(graph[i].type) for i in graph.inputs] == ["int64[batch, seq]", "float32[1]"]
    assert [str(graph[o].type) for o in graph.outputs] == ["float32[batch, 4·seq]", "float32[batch, 4]"]
    assert graph.output_names == ["flat", "pooled"]
    assert graph.findings == []


def test_static_program_has_no_symbols() -> None:
    graph = torch_export.read(exported(None))
    assert [str(graph[i].type) for i in graph.inputs] == ["int64[3, 5]", "float32[1]"]


def test_program_keeps_names_modules_and_lines() -> None:
    graph = torch_export.read(exported())
    linear = next(n for n in graph if n.op == "linear")
    assert graph.provenance[linear.inputs[1]].name == "head.weight"
    assert (graph.provenance[linear.id].module, graph.provenance[linear.id].cls) == ("head", "Linear")
    assert graph.provenance[linear.id].line.startswith("linear.py:")


def test_file_gives_the_graph_of_the_program(tmp_path: Path) -> None:
    program = exported()
    with warnings.catch_warnings(action="ignore"):
        torch.export.save(program, tmp_path / "reads.pt2")
    again, graph = torch_export.read(tmp_path / "reads.pt2"), torch_export.read(program)
    assert [(n.op, n.inputs, n.type, n.attrs) for n in again] == [(n.op, n.inputs, n.type, n.attrs) for n in graph]


def test_program_without_example_inputs_is_read_from_its_placeholders() -> None:
    program = exported()
    program._example_inputs = None
    assert [n.op for n in torch_export.read(program)] == [n.op for n in torch_export.read(exported())]


def test_program_computes_what_its_module_computes() -> None:
    program = exported(None)
    assert disagreement(program.module(), (IDS,), {"scale": SCALE}, torch_export.read(program)) < 1e-5


@pytest.mark.parametrize("content", [b"", b"not a program", b"PK\x03\x04 cut off"])
def test_file_that_is_no_program_is_refused(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.pt2"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"broken\.pt2 is not a program"):
        torch_export.read(path)
    assert "Traceback" not in capfd.readouterr().err


class Convolves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.conv(x))).mean((2, 3))


PICTURE = torch.randn(2, 3, 9, 9)


def test_plain_module_is_traced_symbolically() -> None:
    graph = torch_fx.read(Convolves(), {"x": PICTURE})
    live = capture(Convolves(), (PICTURE,))
    assert [(n.op, n.inputs, n.type, n.attrs) for n in graph] == [(n.op, n.inputs, n.type, n.attrs) for n in live]
    assert graph.frontend == "torch-fx"
    conv = next(n.id for n in graph if n.op == "conv")
    assert (graph.provenance[conv].module, graph.provenance[conv].cls) == ("conv", "Conv2d")


def test_graph_module_with_noted_sizes_needs_no_inputs() -> None:
    traced = fx.symbolic_trace(Convolves())
    with pytest.raises(InputError, match="does not say what x looks like"):
        torch_fx.read(traced)
    ShapeProp(traced).propagate(PICTURE)
    assert str(torch_fx.read(traced)[torch_fx.read(traced).inputs[0]].type) == "float32[2, 3, 9, 9]"


def test_module_that_symbolic_trace_cannot_take_is_refused() -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(CaptureError, match=r"torch\.fx\.symbolic_trace cannot take the module"):
        torch_fx.read(Branches(), {"x": PICTURE})
