"""The ONNX road: a file, with or without its weights, read into the canonical operators; without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from onnx import ModelProto, ValueInfoProto

from irgen.errors import SourceError
from irgen.frontends.onnx_build import Build
from irgen.frontends.onnx_file import functions, load, opsets
from irgen.frontends.onnx_outline import Outline, outline
from irgen.frontends.onnx_sharing import retied, unmerged
from irgen.frontends.onnx_sweep import SizesClash, Source, Sweep
from irgen.frontends.onnx_symbols import Slot, annotated, plan
from irgen.frontends.onnx_tables import settled, without_idle_affine
from irgen.frontends.onnx_unfold import unfolded
from irgen.frontends.onnx_values import decoded, element_type, text
from irgen.ir.collection import no_collection
from irgen.ir.graph import Array, Graph, Node, Provenance
from irgen.ir.tensor import TensorType

ATTEMPTS = 40
SMALL = 4096  # elements of a stored tensor that is kept once it is decoded


def read(path: str | Path, *, sizes: Mapping[str, int] | None = None) -> Graph:
    """The canonical graph of an ONNX file.

    `sizes` fixes open sizes of the inputs by their name in the file (or `batch`, `seq`, …); the others are chosen.
    Parameters have no value, tables and masks do. `SourceError` where the file is not a sound ONNX model.
    """
    return _read(Path(path), sizes or {})[0]


def read_with_weights(path: str | Path, *, sizes: Mapping[str, int] | None = None) -> tuple[Graph, dict[str, Array]]:
    """The graph, and the values of its parameters by node id (those whose data is there)."""
    graph, build, folder = _read(Path(path), sizes or {})
    return graph, dict(_weights(graph, build, folder))


def _weights(graph: Graph, build: Build, folder: Path) -> Iterator[tuple[str, Array]]:
    """The values of the parameters by node id, one after the other."""
    for name, held in build.tensors.items():
        if name in graph and graph.nodes[name].op == "param":
            value = held() if callable(held) else decoded(held, folder)
            if value is not None:
                yield name, value


def read_with_names(
    path: str | Path, *, sizes: Mapping[str, int] | None = None
) -> tuple[Graph, dict[str, str], Iterator[tuple[str, Array]]]:
    """The graph, which value of the file each node's value is, and the parameters one by one, by node id."""
    graph, build, folder = _read(Path(path), sizes or {})
    return graph, build.named, _weights(graph, build, folder)


def _read(path: Path, sizes: Mapping[str, int]) -> tuple[Graph, Build, Path]:
    model = load(path)
    try:
        with no_collection():
            return (*_graph(model, path.parent, sizes), path.parent)
    except SourceError as fault:
        fault.at = f"{path}: {fault.at}" if fault.at else str(path)
        fault.fix = fault.fix or "the file is damaged or was exported wrongly: export the model again"
        raise


def _graph(model: ModelProto, folder: Path, sizes: Mapping[str, int]) -> tuple[Graph, Build]:
    stored = {text(tensor.name) for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if text(value.name) not in stored]
    chosen = plan(inputs, sizes)
    source = Source(folder, opsets(model), functions(model))
    taken = outline(model.graph)
    findings: list[str] = []
    first: SizesClash | None = None
    for _ in range(ATTEMPTS):
        build = None
        try:
            build = _swept(model, taken, inputs, source, chosen.sizes(0))
            unnamed = replace(source, named=False)
            other = _swept(model, taken, inputs, unnamed, chosen.sizes(1)) if chosen.varies else build
            break
        except SizesClash as clash:
            settle = chosen.settle if not clash.products else chosen.settle_products if build is None else chosen.hold
            finding = settle(*clash.sizes)
            first = first or clash
            if finding is None:
                raise first from None
            if finding:
                findings.append(finding)
    else:
        raise SourceError("no sizes of the inputs fit the graph", fix="give them: sizes={...}")
    graph = build.graph.pruned()
    if chosen.varies:
        graph = annotated(graph, other.graph.pruned(), chosen.symbols)
    graph = _learned(graph, build, folder)
    graph.findings = [*dict.fromkeys([*findings, *source.findings, *graph.findings])]
    return graph, build


def _learned(graph: Graph, build: Build, folder: Path) -> Graph:
    """The graph with its stored tensors told apart: fixed tables, shared parameters, and parameters of their own."""
    small: dict[str, Array | None] = {}

    def value(name: str) -> Array | None:
        if name in small:
            return small[name]
        held = build.tensors.get(name)
        found = None if held is None or callable(held) else decoded(held, folder)
        if found is None or found.size <= SMALL:
            small[name] = found
        return found

    graph, tables = unfolded(retied(without_idle_affine(settled(graph, value)), value), value)
    for name, table in tables.items():
        build.tensors[name] = partial(_held, table)
    graph, copies = unmerged(graph, value)
    for copy, name in copies.items():
        build.tensors[copy] = build.tensors[name]
    return graph


def _held(value: Array) -> Array:
    return value


def _swept(
    model: ModelProto, taken: Outline, inputs: Sequence[ValueInfoProto], source: Source, sizes: Mapping[Slot, int]
) -> Build:
    """One reading at given sizes."""
    build = Build()
    sweep = Sweep(source, build)
    for i, value in enumerate(inputs):
        if value.name in sweep.names:
            raise SourceError(f"input {text(value.name)!r} is there twice", fix="export the model again")
        build.origin = Provenance(name=text(value.name))
        name = build.node(Node("", "input", (), _type(value, i, sizes)))
        build.graph.inputs.append(name)
        sweep.names[value.name] = name
    build.graph.outputs = sweep.within(model.graph, taken)
    build.graph.output_names = [text(value.name) for value in model.graph.output]
    for name, node in sweep.names.items():
        build.named.setdefault(node, text(name))
    return build


def _type(value: ValueInfoProto, i: int, sizes: Mapping[Slot, int]) -> TensorType:
    kind = value.type.tensor_type
    dtype = element_type(kind.elem_type) if kind.elem_type else "float32"
    if not kind.HasField("shape"):
        return TensorType(dtype, None)
    dims = kind.shape.dim
    shape = tuple(sizes.get((i, axis), dim.dim_value) for axis, dim in enumerate(dims))
    if any(n < 0 for n in shape):
        raise SourceError(f"input {text(value.name)!r} claims the sizes {list(shape)}", fix="export the model again")
    return TensorType(dtype, shape)
