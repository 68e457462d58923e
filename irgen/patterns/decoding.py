"""Numbers and tokens: how a series is scaled before it is cut into bins, and how tokens become values again.

Ansari et al. 2024 (Chronos), section 3.1: mean scaling, uniform bins, and their centres.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from irgen.ir.architecture import Part
from irgen.match.analysis import CONST, HEAVY, Analysis

Floats = NDArray[np.float64]

_SCALES: dict[str, Callable[[Floats], Floats]] = {
    "mean": lambda x: np.mean(np.abs(x), axis=-1, keepdims=True),
    "max": lambda x: np.max(np.abs(x), axis=-1, keepdims=True),
    "deviation": lambda x: np.std(x, axis=-1, keepdims=True),
}
"""What a series may be divided by: the mean or the largest of its magnitudes, or its standard deviation."""


def scaling_of(analysis: Analysis, name: str) -> str | None:
    """By what a node is a float input divided along its last axis; None where it is something else."""
    for source in analysis.graph.inputs:
        if not analysis[source].is_float or not analysis.reaches(source, name):
            continue
        series = np.random.default_rng(7).standard_normal(analysis[source].shape) + 0.5
        told = analysis.probes[0].override({source: series}).value(name)
        if told is None or told.shape != series.shape:
            continue
        for word, scale in _SCALES.items():
            if np.allclose(told, series / scale(series), rtol=1e-5):
                return word
    return None


def find_dequantizer(analysis: Analysis, head: set[str]) -> tuple[Part, set[str]] | None:
    """A table of fixed values looked up by the likeliest token of a head, with all up to the output that it gives."""
    logits = [n for n in analysis.graph.outputs if n in head]
    for output in analysis.graph.outputs:
        for name in logits if output not in head else []:
            path = analysis.between(name, [output])
            if any(analysis.op(n) in HEAVY for n in path):
                continue  # what computes on the values is a network of its own (a codec)
            chosen = [n for n in path if analysis.op(n) == "argmax"]
            tables = [
                n for n in path if analysis.op(n) in {"gather", "gather_nd", "embedding"} and _is_fixed(analysis, n)
            ]
            if not chosen or not tables or not analysis.reaches(chosen[0], tables[0]):
                continue
            rescaled = any(
                analysis.op(n) == "mul" and any(analysis.live(s) and s not in path for s in analysis.data(n))
                for n in path
            )
            facts = {"width": analysis[analysis[tables[0]].inputs[0]].size, "scaled": rescaled}
            facts["output"] = analysis.graph.outputs.index(output)
            return Part("dequantizer", facts, tables[0]), path
    return None


def _is_fixed(analysis: Analysis, name: str) -> bool:
    table = analysis[name].inputs[0]
    return analysis.cls[table] == CONST and analysis[table].is_float
