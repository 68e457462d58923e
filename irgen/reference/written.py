"""An exported program as a file: names of axes, metadata for viewers, tensors beside it where they are many."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx

from irgen.errors import ExportError, OutputError
from irgen.reference import hollow

SINGLE = 1 << 30
"""Bytes of tensors up to which a file holds them itself; protobuf ends at twice that."""

SYMBOL = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Labels:
    """What viewers are to show: for the outputs of nodes by name, and for the model as a whole."""

    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    model: Mapping[str, str] = field(default_factory=dict[str, str])


def name_axes(model: Any, axes: Mapping[str, tuple[str | None, ...]]) -> None:
    """Call the symbols of an `onnx_ir.Model` by the names of the axes of the inputs where they first stand."""
    names: dict[str, str] = {}
    for value in model.graph.inputs:
        for size, axis in zip(value.shape or (), axes.get(value.name, ()), strict=False):
            if axis and type(size) is not int and SYMBOL.fullmatch(str(size.value)):
                names.setdefault(str(size.value), axis)
    taken = set(names.values())
    for value in _values(model):
        if value.shape is None:
            continue
        for i, size in enumerate(value.shape):
            if type(size) is int or size.value is None:
                continue
            if str(size.value).isdigit():  # a symbol that tracing found to have one value
                value.shape[i] = int(str(size.value))
                continue
            text = SYMBOL.sub(lambda m: names.get(m[0], f"{m[0]}_" if m[0] in taken else m[0]), str(size.value))
            value.shape[i] = text


def _values(model: Any) -> Iterator[Any]:
    """Every value of the graph, its functions and their bodies."""
    seen: set[int] = set()
    for graph in [model.graph, *model.functions.values()]:
        for value in (*graph.inputs, *(out for node in graph.all_nodes() for out in node.outputs)):
            if id(value) not in seen:
                seen.add(id(value))
                yield value
    for graph in model.graphs():
        for value in graph.inputs:
            if id(value) not in seen:
                seen.add(id(value))
                yield value


def save(model: Any, folder: Path, name: str, *, weights: bool = True) -> Path:
    """Write an `onnx_ir.Model` into a scratch folder, its larger tensors into `<name>.data` beside it."""
    import onnx_ir  # noqa: PLC0415 - heavy

    path = folder / name
    if weights:
        onnx_ir.save(model, str(path), external_data=f"{name}.data")
    else:
        hollow.name_tensors(model, f"{name}.data")
        onnx_ir.save(model, str(path))
    return path


def checked(path: Path, weights: bool) -> None:
    """Raise `ExportError` where the standard's own checker refuses the file."""
    beside = path.with_name(f"{path.name}.data")
    try:
        if not weights:  # the checker asks for a file of the right length: one of holes takes no room
            with beside.open("wb") as file:
                file.truncate(max((_end(tensor) for tensor in _tensors(_structure(path))), default=0))
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        raise ExportError(
            f"the exporter wrote a file that the ONNX checker refuses: {' '.join(str(error).split())[:300]}",
            fix="please report it, with the source that was exported",
        ) from error
    finally:
        if not weights:
            beside.unlink(missing_ok=True)


def _end(tensor: onnx.TensorProto) -> int:
    """The end of a tensor in the file that holds it."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return int(entries.get("offset", 0)) + int(entries.get("length", 0))


def _structure(path: Path) -> onnx.ModelProto:
    return onnx.load(str(path), load_external_data=False)


def label(path: Path, labels: Labels) -> None:
    """Write labels into the metadata of a file; its tensors beside it stay as they are."""
    model = _structure(path)
    for node in _nodes(model.graph.node):
        entries: dict[str, str] = {}
        for output in node.output:
            entries.update(labels.nodes.get(output, {}))
        _put(node.metadata_props, entries)
    _put(model.metadata_props, labels.model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _put(props: Any, entries: Mapping[str, str]) -> None:
    for key, value in sorted(entries.items()):
        props.add(key=key, value=value)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph and of the bodies in it."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g.node)


def place(path: Path, target: Path, *, weights: bool = True) -> None:
    """Move a finished file over `target`: as one file, or with a file of tensors whose name tells its contents.

    The tensors move first and never over those of an older file, so that at every moment `target` is whole.
    """
    beside = path.with_name(f"{path.name}.data")
    try:
        if weights and beside.exists() and beside.stat().st_size > SINGLE:
            name = f"{target.name}.{_digest(beside)}.data"
            _point(path, name)
            beside.replace(target.with_name(name))
        elif weights and beside.exists():
            whole = onnx.load(str(path))
            path.write_bytes(whole.SerializeToString(deterministic=True))
            name = ""
        else:
            name = ""
        path.replace(target)
        for old in target.parent.glob(f"{target.name}.*.data"):
            if old.name != name and re.fullmatch(r"[0-9a-f]{16}", old.name[len(target.name) + 1 : -len(".data")]):
                old.unlink()
    except OSError as error:
        raise OutputError(
            f"the target cannot be written: {error.strerror}", at=str(target), fix="choose a place you may write to"
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _point(path: Path, name: str) -> None:
    """Let the tensors of a file be found under another name."""
    model = _structure(path)
    for tensor in _tensors(model):
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
    path.write_bytes(model.SerializeToString(deterministic=True))


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in _nodes(model.graph.node):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from attribute.g.initializer
