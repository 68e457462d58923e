"""The exporters that turn a module into an ONNX program: that of transformers for its models, torch's for the rest."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from torch.utils import _pytree as pytree

from irgen.errors import ExportError
from irgen.reference import recurrent
from irgen.reference.hollow import is_hollow
from irgen.reference.traced import Traced, by_torch, dynamic_shapes, first_line, rolled
from irgen.source import Built
from irgen.trees import tensors_by_name

Say = Callable[[str], None]


@dataclass
class Program:
    """An exported program (an `onnx_ir.Model`) in memory, who made it, and remarks on how."""

    model: Any
    exporter: str
    loops: int = 0
    warnings: list[str] = field(default_factory=list[str])


class OtherExporterError(Exception):
    """The module is not of the kind that an exporter is meant for."""


def prepare(built: Built) -> None:
    """Load the libraries that exporting needs: once here instead of in every child."""
    import_module("onnxscript")
    import_module("torch.onnx._internal.exporter._registration")
    if type(built.module).__module__.startswith("transformers."):
        import_module("transformers.exporters.exporter_onnx")


def run(built: Built, say: Say) -> Program:
    """Export by the first exporter that takes the module. Raises `ExportError` with the reason of each."""
    reasons: list[str] = []
    for name, exporter in EXPORTERS.items():
        try:
            with quiet(), torch.no_grad(), recurrent.kept_whole():
                model, traced = exporter(built, say)
        except OtherExporterError:
            continue
        except Exception as error:
            reasons.append(f"the exporter of {name} says {first_line(error)}")
            continue
        return Program(model, name, traced.loops, [*reasons, *traced.warnings])
    raise ExportError(
        "no exporter takes the model",
        at=f"{built.title}: {'; '.join(reasons)}",
        fix="`irgen draw` and `irgen facts` need no export; a change of the model's code may help its exporter",
    )


def _by_transformers(built: Built, say: Say) -> tuple[Any, Traced]:
    """The OnnxExporter of transformers: for its models only."""
    if "transformers" not in sys.modules:
        raise OtherExporterError
    import transformers  # noqa: PLC0415 - heavy
    from transformers.exporters import exporter_onnx  # noqa: PLC0415
    from transformers.exporters.configs import OnnxConfig  # noqa: PLC0415
    from transformers.exporters.exporter_dynamo import DynamoExporter  # noqa: PLC0415

    library: Any = transformers
    if not isinstance(built.module, library.PreTrainedModel):
        raise OtherExporterError
    found: list[Traced] = []

    class Rolling(DynamoExporter):
        """Stands between tracing and translation: programs pass through `rolled`."""

        def export_program(self, model: Any, sample_inputs: Any, config: Any) -> Any:
            plain = super().export_program
            say(f"tracing {built.title}")
            program, metadata = plain(model, sample_inputs, config=config)

            def again(kwargs: dict[str, Any], shapes: dict[str, Any]) -> Any:
                return plain(model, kwargs, config=OnnxConfig(dynamic=True, dynamic_shapes=shapes))[0]

            with _names_apart(model):
                found.append(rolled(built, program, again, say))
            say(f"translating {built.title} to ONNX")
            return found[-1].program, metadata

    bases: Any = (
        exporter_onnx.OnnxExporter,
        Rolling,
    )  # the library's exporter calls `Rolling` where it calls its base class
    exporter: Any = type("Exporter", bases, {})()
    config = OnnxConfig(dynamic=True, dynamic_shapes=dynamic_shapes(built), optimize=not is_hollow(built.module))
    table: Any = vars(exporter_onnx)["_ONNX_TRANSLATION_TABLE"]
    table.update(recurrent.translations())
    model = exporter.export(built.module, dict(built.kwargs), config=config).program
    return model, found[-1]


@contextmanager
def _names_apart(model: Any) -> Generator[None]:
    """Further passes of a model whose outputs the exporter is just naming keep their names to themselves."""
    from transformers.exporters.utils import patch_model_outputs  # noqa: PLC0415

    patched = model.forward
    model.forward = patched.__wrapped__
    try:
        with patch_model_outputs(model):
            yield
    finally:
        model.forward = patched


def _by_torch(built: Built, say: Say) -> tuple[Any, Traced]:
    """The exporter of torch, for any module."""
    say(f"tracing {built.title}")

    def trace(kwargs: dict[str, Any], shapes: dict[str, Any]) -> Any:
        return by_torch(built.module, kwargs, shapes)

    found = rolled(built, trace(dict(built.kwargs), dynamic_shapes(built)), trace, say)
    say(f"translating {built.title} to ONNX")
    model = _translated(built, found)
    for value, name in zip(model.graph.outputs, _output_names(found.program), strict=True):
        value.name = name
    return model, found


def _translated(built: Built, found: Traced) -> Any:
    """A traced program in ONNX; where guards stand in its way and no loop was rolled up, the module itself."""
    export: Any = torch.onnx.export
    how: dict[str, Any] = {
        "kwargs": dict(built.kwargs),
        "custom_translation_table": recurrent.translations(),
        "optimize": not is_hollow(built.module),
        "verbose": False,
    }
    try:
        return export(found.program, (), **how).model
    except Exception:
        if found.loops:
            raise
        return export(built.module, (), dynamo=True, dynamic_shapes=dynamic_shapes(built), **how).model


EXPORTERS: dict[str, Callable[[Built, Say], tuple[Any, Traced]]] = {
    "transformers": _by_transformers,
    "torch": _by_torch,
}


def _output_names(program: torch.export.ExportedProgram) -> list[str]:
    """Names of the outputs by their places in what the module returns, none of them that of an input."""
    spec: Any = program.call_spec.out_spec
    inputs = set(program.graph_signature.user_inputs)
    places = [torch.empty(0) for _ in range(spec.num_leaves)]
    names = {id(tensor): name for name, tensor in tensors_by_name(pytree.tree_unflatten(places, spec), "output")}
    return [f"output.{names[id(place)]}" if names[id(place)] in inputs else names[id(place)] for place in places]


@contextmanager
def quiet() -> Generator[None]:
    """Remarks of the exporters kept off standard output and standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
