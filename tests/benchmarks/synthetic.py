"""An ONNX decoder of any length, without weights: what a large export looks like to irgen."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEADS, HIDDEN, SEQ = 64, 4, 160, 11


class Writer:
    """Nodes and initializers of a graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def call(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add a node and give the name of its result."""
        result = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [result], **attributes))
        return result

    def constant(self, value: object, dtype: type = np.float32) -> str:
        """A small initializer with its value."""
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def weight(self, *shape: int) -> str:
        """A weight whose data is in a file that is not there."""
        name = f"w{len(self.initializers)}"
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "absent.bin"), ("offset", "0"), ("length", str(4 * int(np.prod(shape))))):
            tensor.external_data.add(key=key, value=value)
        self.initializers.append(tensor)
        return name

    def linear(self, x: str, rows: int, columns: int) -> str:
        return self.call("Add", self.call("MatMul", x, self.weight(rows, columns)), self.weight(columns))

    def norm(self, x: str) -> str:
        """Layer norm by its parts, as the TorchScript exporter of old writes it."""
        centred = self.call("Sub", x, self.call("ReduceMean", x, self.constant([-1], np.int64)))
        square = self.call("Pow", centred, self.constant(2.0))
        variance = self.call("ReduceMean", square, self.constant([-1], np.int64))
        root = self.call("Sqrt", self.call("Add", variance, self.constant(1e-5)))
        scaled = self.call("Mul", self.call("Div", centred, root), self.weight(WIDTH))
        return self.call("Add", scaled, self.weight(WIDTH))

    def heads(self, x: str, perm: tuple[int, ...]) -> str:
        shape = self.constant([-1, SEQ, HEADS, WIDTH // HEADS], np.int64)
        return self.call("Transpose", self.call("Reshape", x, shape), perm=perm)

    def layer(self, x: str, mask: str) -> str:
        """A pre-norm layer: attention under an additive mask, then a gelu feed-forward by its parts."""
        h = self.norm(x)
        q = self.heads(self.linear(h, WIDTH, WIDTH), (0, 2, 1, 3))
        k = self.heads(self.linear(h, WIDTH, WIDTH), (0, 2, 3, 1))
        v = self.heads(self.linear(h, WIDTH, WIDTH), (0, 2, 1, 3))
        score = self.call("Div", self.call("MatMul", q, k), self.constant((WIDTH // HEADS) ** 0.5))
        weight = self.call("Softmax", self.call("Add", score, mask), axis=-1)
        mixed = self.call("Transpose", self.call("MatMul", weight, v), perm=(0, 2, 1, 3))
        joined = self.call("Reshape", mixed, self.constant([-1, SEQ, WIDTH], np.int64))
        x = self.call("Add", x, self.linear(joined, WIDTH, WIDTH))
        up = self.linear(self.norm(x), WIDTH, HIDDEN)
        bell = self.call("Erf", self.call("Div", up, self.constant(2**0.5)))
        gelu = self.call("Mul", self.call("Mul", up, self.call("Add", bell, self.constant(1.0))), self.constant(0.5))
        return self.call("Add", x, self.linear(gelu, HIDDEN, WIDTH))


def decoder(nodes: int, path: Path) -> None:
    """Write a decoder of about so many ONNX nodes to `path`."""
    writer = Writer()
    x = writer.call("Gather", writer.weight(97, WIDTH), "ids")
    mask = writer.constant(np.triu(np.full((SEQ, SEQ), -1e9), 1))
    while len(writer.nodes) < nodes:
        x = writer.layer(x, mask)
    logits = writer.call("MatMul", writer.norm(x), writer.weight(WIDTH, 97))
    graph = helper.make_graph(
        writer.nodes,
        "decoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", SEQ])],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["batch", SEQ, 97])],
        writer.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    path.write_bytes(model.SerializeToString())
