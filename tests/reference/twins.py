"""Twins and their exports, each made once for all tests."""

import functools
import tempfile
from pathlib import Path

import onnx
import torch

from irgen.building import built_of
from irgen.reference.cases import with_optional
from irgen.reference.export import export
from irgen.source import Built
from tests.support.exporting import quiet

ROOM = tempfile.TemporaryDirectory(prefix="irgen-twins-")


@functools.cache
def twin(name: str) -> tuple[Built, Path]:
    """The twin of a built-in system with its mask as an input, and its export."""
    torch.set_num_threads(1)
    built = with_optional(built_of(name)[1], ["attention_mask"])
    with quiet():
        made = export(built, Path(ROOM.name) / f"{name}.onnx")
    return built, made.path


def model(name: str) -> onnx.ModelProto:
    """A copy of the export of a twin, to be changed."""
    return onnx.load(str(twin(name)[1]))


def changed(name: str, proto: onnx.ModelProto, folder: Path) -> tuple[Built, Path]:
    """The twin and a changed export."""
    path = folder / "changed.onnx"
    onnx.save(proto, str(path))
    return twin(name)[0], path
