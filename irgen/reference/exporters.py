"""The exporters that turn a module into an ONNX program: that of transformers for its models, torch's for the rest."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from irgen.errors import ExportError
from irgen.reference.export import Baked
from irgen.source import Built


@dataclass
class Program:
    """An exported program in memory, before it is written."""

    model: Any
    exporter: str
    dynamic: dict[str, dict[int, str]]
    baked: tuple[Baked, ...]
    warnings: tuple[str, ...] = ()

    @property
    def opset(self) -> int:
        """The version of the standard operators."""
        return int(self.model.opset_imports[""])

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs in order."""
        return tuple(value.name for value in self.model.graph.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs in order."""
        return tuple(value.name for value in self.model.graph.outputs)

    def save(self, target: Path) -> None:
        """Write the program, its large tensors beside it."""
        import onnx_ir  # noqa: PLC0415

        onnx_ir.save(self.model, str(target), external_data=f"{target.name}.data")


def run(built: Built, say: Callable[[str], None]) -> Program:
    """Export by the exporter that fits. Raises `ExportError` with the exporter's reason."""
    reasons: list[str] = []
    for name, exporter in EXPORTERS.items():
        try:
            with _quiet():
                model = exporter(built)
        except NotImplementedError:
            continue
        except Exception as error:
            reasons.append(f"{name}: {type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")
            continue
        dynamic, baked = _named(model, built)
        fell = (f"exported by {name}, since {reasons[0]}",) if reasons else ()
        return Program(model, name, dynamic, baked, fell)
    raise ExportError(
        f"no exporter takes the model: {'; '.join(reasons)}",
        at=built.title,
        fix="`irgen draw` and `irgen facts` need no export",
    )


def _by_transformers(built: Built) -> Any:
    """The OnnxExporter of transformers: for its models only."""
    import transformers  # noqa: PLC0415
    from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter  # noqa: PLC0415

    library: Any = transformers
    if not isinstance(built.module, library.PreTrainedModel):
        raise NotImplementedError
    config = OnnxConfig(dynamic=True, dynamic_shapes=_dynamic_shapes(built))
    return OnnxExporter().export(built.module, dict(built.kwargs), config=config).program


def _by_torch(built: Built) -> Any:
    """The exporter of torch."""
    export: Any = torch.onnx.export
    program = export(
        built.module, (), kwargs=dict(built.kwargs), dynamo=True, dynamic_shapes=_dynamic_shapes(built), verbose=False
    )
    return program.model


EXPORTERS: dict[str, Callable[[Built], Any]] = {"transformers": _by_transformers, "torch": _by_torch}


def _dynamic_shapes(built: Built) -> dict[str, Any]:
    auto: Any = torch.export.Dim.AUTO
    return {name: {i: auto for i, axis in enumerate(built.axes.get(name, ())) if axis} or None for name in built.kwargs}


def _named(model: Any, built: Built) -> tuple[dict[str, dict[int, str]], tuple[Baked, ...]]:
    """Which axes of the inputs vary in the file, and which do not though they should."""
    dynamic: dict[str, dict[int, str]] = {}
    baked: list[Baked] = []
    for value in model.graph.inputs:
        for axis, symbol in enumerate(built.axes.get(value.name, ())):
            if not symbol:
                continue
            size = str(getattr(value.shape[axis], "value", value.shape[axis]))
            if size.isdigit():
                baked.append(Baked(value.name, axis, symbol, int(size)))
            else:
                dynamic.setdefault(value.name, {})[axis] = symbol
    return dynamic, tuple(baked)


@contextmanager
def _quiet() -> Generator[None]:
    """Remarks of the exporters kept off standard output and standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
