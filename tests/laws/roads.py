"""Every road from a module into irgen, as a table."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from irgen import zoo
from irgen.api import trace
from irgen.frontends import onnx
from irgen.ir.graph import Graph
from irgen.source import Built
from tests.support.anonymous import anonymous
from tests.support.exporting import export_dynamo, export_torchscript, quiet

Road = Callable[[Built, Path], Graph]


def live(built: Built, folder: Path) -> Graph:
    return trace(built).graph


def export(built: Built, folder: Path) -> Graph:
    """A program of torch.export, through its file."""
    path = folder / "program.pt2"
    with quiet(), torch.no_grad():
        torch.export.save(torch.export.export(built.module, (), built.kwargs), path)
    return trace(str(path)).graph


def fx(built: Built, folder: Path) -> Graph:
    """A plain symbolic trace, with the inputs that the system gives."""
    absent = {
        name: None
        for name, parameter in torch.fx.Tracer().root_signature(built.module).items()
    } if hasattr(torch.fx.Tracer, "root_signature") else None
    traced = torch.fx.symbolic_trace(built.module, concrete_args=absent)
    return trace(traced, built.kwargs).graph


def dynamo(built: Built, folder: Path) -> Graph:
    return onnx.read(export_dynamo(built.module, built.kwargs, folder / "dynamo.onnx"))


def torchscript(built: Built, folder: Path) -> Graph:
    return onnx.read(export_torchscript(built.module, built.kwargs, folder / "torchscript.onnx"))


def nameless(road: str) -> Road:
    """The file of another road with every name replaced and all metadata removed."""

    def travel(built: Built, folder: Path) -> Graph:
        return onnx.read(anonymous(folder / f"{road}.onnx", folder / f"{road}-anonymous.onnx"))

    return travel


ROADS: dict[str, Road] = {
    "live": live,
    "export": export,
    "fx": fx,
    "dynamo": dynamo,
    "dynamo-anonymous": nameless("dynamo"),
    "torchscript": torchscript,
    "torchscript-anonymous": nameless("torchscript"),
}
