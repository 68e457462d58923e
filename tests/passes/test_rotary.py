"""Rotary embeddings from their spellings."""

import pytest
import torch

from irgen.frontends.torch_live import capture
from tests.passes.graphs import canonical, operators, result
from tests.passes.rotaries import LENGTH, ROTARIES, Query, Written

HEADS = """
    h = input : float32[2, 5, 24]
    w = param : float32[24, 24]
    l = linear(h, w) {layout="oi"}
    l4 = reshape(l) : float32[2, 5, 3, 8]
    x = transpose(l4) {perm=(0, 2, 1, 3)}
    p0 = arange {start=0, step=1} : float32[5]
    p = reshape(p0) : float32[5, 1]
    f = const [1.0, 0.5, 0.25, 0.125] : float32[4]
    a = mul(p, f)
"""
HALF_TABLES = "c = cos(a)\ns = sin(a)\n"
FULL_TABLES = "e = concat(a, a) {axis=1}\nc = cos(e)\ns = sin(e)\n"
SPLIT = """
    x1 = slice(x) {axis=3, start=0, stop=4, step=1}
    x2 = slice(x) {axis=3, start=4, stop=8, step=1}
"""
ROTATED_HALF = (
    FULL_TABLES
    + SPLIT
    + """
    m = neg(x2)
    r = concat(m, x1) {axis=3}
    xc = mul(x, c)
    rs = mul(r, s)
    y = add(xc, rs)
"""
)
TWO_HALVES = (
    HALF_TABLES
    + SPLIT
    + """
    a1 = mul(x1, c)
    a2 = mul(x2, s)
    b1 = mul(x2, c)
    b2 = mul(x1, s)
    u = sub(a1, a2)
    v = add(b1, b2)
    y = concat(u, v) {axis=3}
"""
)
TURNED_BACK = TWO_HALVES.replace("u = sub(a1, a2)", "u = add(a1, a2)").replace("v = add(b1, b2)", "v = sub(b1, b2)")
NEIGHBOURS = (
    HALF_TABLES
    + """
    x1 = slice(x) {axis=3, start=0, stop=7, step=2}
    x2 = slice(x) {axis=3, start=1, stop=8, step=2}
    a1 = mul(x1, c)
    a2 = mul(x2, s)
    b1 = mul(x2, c)
    b2 = mul(x1, s)
    u0 = sub(a1, a2)
    v0 = add(b1, b2)
    u = reshape(u0) : float32[2, 3, 5, 4, 1]
    v = reshape(v0) : float32[2, 3, 5, 4, 1]
    uv = concat(u, v) {axis=4}
    y = reshape(uv) : float32[2, 3, 5, 8]
"""
)
COMPLEX = """
    pairs = reshape(x) : float32[2, 3, 5, 4, 2]
    z = view_as_complex(pairs)
    one = full {value=1.0} : float32[5, 4]
    t = polar(one, a)
    zt = mul(z, t)
    back = view_as_real(zt)
    y = reshape(back) : float32[2, 3, 5, 8]
"""
SCALED = """
    e = concat(a, a) {axis=1}
    c0 = cos(e)
    s0 = sin(e)
    c = mul(c0, 1.5)
    s = mul(s0, 1.5)
""" + ROTATED_HALF.removeprefix(FULL_TABLES)


@pytest.mark.parametrize(
    ("spelling", "interleaved"),
    [(ROTATED_HALF, False), (TWO_HALVES, False), (TURNED_BACK, False), (NEIGHBOURS, True), (COMPLEX, True),
     (SCALED, False)],
    ids=["rotated half", "two halves", "turned back", "neighbours", "complex", "scaled"],
)  # fmt: skip
def test_every_spelling_is_one_operator(spelling: str, interleaved: bool):
    graph = canonical(HEADS + spelling)
    assert result(graph).op == "rotary"
    assert result(graph).attrs["interleaved"] is interleaved
    assert {"add", "sub", "concat", "slice"} & {node.op for node in graph} <= {"concat"}


def test_some_channels_may_pass_unturned():
    graph = canonical(
        HEADS.replace("24, 24", "24, 30")
        .replace('"oi"', '"io"')
        .replace("5, 24]", "5, 24]")
        .replace("[2, 5, 3, 8]", "[2, 5, 3, 10]")
        + TWO_HALVES.replace(
            "y = concat(u, v) {axis=3}",
            "rest = slice(x) {axis=3, start=8, stop=10, step=1}\ny = concat(u, v, rest) {axis=3}",
        )
    )
    assert operators(graph).count("rotary") == 1
    turned = next(node for node in graph if node.op == "rotary")
    assert turned.shape[-1] == 8
    assert result(graph).op == "concat"


def test_refuses_tables_that_are_no_cosine_and_sine():
    graph = canonical(HEADS + ROTATED_HALF.replace("s = sin(e)", "s = tanh(e)"))
    assert "rotary" not in operators(graph)


def test_refuses_a_reflection():
    graph = canonical(HEADS + TWO_HALVES.replace("u = sub(a1, a2)", "u = add(a1, a2)"))
    assert "rotary" not in operators(graph)


def test_refuses_a_gate_with_positions_added():
    graph = canonical(HEADS + FULL_TABLES + "xc = mul(x, c)\ny = add(xc, s)\n")
    assert "rotary" not in operators(graph)


def test_heads_may_be_split_into_pairs_at_once():
    at_once = HEADS.replace("x = transpose(l4) {perm=(0, 2, 1, 3)}", "")
    graph = canonical(
        at_once.replace("l4 = reshape(l) : float32[2, 5, 3, 8]", "")
        + """
        pairs = reshape(l) : float32[2, 5, 3, 4, 2]
        z = view_as_complex(pairs)
        one = full {value=1.0} : float32[5, 4]
        t0 = polar(one, a)
        t = reshape(t0) : complex64[5, 1, 4]
        zt = mul(z, t)
        back = view_as_real(zt)
        y = reshape(back) : float32[2, 5, 3, 8]
    """
    )
    assert result(graph).op == "rotary"
    assert result(graph).shape == (2, 5, 3, 8)


@pytest.mark.parametrize("written", ROTARIES, ids=lambda written: written.function.__name__)
def test_rotary_as_people_write_it_in_torch(written: Written):
    torch.manual_seed(0)
    graph = canonical(capture(Query(written.function).eval(), (torch.randn(2, LENGTH, 6),)))
    turned = [node for node in graph if node.op == "rotary"]
    assert [(node.shape[-1], node.attrs["interleaved"]) for node in turned] == [(written.turned, written.interleaved)]
