"""Every road from a module into irgen, as a table; and the ones that a system truly cannot take, with the error."""

import inspect
from collections.abc import Callable
from dataclasses import replace
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
        torch.export.save(torch.export.export(built.module, (), built.kwargs, dynamic_shapes=dynamic(built)), path)
    return trace(str(path)).graph


def dynamic(built: Built) -> dict[str, dict[int, object]]:
    """The dimensions that may vary, in the words of torch.export."""
    auto = torch.export.Dim.AUTO
    return {
        name: {i: auto for i, axis in enumerate(built.axes.get(name, ())) if axis is not None} for name in built.kwargs
    }


def fx(built: Built, folder: Path) -> Graph:
    """A plain symbolic trace of a wrapper that takes just the inputs that the system gives."""
    return trace(torch.fx.symbolic_trace(plain(built)), built.kwargs).graph


def plain(built: Built) -> torch.nn.Module:
    """The system behind a forward without optional arguments, which symbolic tracing asks for."""
    names = ", ".join(built.kwargs)
    scope: dict[str, Callable[..., object]] = {}
    exec(f"def forward(self, {names}): return self.module({', '.join(f'{n}={n}' for n in built.kwargs)})", scope)
    wrapper = type("Plain", (torch.nn.Module,), {"forward": scope["forward"]})()
    wrapper.module = built.module
    return wrapper


def fx_of_export(built: Built, folder: Path) -> Graph:
    """The `torch.fx.GraphModule` that torch.export makes of the module."""
    with quiet(), torch.no_grad():
        program = torch.export.export(built.module, (), built.kwargs, dynamic_shapes=dynamic(built))
    return trace(program.module(check_guards=False), built.kwargs).graph


def dynamo(built: Built, folder: Path) -> Graph:
    return onnx.read(export_dynamo(built.module, built.kwargs, folder / "dynamo.onnx", dynamic=built.axes))


def torchscript(built: Built, folder: Path) -> Graph:
    return onnx.read(export_torchscript(built.module, built.kwargs, folder / "torchscript.onnx", dynamic=built.axes))


def nameless(road: str) -> Road:
    """The file of another road with every name replaced and all metadata removed."""

    def travel(built: Built, folder: Path) -> Graph:
        nameless = folder / f"{road}-anonymous.onnx"
        if not (folder / f"{road}.onnx").exists():  # its own test has not run, or runs in another process
            ROADS[road](built, folder)
        anonymous(folder / f"{road}.onnx", nameless)
        return onnx.read(nameless)

    return travel


ROADS: dict[str, Road] = {
    "export": export,
    "fx": fx,
    "fx-of-export": fx_of_export,
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


def shortened(built: Built, length: int | None) -> Built:
    """The system on fewer tokens (and two more of them where it is traced again)."""
    if length is None:
        return built
    kwargs = {name: value[:, :length] for name, value in built.kwargs.items()}
    resized = [{name: value[:, : length + 2] for name, value in other.items()} for other in built.resized]
    return replace(built, kwargs=kwargs, resized=resized)
