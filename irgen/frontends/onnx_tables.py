"""Which stored floating tensors are fixed tables (masks, angles, frequencies) and not learned: told by their values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from irgen.frontends.onnx_build import Build
from irgen.frontends.onnx_values import decoded
from irgen.ir.graph import Array, Graph, Node

TABLE_LIMIT = 1 << 22  # elements of a tensor that is looked at


def settled(graph: Graph, build: Build, folder: Path) -> Graph:
    """The graph with fixed tables as constants; tensors that are multiplied as matrices are not even looked at."""
    weights: set[str] = set()
    for node in graph:
        if node.op in ("linear", "conv", "conv_transposed", "matmul", "rnn"):
            weights.update(node.inputs)
    nodes: dict[str, Node] = dict(graph.nodes)
    for name, held in build.tensors.items():
        node = nodes.get(name)
        if node is None or node.op != "param" or callable(held) or node.tensor.size > TABLE_LIMIT:
            continue
        if name in weights and node.tensor.rank == 2:
            continue
        value = decoded(held, folder)
        if value is not None and is_fixed(value):
            nodes[name] = replace(node, op="const", value=value)
    return replace(graph, nodes=nodes)


def is_fixed(value: Array) -> bool:
    """Whether the values show that nobody learned them."""
    return is_mask(value) or is_wave(value) or is_progression(value)


def is_mask(value: Array) -> bool:
    """Minus infinity (or almost) among the values, or two-dimensional and made of both 0 and 1."""
    if not value.size:
        return True
    if float(np.nanmin(value)) <= -1e4 or not np.isfinite(value).all():
        return True
    if value.ndim < 2 or sum(n > 1 for n in value.shape) < 2:
        return False
    return bool(((value == 0) | (value == 1)).all() and value.min() != value.max())


def is_progression(value: Array) -> bool:
    """One axis of at least four numbers in arithmetic or geometric progression (frequencies, slopes, positions)."""
    line = value.reshape(-1).astype(np.float64)
    if line.size < 4 or max(value.shape) != line.size or line.min() == line.max():
        return False
    steps = np.diff(line)
    if np.allclose(steps, steps[0], rtol=1e-4, atol=0):
        return True
    if (line == 0).any():
        return False
    ratios = line[1:] / line[:-1]
    return bool(np.allclose(ratios, ratios[0], rtol=1e-4, atol=0))


def is_wave(value: Array) -> bool:
    """Every column along the second to last axis a sinusoid: x[t+1] + x[t−1] = 2 cos ω · x[t], columns not all still."""
    if value.ndim < 2 or value.shape[-2] < 5 or value.shape[-1] < 2:
        return False
    table = value.reshape(-1, *value.shape[-2:])[0].astype(np.float64)
    if np.abs(table).max() > 1.0001 or np.abs(np.diff(table, axis=0)).max() == 0:
        return False
    sums, middle = table[2:] + table[:-2], table[1:-1]
    power = (middle * middle).sum(axis=0)
    double = np.where(power > 0, (sums * middle).sum(axis=0) / np.where(power > 0, power, 1), 0)
    return bool((np.abs(double) <= 2.001).all() and np.abs(sums - double * middle).max() < 2e-4)
