"""Small models of all kinds through both exporters: the graph read back computes what ONNX Runtime computes."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from irgen.frontends.onnx import read, read_with_weights
from irgen.ir.graph import Graph
from irgen.source import Built
from irgen.zoo import systems
from tests.support.anonymous import anonymous
from tests.support.evaluating import by_graph, by_runtime, farthest, sizes_of
from tests.support.exporting import export_dynamo, export_torchscript, randomised

CAUSAL = ("gpt2", "llama", "gemma", "starcoder2")  # TorchScript cannot take them without a mask (no aten::diff)
UNPADDED = ("mamba", "recurrentgemma")  # made for the traced length only

# (system, exporter, dynamic, parameters of the module that the file does not show)
TABLE = [
    ("bert", "torchscript", True, 0),
    ("gpt2", "torchscript", True, 0),
    ("llama", "torchscript", True, 0),
    ("bart", "torchscript", True, 0),
    ("gemma", "torchscript", False, 0),
    ("vit", "torchscript", True, 0),
    ("swin", "torchscript", True, 0),
    ("timesformer", "torchscript", False, 0),
    ("mamba", "torchscript", True, 0),
    ("segformer", "torchscript", True, 48),  # the norm after its fusing convolution is folded into it
    ("layoutlmv3", "torchscript", True, 0),
    ("gpt2", "dynamo", True, 0),
    ("bert", "dynamo", True, 0),
    ("mixtral", "dynamo", False, 0),
    ("gpt-oss-20b", "dynamo", True, 0),
    ("t5", "dynamo", False, -20),  # rows of the relative bias, folded with the mask
]  # fmt: skip


def exported(name: str, road: str, dynamic: bool, folder: Path) -> tuple[Path, Built, dict[str, np.ndarray]]:
    built = systems()[name].build("twin")
    randomised(built.module)
    kwargs, axes = dict(built.kwargs), dict(built.axes)
    if road == "torchscript" and name in CAUSAL:
        kwargs["attention_mask"] = torch.ones_like(kwargs["input_ids"])
        axes["attention_mask"] = axes["input_ids"]
    export = export_dynamo if road == "dynamo" else export_torchscript
    path = export(built.module, kwargs, folder / "m.onnx", dynamic=axes if dynamic else None)
    return path, built, {key: value.numpy() for key, value in kwargs.items()}


def learned(graph: Graph) -> int:
    return sum(node.tensor.size for node in graph if node.op == "param")


@pytest.mark.parametrize(("name", "road", "dynamic", "lost"), TABLE)
def test_an_export_computes_what_the_runtime_computes(name: str, road: str, dynamic: bool, lost: int, tmp_path: Path):
    path, built, arrays = exported(name, road, dynamic, tmp_path)
    graph, weights = read_with_weights(path, sizes=sizes_of(path, arrays))
    assert farthest(by_graph(graph, weights, arrays), by_runtime(path, arrays)) < 1e-4
    assert not [node.attrs["name"] for node in graph if node.op == "opaque"]
    assert learned(graph) == sum(p.numel() for p in built.module.parameters()) - lost
    symbols = {s for name in graph.inputs for s in graph[name].tensor.symbols if s}
    assert ("batch" in symbols) == dynamic
    assert bool(graph.findings) == (dynamic and name in UNPADDED)
    assert not [node for node in graph if isinstance(node.type, tuple) is False and "?" in map(str, node.tensor.dims)]

    copy = tmp_path / "anonymous.onnx"
    anonymous(path, copy, seed=11)
    nameless = read(copy)
    assert Counter(node.op for node in nameless) == Counter(node.op for node in graph)
    assert learned(nameless) == learned(graph)
    assert [str(nameless[o].tensor) for o in nameless.outputs] == [str(graph[o].tensor) for o in read(path).outputs]

    anonymous(path, copy, seed=12, missing=True)
    weightless = read(copy)
    shapes = Counter((node.op, node.shape) for node in read(path) if node.op in ("softmax", "layer_norm", "embedding"))
    assert Counter((n.op, n.shape) for n in weightless if n.op in ("softmax", "layer_norm", "embedding")) == shapes


def test_the_same_file_gives_the_same_graph(tmp_path: Path):
    path, _, _ = exported("bert", "torchscript", True, tmp_path)
    first, second = read(path), read(path)
    assert list(first.nodes.values()) == list(second.nodes.values())
    assert first.provenance == second.provenance
    assert first.findings == second.findings


def test_a_tied_head_reads_the_table_it_shares(tmp_path: Path):
    path, _, _ = exported("bert", "torchscript", False, tmp_path)
    graph = read(path)
    (table,) = [node.inputs[0] for node in graph if node.op == "embedding" and graph[node.inputs[0]].shape[0] == 101]
    assert {node.op for node in graph if table in node.inputs} == {"embedding", "transpose"}


class BothWays(torch.nn.Module):
    """A projection that is undone by its own transpose, as in an autoencoder with shared weights."""

    def __init__(self) -> None:
        super().__init__()
        self.down = torch.nn.Linear(20, 12, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(torch.relu(self.down(x)), self.down.weight.t())


@pytest.mark.parametrize("export", [export_torchscript, export_dynamo])
def test_a_projection_that_is_used_both_ways_is_one_parameter(export, tmp_path: Path):
    module = BothWays().eval()
    graph = read(export(module, {"x": torch.randn(3, 5, 20)}, tmp_path / "m.onnx"))
    assert learned(graph) == 20 * 12


def test_norms_of_a_new_model_keep_scales_of_their_own(tmp_path: Path):
    """The exporter stores the ones and zeros of all norms once; the graph has a scale for each norm again."""
    built = systems()["bert"].build("twin")
    path = export_torchscript(built.module, built.kwargs, tmp_path / "m.onnx")
    assert len({t.name for t in onnx.load(str(path)).graph.initializer}) < 30
    graph = read(path)
    assert learned(graph) == sum(p.numel() for p in built.module.parameters())
    scales = [node.inputs[1] for node in graph if node.op == "layer_norm"]
    assert len(set(scales)) == len(scales) == 8


class Plain(torch.nn.Module):
    """A norm without scale, a buffer of angles, a table of sinusoids, a mask."""

    def __init__(self) -> None:
        super().__init__()
        at = torch.arange(32)[:, None] / torch.tensor([1.0, 3.0, 10.0, 30.0])
        self.register_buffer("places", torch.cat([at.sin(), at.cos()], 1))
        self.register_buffer("mask", torch.full((32, 32), float("-inf")).triu(1))
        self.table = torch.nn.Embedding(50, 8)
        self.norm, self.bare = torch.nn.LayerNorm(8), torch.nn.LayerNorm(8, elementwise_affine=False)
        self.first, self.second = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        n = ids.shape[1]
        x = self.table(ids) + self.places[:n]
        y = self.first(self.norm(x))
        weights = (y @ y.transpose(1, 2) + self.mask[:n, :n]).softmax(-1)
        return self.second(self.bare(weights @ y))


@pytest.mark.parametrize("export", [export_dynamo, export_torchscript])
def test_fixed_tables_are_constants_with_their_values(export, tmp_path: Path):
    module = randomised(Plain().eval())
    ids = torch.arange(10).reshape(2, 5)
    path = export(module, {"ids": ids}, tmp_path / "m.onnx", dynamic={"ids": ("batch", "seq")})
    graph = read(path)
    tables = [node for node in graph if node.op == "const" and node.tensor.is_float and node.tensor.rank == 2]
    assert {node.shape for node in tables} == {(32, 8), (32, 32)}
    assert all(node.value is not None for node in tables)
    assert learned(graph) == sum(p.numel() for p in module.parameters())
    assert sorted(len(node.inputs) for node in graph if node.op == "layer_norm") == [1, 3]
