"""Parts of an ONNX file: the same graph with other outputs, or what lies between some values and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, external_data_helper, helper

from irgen.reference.runs import Array


def part(model: ModelProto, outputs: Iterable[str], stops: Mapping[str, Array] | None = None) -> ModelProto:
    """The nodes that some values rest on, as a model that gives these values.

    `stops` are values that become inputs, with an example of each; what lies before them is left out.
    """
    cut = stops or {}
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output if name}
    wanted = list(dict.fromkeys(outputs))
    needed: set[str] = set()
    stack = [name for name in wanted if name not in cut]
    kept: set[int] = set()
    while stack:
        name = stack.pop()
        if name in needed:
            continue
        needed.add(name)
        node = makers.get(name)
        if node is None or id(node) in kept:
            continue
        kept.add(id(node))
        stack += [source for source in reads(node) if source not in cut and source not in needed]
    read = needed | {source for node in graph.node if id(node) in kept for source in reads(node)}
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [
        value for value in graph.input if value.name in read and value.name not in cut and value.name not in stored
    ]
    fresh = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in cut.items()
        if name in read
    ]
    made = helper.make_graph(
        [node for node in graph.node if id(node) in kept],
        graph.name or "part",
        [*inputs, *fresh],
        [_output(graph, name) for name in wanted],
        [tensor for tensor in graph.initializer if tensor.name in read],
    )
    made.sparse_initializer.extend(t for t in graph.sparse_initializer if t.values.name in read)
    out = helper.make_model(made, opset_imports=list(model.opset_import), functions=list(model.functions))
    out.ir_version = model.ir_version
    return out


def met(model: ModelProto, output: str, stops: Iterable[str]) -> list[str]:
    """Which of the `stops` come first on the ways back from a value."""
    makers = {name: node for node in model.graph.node for name in node.output if name}
    ends = set(stops) - {output}
    found: dict[str, None] = {}
    seen: set[str] = set()
    stack = [output]
    while stack:
        name = stack.pop()
        if name in ends:
            found[name] = None
        elif name not in seen and name in makers:
            seen.add(name)
            stack += reads(makers[name])
    return list(found)


def _output(graph: GraphProto, name: str) -> ValueInfoProto:
    """What is known of a value; its name is enough for the runtime."""
    return next((value for value in graph.output if value.name == name), ValueInfoProto(name=name))


def typed(model: ModelProto, value: Array) -> None:
    """Say what the only output of a model is, as the checker asks."""
    name = model.graph.output[0].name
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, kind, [None] * value.ndim))


def reads(node: NodeProto) -> Iterator[str]:
    """Every value that a node reads, those that its bodies take from around them included."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        for body in [attribute.g, *attribute.graphs] if attribute.HasField("g") or attribute.graphs else []:
            own = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
            own |= {name for inner in body.node for name in inner.output}
            yield from (name for inner in body.node for name in reads(inner) if name not in own)
            yield from (value.name for value in body.output if value.name not in own)


def with_data(model: ModelProto, folder: Path) -> ModelProto:
    """The model with the values of its external tensors inside."""
    whole = ModelProto()
    whole.CopyFrom(model)
    for tensor in whole.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]
    return whole


def sizes(model: ModelProto, shapes: Mapping[str, Iterable[int]]) -> dict[str, int]:
    """The size of each name that the file gives to an open dimension of its inputs, on inputs of these shapes."""
    found: dict[str, int] = {}
    for value in model.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, shapes.get(value.name, ()), strict=False):
            if dim.dim_param:
                found.setdefault(dim.dim_param, int(size))
    return found
