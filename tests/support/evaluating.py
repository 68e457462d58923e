"""A graph read from an ONNX file evaluated on the file's own weights, and ONNX Runtime's outputs to hold it against."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from irgen.ir.evaluate import run
from irgen.ir.graph import Array, Graph


def sizes_of(path: Path, arrays: Mapping[str, Array]) -> dict[str, int]:
    """The sizes that the file's symbols have in these inputs."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    found: dict[str, int] = {}
    for value in model.graph.input:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_param and value.name in arrays:
                found[dim.dim_param] = arrays[value.name].shape[axis]
    return found


def session(path: Path) -> onnxruntime.InferenceSession:
    """ONNX Runtime with its own rewriting off."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def by_runtime(path: Path, arrays: Mapping[str, Array]) -> list[Array]:
    """The file's outputs by ONNX Runtime."""
    own = session(path)
    wanted = {entry.name for entry in own.get_inputs()}
    return own.run(None, {name: value for name, value in arrays.items() if name in wanted})


def by_graph(graph: Graph, weights: Mapping[str, Array], arrays: Mapping[str, Array]) -> list[Array]:
    """The graph's outputs by irgen's evaluator."""
    inputs = {name: arrays[graph.provenance[name].name] for name in graph.inputs}
    values = run(graph, inputs, weights)
    return [values[name] for name in graph.outputs]


def farthest(ours: list[Array], theirs: list[Array]) -> float:
    """The largest difference relative to the largest value, over all outputs; infinite where shapes differ."""
    worst = 0.0
    for own, other in zip(ours, theirs, strict=True):
        if own.shape != other.shape:
            return float("inf")
        if not other.size:
            continue
        sound = np.isfinite(other.astype(np.float64))
        if not np.array_equal(np.isfinite(own.astype(np.float64)), sound):
            return float("inf")
        a, b = (np.where(sound, value.astype(np.float64), 0) for value in (own, other))
        worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1.0)))
    return worst
