"""Files that are damaged, hostile or not ONNX end in one sentence, never in a traceback, a hang or a blown memory."""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from irgen.errors import SourceError
from irgen.frontends.onnx import read

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


def value(name: str, shape: list[int | str] | None = None, kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [2, 3] if shape is None else shape)


def stored(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.random.default_rng(0).normal(size=shape).astype(np.float32), name)


def whole(name: str, *numbers: int) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers), name)


def model(nodes, inputs=None, outputs=None, stored=(), opset=20, functions=(), domains=()) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs or [value("x")], outputs or [value("y")], list(stored))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions))


def node(op: str, inputs: str, outputs: str = "y", **attrs) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attrs)


def healthy() -> onnx.ModelProto:
    return model(
        [node("MatMul", "x w", "a"), node("Add", "a b", "c"), node("Relu", "c", "y")],
        stored=[stored("w", 3, 5), stored("b", 5)],
        outputs=[value("y", [2, 5])],
    )


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(path)
    assert caught.value.what
    assert caught.value.at
    assert caught.value.fix
    assert "Traceback" not in str(caught.value)
    return caught.value


def saved(tmp_path: Path, proto: onnx.ModelProto) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def huge_claim() -> onnx.ModelProto:
    proto = healthy()
    proto.graph.initializer[0].dims[0] = 1 << 40
    return proto


def absurd_claim() -> onnx.ModelProto:
    proto = healthy()
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend([1 << 40, 1 << 40])
    return proto


def negative_claim() -> onnx.ModelProto:
    proto = healthy()
    proto.graph.initializer[0].dims[0] = -3
    return proto


def short_literal() -> onnx.ModelProto:
    shape = TensorProto(name="s", data_type=INT, dims=[4], raw_data=b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return model([node("Reshape", "x s")], stored=[shape])


def laughs(levels: int = 40) -> onnx.ModelProto:
    """Functions that each call the one below twice."""
    made = [
        helper.make_function(
            "f", f"f{i}", ["a"], ["c"],
            [helper.make_node(f"f{i - 1}", [x], [y], domain="f") for x, y in ("ab", "bc")]
            if i else [helper.make_node("Relu", ["a"], ["c"])],
            [helper.make_opsetid("", 20), helper.make_opsetid("f", 1)],
        )
        for i in range(levels)
    ]  # fmt: skip
    return model([helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="f")], functions=made, domains=["f"])


def deep_functions(levels: int = 500) -> onnx.ModelProto:
    made = [
        helper.make_function(
            "f", f"f{i}", ["a"], ["c"], [helper.make_node(f"f{i - 1}", ["a"], ["c"], domain="f")
            if i else helper.make_node("Relu", ["a"], ["c"])],
            [helper.make_opsetid("", 20), helper.make_opsetid("f", 1)],
        )
        for i in range(levels)
    ]  # fmt: skip
    return model([helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="f")], functions=made, domains=["f"])


def calls_itself() -> onnx.ModelProto:
    own = helper.make_function(
        "f", "f", ["a"], ["c"], [helper.make_node("f", ["a"], ["c"], domain="f")], [helper.make_opsetid("f", 1)]
    )
    return model([helper.make_node("f", ["x"], ["y"], domain="f")], functions=[own], domains=["f"])


def deep_branches(levels: int) -> onnx.ModelProto:
    inner = helper.make_graph([node("Relu", "x")], "b", [], [value("y")])
    for _ in range(levels):
        other = helper.make_graph([node("Abs", "x")], "e", [], [value("y")])
        inner = helper.make_graph([node("If", "t", then_branch=inner, else_branch=other)], "b", [], [value("y")])
    return model(list(inner.node), inputs=[value("x"), value("t", [1], TensorProto.BOOL)])


def no_graph() -> onnx.ModelProto:
    return onnx.ModelProto(ir_version=8)


def opset_zero() -> onnx.ModelProto:
    proto = healthy()
    proto.opset_import[0].version = 0
    return proto


HOSTILE: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "no graph": (no_graph, "no ONNX graph"),
    "cycle": (lambda: model([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")]), "cycle"),
    "own output": (lambda: model([node("Add", "x y", "y")]), "cycle"),
    "dangling name": (lambda: model([node("Add", "x nowhere", "y")]), "nothing produces 'nowhere'"),
    "missing initializer": (lambda: model([node("MatMul", "x w", "y")]), "nothing produces 'w'"),
    "dangling output": (lambda: model([node("Relu", "x", "a")]), "output 'y'"),
    "produced twice": (lambda: model([node("Relu", "x", "y"), node("Abs", "x", "y")]), "twice"),
    "initializer twice": (lambda: model([node("Add", "x w")], stored=[stored("w", 3), stored("w", 3)]), "twice"),
    "input twice": (lambda: model([node("Relu", "x")], inputs=[value("x"), value("x")]), "twice"),
    "wrong sizes": (lambda: model([node("MatMul", "x w")], stored=[stored("w", 4, 5)]), "does not fit"),
    "wrong broadcast": (lambda: model([node("Add", "x w")], stored=[stored("w", 4)]), "does not fit"),
    "wrong reshape": (
        lambda: model([node("Reshape", "x s")], stored=[whole("s", 5, 5)]), "does not fit",
    ),
    "two open sizes": (
        lambda: model([node("Reshape", "x s")], stored=[whole("s", -1, -1)]), "more than one",
    ),
    "axis out of range": (lambda: model([node("Softmax", "x", axis=7)]), "axis 7"),
    "bad permutation": (lambda: model([node("Transpose", "x", perm=[0, 0])]), "Transpose by"),
    "too few inputs": (lambda: model([node("MatMul", "x")]), "inputs"),
    "too many outputs": (lambda: model([node("Relu", "x", "y z")]), "outputs"),
    "attribute missing": (lambda: model([node("Concat", "x x")]), "axis"),
    "attribute of another kind": (lambda: model([node("Transpose", "x", perm="ab")]), "Transpose"),
    "huge tensor": (huge_claim, "cannot be read"),
    "absurd tensor": (absurd_claim, "claims"),
    "negative tensor": (negative_claim, "claims"),
    "short literal": (short_literal, "cannot be read"),
    "opset 0": (opset_zero, "version 0"),
    "a billion laughs": (laughs, "unfolds"),
    "deep functions": (deep_functions, "deeper"),
    "a function that calls itself": (calls_itself, "calls itself"),
    "step 0": (
        lambda: model([node("Slice", "x a b c d")], stored=[
            whole(name, n) for name, n in zip("abcd", (0, 2, 1, 0), strict=True)]), "step 0",
    ),
    "range of step 0": (
        lambda: model([node("Range", "a b c")], stored=[
            numpy_helper.from_array(np.array(n), name) for name, n in zip("abc", (0, 2, 0), strict=True)]), "step 0",
    ),
    "training batch norm": (
        lambda: model([node("BatchNormalization", "x s s s s", training_mode=1)], stored=[stored("s", 3)]), "eval()",
    ),
    "einsum without sense": (lambda: model([node("Einsum", "x x", equation="ab->ab")]), "operands"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_refuses_with_what_where_and_how_to_mend(case: str, tmp_path: Path):
    build, words = HOSTILE[case]
    began = time.monotonic()
    fault = refused(saved(tmp_path, build()))
    assert words in str(fault)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is a text file\n" * 50, "not ONNX"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "not ONNX"),
        (b"PK\x03\x04" + bytes(200), "not ONNX"),
        (b'{"schema": "irgen.ir/1", "nodes": []}', "not ONNX"),
        (bytes(64), "not ONNX"),
    ],
)
def test_refuses_what_is_not_onnx(data: bytes, words: str, tmp_path: Path):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    fault = refused(path)
    assert words in fault.what or "no ONNX graph" in fault.what


def test_refuses_a_directory_and_a_path_that_is_not_there(tmp_path: Path):
    for path in (tmp_path, tmp_path / "nowhere.onnx"):
        with pytest.raises(SourceError):
            read(path)


def test_a_file_cut_off_anywhere_is_refused_or_read(tmp_path: Path):
    whole = healthy().SerializeToString()
    path = tmp_path / "m.onnx"
    refusals = 0
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        try:
            read(path)
        except SourceError:
            refusals += 1
    assert refusals > len(whole) * 0.9


def test_a_file_with_changed_bytes_is_refused_or_read(tmp_path: Path):
    whole = bytearray(healthy().SerializeToString())
    path, dice = tmp_path / "m.onnx", random.Random(5)
    for _ in range(600):
        changed = bytearray(whole)
        for _ in range(dice.choice((1, 1, 2, 5))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        path.write_bytes(bytes(changed))
        with contextlib.suppress(SourceError):
            read(path)


def test_names_that_are_not_utf8_are_read(tmp_path: Path):
    data = healthy().SerializeToString().replace(b"\x01a", b"\x01\xff").replace(b"\x01w", b"\x01\xfe")
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    assert [n.op for n in read(path)].count("matmul") == 1


def test_missing_external_weights_are_no_obstacle(tmp_path: Path):
    proto = healthy()
    proto.graph.initializer[0].ClearField("raw_data")
    proto.graph.initializer[0].data_location = TensorProto.EXTERNAL
    entry = proto.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    graph = read(saved(tmp_path, proto))
    assert graph[graph.outputs[0]].shape == (2, 5)


def test_an_unknown_operator_is_opaque_and_what_follows_is_read(tmp_path: Path):
    nodes = [helper.make_node("Zap", ["x"], ["a"], domain="my.own"), node("Softmax", "a"), node("Relu", "y", "z")]
    graph = read(saved(tmp_path, model(nodes, outputs=[value("z")])))
    assert [n.attrs["name"] for n in graph if n.op == "opaque"] == ["my.own.Zap", "Softmax"]
    assert graph[graph.outputs[0]].op == "relu"


def test_branches_inside_branches_are_read(tmp_path: Path):
    graph = read(saved(tmp_path, deep_branches(20)))
    assert graph[graph.outputs[0]].op in ("cond", "pick")
    assert graph.findings
