"""An ONNX file with every name replaced by an opaque id and all metadata removed: what is left is the computation."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import onnx

STANDARD = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Domains whose operators keep their names: they are the vocabulary."""

WORDS = ("doc_string", "metadata_props")


class Renaming:
    """Opaque ids for names; a name that is met again gets the same id."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.count = count()

    def value(self, name: str) -> str:
        return self.ids.setdefault(name, f"i{next(self.count)}") if name else ""

    def graph(self, graph: onnx.GraphProto) -> None:
        """Rename a graph in place; inner graphs see the ids of the outer one."""
        for field in ("name", "quantization_annotation", *WORDS):
            graph.ClearField(field)
        graph.name = "g"
        graph.ClearField("value_info")
        for tensor in graph.initializer:
            tensor.name = self.value(tensor.name)
            clear(tensor)
        for tensor in graph.sparse_initializer:
            tensor.values.name = self.value(tensor.values.name)
        for info in (*graph.input, *graph.output):
            info.name = self.value(info.name)
            clear(info)
            if info.type.tensor_type.HasField("shape"):
                for dim in info.type.tensor_type.shape.dim:
                    if dim.dim_param:
                        dim.dim_param = self.value(f"dim {dim.dim_param}")
                    dim.ClearField("denotation")
        self.nodes(graph.node)

    def nodes(self, nodes: Iterable[onnx.NodeProto]) -> None:
        for node in nodes:
            node.name = ""
            clear(node)
            node.input[:] = [self.value(name) for name in node.input]
            node.output[:] = [self.value(name) for name in node.output]
            if node.domain not in STANDARD:
                node.domain, node.op_type = self.function(node.domain, node.op_type)
            node.ClearField("overload")
            for attribute in node.attribute:
                clear(attribute)
                if attribute.type == onnx.AttributeProto.GRAPH:
                    self.graph(attribute.g)
                if attribute.type == onnx.AttributeProto.TENSOR:
                    attribute.t.name = ""
                    clear(attribute.t)

    def function(self, domain: str, name: str) -> tuple[str, str]:
        """The id of a local function; its domain is one for all."""
        return "d", self.value(f"function {domain}::{name}")


def clear(thing: object) -> None:
    """Take away words that only people read."""
    for field in WORDS:
        if field in thing.DESCRIPTOR.fields_by_name:
            thing.ClearField(field)


def anonymous(source: Path, target: Path) -> Path:
    """Write the file at `source` without a single name to `target`, weights inside."""
    model = onnx.load(source)
    for field in ("producer_name", "producer_version", "domain", "model_version", *WORDS):
        model.ClearField(field)
    renaming = Renaming()
    renaming.graph(model.graph)
    for function in model.functions:
        inner = Renaming()
        inner.ids = {name: found for name, found in renaming.ids.items() if name.startswith("function ")}
        inner.count = renaming.count
        clear(function)
        function.domain, function.name = renaming.function(function.domain, function.name)
        inner.ids |= {name: found for name, found in renaming.ids.items() if name.startswith("function ")}
        function.input[:] = [inner.value(name) for name in function.input]
        function.output[:] = [inner.value(name) for name in function.output]
        function.ClearField("value_info")
        inner.nodes(function.node)
        for opset in function.opset_import:
            if opset.domain not in STANDARD:
                opset.domain = "d"
    for opset in model.opset_import:
        if opset.domain not in STANDARD:
            opset.domain = "d"
    onnx.save(model, target)
    return target
