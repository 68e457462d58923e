"""An ONNX file that says nothing but the computation: no names, no metadata, another order, no weights."""

import random
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)


class Namer:
    """Opaque names, handed out in an order that the seed shuffles."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.given: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        if not name:
            return ""
        if name not in self.given:
            self.given[name] = f"x{self.random.getrandbits(48):012x}"
        return self.given[name]


def anonymous(
    source: str | Path, target: str | Path, *, seed: int = 0, blank: bool = False, missing: bool = False
) -> dict[str, str]:
    """Write the anonymous copy; the new name of every input and output by its old one.

    `blank` fills every floating tensor of two dimensions or more with zeros; `missing` moves those tensors to an
    external file that is not there.
    """
    model = onnx.load(str(source))
    namer = Namer(seed)
    bare = ModelProto(ir_version=model.ir_version)
    for entry in model.opset_import:
        bare.opset_import.add(domain=entry.domain, version=entry.version)
    bare.graph.CopyFrom(model.graph)
    for function in model.functions:
        bare.functions.add().CopyFrom(function)
        del bare.functions[-1].metadata_props[:]
        bare.functions[-1].doc_string = ""
    outer = [value.name for value in (*model.graph.input, *model.graph.output)]
    _graph(bare.graph, namer, seed)
    for tensor in bare.graph.initializer:
        if tensor.data_type in FLOATS and len(tensor.dims) >= 2:
            _emptied(tensor, blank, missing)
    bare.graph.name = "g"
    Path(target).write_bytes(bare.SerializeToString())
    return {name: namer(name) for name in outer}


def _emptied(tensor: TensorProto, blank: bool, missing: bool) -> None:
    if not (blank or missing):
        return
    size = len(tensor.raw_data) or 4 * len(tensor.float_data)
    for field in ("raw_data", "float_data", "double_data", "int32_data"):
        tensor.ClearField(field)
    if missing:
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "nowhere.bin"
    else:
        tensor.raw_data = bytes(size)


def _graph(graph: GraphProto, namer: Namer, seed: int) -> None:
    graph.doc_string = ""
    for field in ("value_info", "metadata_props", "quantization_annotation"):
        graph.ClearField(field)
    for tensor in graph.initializer:
        tensor.name, tensor.doc_string = namer(tensor.name), ""
    for value in (*graph.input, *graph.output):
        value.name, value.doc_string = namer(value.name), ""
        value.ClearField("metadata_props")
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = namer(f"size {dim.dim_param}")
    for node in graph.node:
        node.name = node.doc_string = ""
        node.ClearField("metadata_props")
        node.input[:] = [namer(name) for name in node.input]
        node.output[:] = [namer(name) for name in node.output]
        for attribute in node.attribute:
            attribute.doc_string = ""
            if attribute.HasField("g"):
                _graph(attribute.g, namer, seed)
            elif attribute.HasField("t"):
                attribute.t.name = ""
    _shuffle(graph, random.Random(seed))


def _shuffle(graph: GraphProto, dice: random.Random) -> None:
    """The nodes in a random topological order."""
    producer = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    waiting: list[set[int]] = [{producer[n] for n in _reads(node) if n in producer} for node in graph.node]
    readers: dict[int, list[int]] = {}
    for i, sources in enumerate(waiting):
        for source in sources:
            readers.setdefault(source, []).append(i)
    ready, order = [i for i, sources in enumerate(waiting) if not sources], []
    while ready:
        i = ready.pop(dice.randrange(len(ready)))
        order.append(i)
        for reader in readers.get(i, ()):
            waiting[reader].discard(i)
            if not waiting[reader]:
                ready.append(reader)
    nodes = [NodeProto() for _ in order]
    for node, i in zip(nodes, order, strict=True):
        node.CopyFrom(graph.node[i])
    del graph.node[:]
    graph.node.extend(nodes)


def _reads(node: NodeProto) -> list[str]:
    names = list(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            names += [name for inner in attribute.g.node for name in _reads(inner)]
            names += [value.name for value in attribute.g.output]
    return names
