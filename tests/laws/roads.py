"""Every road from a module into irgen, as a table; and the ones that a system truly cannot take, with the error."""

import inspect
from collections.abc import Callable
from pathlib import Path

import torch

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
    """A plain symbolic trace; arguments that the system does not give keep their defaults."""
    parameters = inspect.signature(built.module.forward).parameters.values()
    rest = {p.name: p.default for p in parameters if p.name not in built.kwargs and p.default is not p.empty}
    return trace(torch.fx.symbolic_trace(built.module, concrete_args=rest), built.kwargs).graph


def dynamo(built: Built, folder: Path) -> Graph:
    return onnx.read(export_dynamo(built.module, built.kwargs, folder / "dynamo.onnx", dynamic=built.axes))


def torchscript(built: Built, folder: Path) -> Graph:
    return onnx.read(export_torchscript(built.module, built.kwargs, folder / "torchscript.onnx", dynamic=built.axes))


def nameless(road: str) -> Road:
    """The file of another road with every name replaced and all metadata removed."""

    def travel(built: Built, folder: Path) -> Graph:
        return onnx.read(anonymous(folder / f"{road}.onnx", folder / f"{road}-anonymous.onnx"))

    return travel


ROADS: dict[str, Road] = {
    "export": export,
    "fx": fx,
    "dynamo": dynamo,
    "dynamo-anonymous": nameless("dynamo"),
    "torchscript": torchscript,
    "torchscript-anonymous": nameless("torchscript"),
}
"""The roads beside live capture, which the others are compared with."""


def masked(built: Built) -> Built:
    """The system with a mask of ones for each of its token inputs, where it takes one.

    Without it, transformers looks for packed sequences by `torch.diff`, which the TorchScript exporter cannot take.
    """
    ones = {
        mask: torch.ones_like(value)
        for name, value in built.kwargs.items()
        if name.endswith("input_ids")
        and (mask := name.replace("input_ids", "attention_mask")) in inspect.signature(built.module.forward).parameters
    }
    axes = {mask: built.axes[mask.replace("attention_mask", "input_ids")] for mask in ones}
    resized = [
        {**other, **{mask: torch.ones_like(other[mask.replace("attention_mask", "input_ids")]) for mask in ones}}
        for other in built.resized
    ]
    return Built(built.module, {**built.kwargs, **ones}, resized, {**built.axes, **axes}, built.title, built.note)
