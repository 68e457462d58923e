"""A narrowed cone has the values of the whole one."""

from __future__ import annotations

import numpy as np
import pytest

from irgen.ir.evaluate import run
from irgen.ir.text import parse
from irgen.match.analysis import Analysis
from irgen.match.memory import Mixing, cone_of
from irgen.match.narrow import narrowed

START = """
x = input : float32[2, 6, 8]
w = param : float32[24, 8]
u = linear(x, w) {layout="oi"} : float32[2, 6, 24]
v = param : float32[24, 8]
s = linear(x, v) {layout="oi"} : float32[2, 6, 24]
"""
END = """
wo = param : float32[8, 24]
o = linear(y, wo) {layout="oi"} : float32[2, 6, 8]
return o
"""
CONES = {
    "elementwise": "y = mul(u, s) : float32[2, 6, 24]",
    "heads": """
        a = reshape(u) : float32[2, 6, 4, 6]
        b = transpose(a) {perm=(0, 2, 1, 3)} : float32[2, 4, 6, 6]
        c = reshape(s) : float32[2, 6, 4, 6]
        d = transpose(c) {perm=(0, 2, 3, 1)} : float32[2, 4, 6, 6]
        e = matmul(d, b) : float32[2, 4, 6, 6]
        f = transpose(e) {perm=(0, 2, 1, 3)} : float32[2, 6, 4, 6]
        y = reshape(f) : float32[2, 6, 24]
    """,
    "sums": """
        a = cumsum(u) {axis=1, reverse=false, exclusive=false} : float32[2, 6, 24]
        b = reduce_sum(s) {axes=(2), keepdims=true} : float32[2, 6, 1]
        y = mul(a, b) : float32[2, 6, 24]
    """,
    "pieces": """
        a = slice(u) {axis=2, start=0, stop=12, step=1} : float32[2, 6, 12]
        b = slice(u) {axis=2, start=12, stop=24, step=1} : float32[2, 6, 12]
        c = silu(b) : float32[2, 6, 12]
        d = concat(c, a) {axis=2} : float32[2, 6, 24]
        e = pad(d) {pads=((0, 0), (2, 0), (0, 0)), mode="constant", value=0.0} : float32[2, 8, 24]
        f = slice(e) {axis=1, start=0, stop=6, step=1} : float32[2, 6, 24]
        y = add(f, s) : float32[2, 6, 24]
    """,
    "norm": """
        a = reshape(u) : float32[2, 6, 4, 6]
        b = rms_norm(a) {axes=(3), eps=1e-6} : float32[2, 6, 4, 6]
        c = reshape(b) : float32[2, 6, 24]
        g = param : float32[24]
        d = mul(c, g) : float32[2, 6, 24]
        y = add(d, s) : float32[2, 6, 24]
    """,
    "writes": """
        z = full {value=0.0} : float32[2, 6, 24]
        a = slice(u) {axis=1, start=1, stop=2, step=1} : float32[2, 1, 24]
        b = write(z, a) {starts=(0, 3, 0), stops=(2, 4, 24), steps=(1, 1, 1)} : float32[2, 6, 24]
        y = add(b, s) : float32[2, 6, 24]
    """,
}


@pytest.mark.parametrize("name", CONES)
def test_a_narrowed_cone_has_the_values_of_the_whole(name: str):
    graph = parse(START + CONES[name] + END)
    analysis = Analysis(graph)
    nodes, leaves = cone_of(analysis, "y", set(analysis.order), "x")
    mixing = Mixing(analysis, "y", nodes, leaves, tokens=6, batch=2)
    narrow = narrowed(mixing)
    assert narrow is not None
    chance = np.random.default_rng(0)
    values = {leaf: chance.standard_normal(analysis[leaf].shape) for leaf in leaves}
    gain = {"g": np.ones(24)} if "g" in graph else {}
    whole = run(graph, values, gain, ["y"])["y"]
    small = narrow.analysis.graph
    assert sum(small[leaf].tensor.size for leaf in narrow.leaves) < sum(v.size for v in values.values())
    kept = {leaf: values[leaf][..., : small[leaf].shape[-1]] for leaf in narrow.leaves}
    if name == "pieces":
        kept["u"] = values["u"][..., 12:16]
    part = run(small, kept, {key: value[: small[key].shape[0]] for key, value in gain.items()}, ["y"])["y"]
    assert np.allclose(part, whole[..., :4])
