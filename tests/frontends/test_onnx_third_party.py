"""Files that torch did not write: networks in onnx's own wheel (opset 9, without weights), and the standard's cases."""

import importlib
import pkgutil
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test.case.node as cases
import pytest
from onnx import numpy_helper

from irgen.errors import IrgenError
from irgen.frontends.onnx import read, read_with_weights
from tests.support.evaluating import by_graph, farthest

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NETWORKS = {  # convolutions, linear layers, parameters without the statistics of batch norms
    "bvlc_alexnet": (5, 3, 60_965_224),
    "densenet121": (121, 0, 7_979_112),
    "inception_v1": (57, 1, 6_998_552),
    "inception_v2": (69, 1, 11_196_584),
    "resnet50": (53, 1, 25_557_032),
    "shufflenet": (49, 1, 1_393_320),
    "squeezenet": (26, 0, 1_235_496),
    "vgg19": (16, 3, 143_667_240),
    "zfnet512": (5, 3, 87_250_536),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_without_weights_keep_every_layer(name: str):
    path = LIGHT / f"light_{name}.onnx"
    graph = read(path)
    convolutions, linears, learned = NETWORKS[name]
    found = Counter(node.op for node in graph)
    written = Counter(node.op_type for node in onnx.load(str(path)).graph.node)
    assert (found["conv"], found["linear"]) == (convolutions, linears)
    assert sum(node.tensor.size for node in graph if node.op == "param") == learned
    for op, word in (("MaxPool", "max_pool"), ("AveragePool", "avg_pool"), ("BatchNormalization", "batch_norm")):
        assert found[word] == written[op]
    assert not found["opaque"]


# What the standard's cases ask and irgen does not: element types narrower than it keeps, quantised numbers (shown as
# what they stand for), other interpolations than torch's, operators that choose by data, rows without any key.
BEYOND = (
    "cast", "quantize", "dynamicquantize", "qlinear", "resize", "gridsample", "upsample", "empty_set", "nan_robustness",
    "fullymasked", "structural_empty", "mode3", "bf16", "rank4_mask", "l2normalization_axis_0", "if_", "loop11",
    "constantofshape", "matmulinteger", "convinteger",
)  # fmt: skip


def standard_cases() -> list[tuple[str, onnx.ModelProto, list[np.ndarray], list[np.ndarray]]]:
    """The cases whose operands are plain tensors; short whole-number operands become stored tensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.iter_modules(cases.__path__):
            importlib.import_module(f"{cases.__name__}.{module.name}")
    found = []
    for case in cases._NodeTestCases:
        if not case.data_sets or "_expanded" in case.name or "training" in case.name:
            continue
        inputs, outputs = case.data_sets[0]
        if not all(isinstance(value, np.ndarray) and value.dtype.kind in "biuf" for value in (*inputs, *outputs)):
            continue
        if case.name.removeprefix("test_").startswith(BEYOND) or any(word in case.name for word in BEYOND):
            continue
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        kept = []
        del model.graph.input[:]
        for i, (value, array) in enumerate(zip(case.model.graph.input, inputs, strict=True)):
            if i and array.size <= 16 and array.dtype.kind in "iub":
                model.graph.initializer.append(numpy_helper.from_array(array, value.name))
            else:
                model.graph.input.append(value)
                kept.append(array)
        found.append((case.name, model, kept, list(outputs)))
    return found


def test_the_standards_own_cases_are_computed(tmp_path: Path):
    path = tmp_path / "m.onnx"
    verdicts: Counter[str] = Counter()
    wrong: list[str] = []
    for name, model, inputs, outputs in standard_cases():
        path.write_bytes(model.SerializeToString())
        graph, weights = read_with_weights(path)
        if any(node.op in ("opaque", "random") for node in graph):
            verdicts["opaque"] += 1
            continue
        arrays = {value.name: array for value, array in zip(model.graph.input, inputs, strict=True)}
        try:
            distance = farthest(by_graph(graph, weights, arrays), outputs)
        except IrgenError as fault:
            wrong.append(f"{name}: {fault.what}")
            continue
        verdicts["right"] += 1
        if distance > 2e-3:
            wrong.append(f"{name}: {distance}")
    assert not wrong
    assert verdicts["right"] > 750
