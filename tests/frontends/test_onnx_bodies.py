"""Bodies (Scan, Loop, If), sequences and functions of ONNX files compute what ONNX Runtime computes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from irgen.frontends.onnx import read, read_with_weights
from tests.support.evaluating import by_graph, by_runtime, farthest
from tests.support.exporting import export_dynamo, export_torchscript

RNG = np.random.default_rng(3)


def f(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def typed(name: str, shape, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def saved(path: Path, nodes, inputs, outputs, stored=(), functions=(), opset=20) -> Path:
    graph = helper.make_graph(
        nodes, "g", [typed(name, a.shape, helper.np_dtype_to_tensor_dtype(a.dtype)) for name, a in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(a, name) for name, a in stored],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10), str(path))
    return path


def agrees(path: Path, arrays: dict[str, np.ndarray]):
    graph, weights = read_with_weights(path)
    assert farthest(by_graph(graph, weights, arrays), by_runtime(path, arrays)) < 1e-5
    return graph


def recurrence() -> onnx.GraphProto:
    """h = a h + x; out = h + outer."""
    return helper.make_graph(
        [
            helper.make_node("Mul", ["h", "decay"], ["m"]),
            helper.make_node("Add", ["m", "step"], ["h_next"]),
            helper.make_node("Add", ["h_next", "outer"], ["out"]),
        ],
        "body", [typed("h", [2, 4]), typed("step", [2, 4])], [typed("h_next", [2, 4]), typed("out", [2, 4])],
        [numpy_helper.from_array(np.full((4,), 0.5, np.float32) + f(4) * 0.1, "decay")],
    )  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("back", [0, 1])
def test_scan_keeps_its_body_states_and_what_it_captures(axis: int, back: int, tmp_path: Path):
    arrays = {"h0": f(2, 4), "xs": f(5, 2, 4) if axis == 0 else f(2, 5, 4), "o": f(2, 4)}
    node = helper.make_node(
        "Scan", ["h0", "xs"], ["last", "ys"], body=recurrence(), num_scan_inputs=1, scan_input_axes=[axis],
        scan_output_axes=[axis], scan_input_directions=[back], scan_output_directions=[back],
    )  # fmt: skip
    outer = helper.make_node("Neg", ["o"], ["outer"])
    graph = agrees(saved(tmp_path / "m.onnx", [outer, node], arrays, ["last", "ys"]), arrays)
    (scan,) = [n for n in graph if n.op == "scan"]
    assert scan.attrs["states"] == 1
    assert scan.attrs["scanned"] == 1
    assert len(scan.inputs) == 4  # state, scanned, and two captured: the decay and what was computed outside
    assert [n for n in graph if n.op == "param"]


def test_loop_carries_states_and_stacks_outputs(tmp_path: Path):
    body = helper.make_graph(
        [
            helper.make_node("Gather", ["xs", "i"], ["step"], axis=0),
            helper.make_node("Mul", ["h", "step"], ["h2"]),
            helper.make_node("Add", ["h2", "one"], ["h_next"]),
            helper.make_node("Identity", ["going"], ["on"]),
        ],
        "body",
        [typed("i", [], TensorProto.INT64), typed("going", [], TensorProto.BOOL), typed("h", [3])],
        [typed("on", [], TensorProto.BOOL), typed("h_next", [3]), typed("h2", [3])],
        [numpy_helper.from_array(np.float32(1), "one")],
    )
    arrays = {"xs": f(6, 3), "h0": f(3)}
    node = helper.make_node("Loop", ["n", "t", "h0"], ["last", "ys"], body=body)
    stored = [("n", np.array(6)), ("t", np.array(True))]
    graph = agrees(saved(tmp_path / "m.onnx", [node], arrays, ["last", "ys"], stored), arrays)
    assert [n.type[1].shape for n in graph if n.op == "loop"] == [(6, 3)]


def branch(op: str) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node(op, ["x"], ["r"])], op, [], [typed("r", [3])])


def test_a_branch_that_is_always_taken_is_read_in_place(tmp_path: Path):
    arrays = {"x": f(3)}
    node = helper.make_node("If", ["t"], ["y"], then_branch=branch("Neg"), else_branch=branch("Abs"))
    graph = agrees(saved(tmp_path / "m.onnx", [node], arrays, ["y"], [("t", np.array(False))]), arrays)
    assert [n.op for n in graph] == ["input", "abs"]


def test_a_branch_on_the_input_is_a_finding(tmp_path: Path):
    arrays = {"x": f(3), "t": np.array(True)}
    node = helper.make_node("If", ["t"], ["y"], then_branch=branch("Neg"), else_branch=branch("Abs"))
    graph = read(saved(tmp_path / "m.onnx", [node], arrays, ["y"]))
    assert any("branches" in finding for finding in graph.findings)


def test_sequences_are_resolved(tmp_path: Path):
    arrays = {"x": f(6, 4)}
    nodes = [
        helper.make_node("SplitToSequence", ["x", "two"], ["s"], axis=0),
        helper.make_node("SequenceAt", ["s", "zero"], ["a"]),
        helper.make_node("SequenceInsert", ["s", "a"], ["s2"]),
        helper.make_node("ConcatFromSequence", ["s2"], ["y"], axis=0),
    ]
    graph = agrees(
        saved(tmp_path / "m.onnx", nodes, arrays, ["y"], [("two", np.array(2)), ("zero", np.array(1))]), arrays
    )
    assert not [n for n in graph if n.op == "opaque"]


def test_functions_of_the_file_are_opened_with_their_attributes(tmp_path: Path):
    scaled = onnx.parser.parse_function(
        '<domain: "own", opset_import: ["" : 20]> scaled <alpha> (x, extra) => (y) '
        "{ e = Elu<alpha: float = @alpha>(x) y = Sum(e, x) }"
    )
    twice = onnx.parser.parse_function(
        '<domain: "own", opset_import: ["" : 20, "own": 1]> twice (x) => (y) '
        "{ a = own.scaled<alpha = 0.5>(x) y = own.scaled<alpha = 2.0>(a) }"
    )
    arrays = {"x": f(3, 4)}
    node = helper.make_node("twice", ["x"], ["y"], domain="own")
    graph = agrees(saved(tmp_path / "m.onnx", [node], arrays, ["y"], functions=[scaled, twice]), arrays)
    assert [n.attrs["alpha"] for n in graph if n.op == "elu"] == [0.5, 2.0]


def test_bodies_of_the_standard_stand_in_for_what_is_not_canonical(tmp_path: Path):
    arrays = {"x": f(3, 8), "g": f(3, 8)}
    nodes = [helper.make_node("SwiGLU", ["x", "g"], ["y"])]
    graph = read(saved(tmp_path / "m.onnx", nodes, arrays, ["y"], opset=28))
    assert {n.op for n in graph} & {"silu", "sigmoid"}
    assert not [n for n in graph if n.op == "opaque"]


class Steps(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(5, 7, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = torch.nn.GRU(14, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gru(self.lstm(x)[0])[0]


@pytest.mark.parametrize("export", [export_dynamo, export_torchscript])
def test_recurrent_layers_of_both_exporters(export, tmp_path: Path):
    module, x = Steps().eval(), torch.randn(2, 9, 5)
    path = export(module, {"x": x}, tmp_path / "m.onnx", dynamic={"x": ("batch", "seq", None)})
    graph, weights = read_with_weights(path, sizes={"batch": 2, "seq": 9})
    assert farthest(by_graph(graph, weights, {"x": x.numpy()}), [module(x).detach().numpy()]) < 1e-5
    assert [n.attrs["variant"] for n in graph if n.op == "rnn"] == ["lstm", "lstm", "gru"]
    assert sum(n.tensor.size for n in graph if n.op == "param") == sum(p.numel() for p in module.parameters())
