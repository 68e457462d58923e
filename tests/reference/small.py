"""A small decoder whose ONNX file is written by hand: it costs no exporter, and every place in it is known."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn.functional import relu

from irgen.source import Built, built, tokens

WIDTH, WORDS, LAYERS = 24, 37, 3


class Layer(nn.Module):
    """A normed feed-forward beside its input."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(relu(self.up(self.norm(x))))


class Small(nn.Module):
    """Words, layers and a head; `mask` hides words by zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        x = self.words(input_ids)
        if attention_mask is not None:
            x = x * attention_mask[..., None]
        for layer in self.layers:
            x = layer(x)
        return {"logits": self.head(x)}


def small(seed: int = 0) -> Built:
    """The module with weights of ordinary size, and token ids."""
    torch.manual_seed(seed)
    module = Small()
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)
    return built(module, (tokens("input_ids", WORDS),), title="small")


def write(source: Built, path: Path, *, ids: str = "input_ids", logits: str = "logits", sizes=("batch", "seq")) -> Path:
    """The module as an ONNX file."""
    module = source.module
    nodes, stored = [], []

    def hold(name: str, tensor: torch.Tensor) -> str:
        stored.append(numpy_helper.from_array(tensor.detach().numpy().copy(), name))
        return name

    nodes.append(helper.make_node("Gather", [hold("words", module.words.weight), ids], ["x0"]))
    for i, layer in enumerate(module.layers):
        norm = hold(f"g{i}", layer.norm.weight), hold(f"b{i}", layer.norm.bias)
        nodes += [
            helper.make_node("LayerNormalization", [f"x{i}", *norm], [f"n{i}"], epsilon=1e-5),
            helper.make_node("MatMul", [f"n{i}", hold(f"u{i}", layer.up.weight.T)], [f"u{i}p"]),
            helper.make_node("Add", [f"u{i}p", hold(f"ub{i}", layer.up.bias)], [f"u{i}s"]),
            helper.make_node("Relu", [f"u{i}s"], [f"r{i}"]),
            helper.make_node("MatMul", [f"r{i}", hold(f"d{i}", layer.down.weight.T)], [f"d{i}p"]),
            helper.make_node("Add", [f"d{i}p", hold(f"db{i}", layer.down.bias)], [f"d{i}s"]),
            helper.make_node("Add", [f"x{i}", f"d{i}s"], [f"x{i + 1}"]),
        ]
    nodes += [
        helper.make_node("MatMul", [f"x{LAYERS}", hold("h", module.head.weight.T)], ["hp"]),
        helper.make_node("Add", ["hp", hold("hb", module.head.bias)], [logits]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(ids, TensorProto.INT64, list(sizes))],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [*sizes, WORDS])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.save(model, str(path))
    return path


def edit(path: Path, change) -> Path:
    """The file changed by `change(model)`."""
    model = onnx.load(str(path))
    change(model)
    onnx.save(model, str(path))
    return path


def store(model: onnx.ModelProto, name: str, value: np.ndarray) -> None:
    """Another value for a weight."""
    tensor = next(one for one in model.graph.initializer if one.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))


def weight(model: onnx.ModelProto, name: str) -> np.ndarray:
    """The value of a weight."""
    return numpy_helper.to_array(next(one for one in model.graph.initializer if one.name == name))
