"""ONNX files made by both of torch's exporters from a module and its inputs, each within a time limit."""

import contextlib
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

Axes = Mapping[str, tuple[str | None, ...]]  # as irgen.source.Built.axes: a name for each axis that varies
SECONDS = 120


class ExportTimeoutError(Exception):
    """An exporter did not finish within its time limit."""


@contextlib.contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    """Stop what runs longer (exports may hang)."""

    def stop(*_: object) -> None:
        raise ExportTimeoutError(f"no export within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Exporters talk and warn; tests run with warnings as errors."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    sys.stdout.flush()
    shown = os.dup(1)  # torch prints its graph from C++ when it fails
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        os.dup2(shown, 1)
        os.close(shown)
        os.close(silent)
        logging.disable(level)


class Tensors(nn.Module):
    """A module whose keyword inputs are positional and whose outputs are a plain tuple of tensors."""

    def __init__(self, module: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.module = module
        self.names = names

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        result = self.module(**dict(zip(self.names, values, strict=True)))
        return tuple(tensors(result))


def tensors(result: Any) -> list[torch.Tensor]:
    """All tensors of a module's result, in order (caches left out)."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, Mapping):
        result = [value for key, value in result.items() if "past_key_values" not in key and "cache" not in key]
    if isinstance(result, (list, tuple)):
        return [t for value in result for t in tensors(value)]
    return []


def export_dynamo(
    module: nn.Module, inputs: Mapping[str, torch.Tensor], path: str | Path, *, dynamic: Axes | None = None,
    opset: int | None = None, seconds: int = SECONDS,
) -> Path:  # fmt: skip
    """`torch.onnx.export(dynamo=True)`; transformers models by their own `OnnxExporter`, which takes more of them."""
    path = Path(path)
    shapes = None
    if dynamic is not None:
        auto = torch.export.Dim.AUTO
        shapes = {
            name: {i: auto for i, axis in enumerate(dynamic.get(name, ())) if axis is not None} for name in inputs
        }
    with limited(seconds), quiet(), torch.no_grad():
        if type(module).__module__.startswith("transformers."):
            import onnx_ir
            from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter

            options: dict[str, Any] = {"dynamic": shapes is not None, "dynamic_shapes": shapes}
            if opset is not None:
                options["opset_version"] = opset
            exported = OnnxExporter().export(module, dict(inputs), config=OnnxConfig(**options))
            onnx_ir.save(exported.program, str(path))
        else:
            torch.onnx.export(
                module, (), str(path), kwargs=dict(inputs), dynamo=True, dynamic_shapes=shapes, verbose=False,
                opset_version=opset, external_data=False,
            )  # fmt: skip
    return path


def export_torchscript(
    module: nn.Module, inputs: Mapping[str, torch.Tensor], path: str | Path, *, dynamic: Axes | None = None,
    opset: int = 17, seconds: int = SECONDS,
) -> Path:  # fmt: skip
    """`torch.onnx.export(dynamo=False)` of a wrapper that returns the tensors."""
    path = Path(path)
    names = list(inputs)
    axes = {
        name: {i: f"{name}_{axis}" for i, axis in enumerate(dynamic.get(name, ())) if axis is not None}
        for name in (names if dynamic is not None else ())
    }  # fmt: skip
    with limited(seconds), quiet(), torch.no_grad():
        torch.onnx.export(
            Tensors(module, names), tuple(inputs.values()), str(path), dynamo=False, input_names=names,
            dynamic_axes=axes, opset_version=opset, verbose=False,
        )  # fmt: skip
    return path


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with noise on every parameter: exporters drop biases of zeros and merge equal tensors."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return module
