"""Probe runs: what is drawn, what is computed, what is shared, and what a value does not depend on."""
# ruff: noqa: E501

import time

import numpy as np
import pytest

from irgen.ir.evaluate_sizes import expanded, reshaped
from irgen.ir.graph import Graph
from irgen.ir.tensor import TensorType
from irgen.ir.text import parse
from irgen.match.draws import Role
from irgen.match.probe import Probe, evaluate_cone
from tests.support.graphs import renamed

BLOCK = """
    ids = input : int64[2, 7]
    kept = input : int64[2, 7]
    table = param : float32[50, 8]
    x = embedding(table, ids) : float32[2, 7, 8]
    g = param : float32[8]
    n = rms_norm(x, g) {axes=(2,), eps=1e-6}
    wq = param : float32[8, 8]
    wk = param : float32[8, 8]
    q = linear(n, wq) {layout=oi}
    k = linear(n, wk) {layout=oi}
    kt = transpose(k) {perm=(0, 2, 1)}
    s = matmul(q, kt)
    keep = cast(kept) : bool[2, 7]
    row = reshape(keep) : bool[2, 1, 7]
    i = arange {start=0, step=1} : int64[7]
    col = reshape(i) : int64[7, 1]
    past = ge(col, i)
    both = and(past, row)
    low = const -1e9
    m = where(both, s, low) : float32[2, 7, 7]
    p = softmax(m) {axis=2}
    o = matmul(p, k)
    y = add(x, o)
"""


def test_computes_what_lies_between_contractions() -> None:
    probe = Probe(parse(BLOCK))
    p, s, q, kt = (probe.value(name) for name in ("p", "s", "q", "kt"))
    assert p is not None
    assert s is not None
    np.testing.assert_allclose(s, q @ kt)
    np.testing.assert_allclose(p.sum(-1), 1)
    assert (np.triu(p, 1) == 0).all()


def test_contractions_with_weights_are_stubs_of_their_type_and_others_are_not() -> None:
    probe = Probe(parse(BLOCK))
    assert {name for name in probe.graph.nodes if probe.is_stub(name)} == {"q", "k"}
    assert probe.value("q").shape == (2, 7, 8)  # type: ignore[union-attr]
    assert not np.array_equal(probe.value("q"), probe.value("k"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("op", "text"), [
    ("matmul", "w = param : float32[8, 8]\nt = transpose(w) {perm=(1, 0)}\ny = matmul(x, t)"),
    ("matmul", "w = param : float32[8, 8]\nt = mul(w, 2.0)\ny = matmul(x, t)"),
    ("einsum", 'w = param : float32[8, 3]\ny = einsum(x, w) {equation="ab,bc->ac"}'),
    ("linear", "v = param : float32[3, 8]\ng = param : float32[3, 1]\nn = l2_norm(v) {axes=(1,), eps=1e-6}\nw = mul(n, g)\n"
     "y = linear(x, w) {layout=oi}"),
    ("linear", "a = param : float32[3, 2]\nb = param : float32[2, 8]\nw = matmul(a, b)\ny = linear(x, w) {layout=oi}"),
    ("opaque", 'y = opaque(x) {name="odd"} : float32[2, 3]'),
])  # fmt: skip
def test_weights_are_seen_through_views_and_arithmetic(op: str, text: str) -> None:
    probe = Probe(parse("x = input : float32[2, 8]\n" + text))
    assert probe.graph["y"].op == op
    assert probe.is_stub("y")


@pytest.mark.parametrize("text", [
    "w = const [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6] : float32[2, 8]\ny = linear(x, w) {layout=oi}",
    "g = param : float32[8]\nz = mul(x, g)\nt = transpose(z) {perm=(1, 0)}\ny = matmul(x, t)",
    "b = param : float32[2, 8]\nz = add(x, b)\nt = transpose(z) {perm=(1, 0)}\ny = matmul(x, t)",
    "e = param : float32[5, 8]\nw = param : float32[8, 8]\nq = linear(e, w) {layout=oi}\nt = transpose(x) {perm=(1, 0)}\n"
    "y = matmul(q, t)",
])  # fmt: skip
def test_products_of_hidden_states_and_fixed_matrices_are_computed(text: str) -> None:
    probe = Probe(parse("x = input : float32[2, 8]\n" + text))
    assert not probe.is_stub("y")
    assert probe.value("y") is not None


def test_vectors_are_factors_that_show_and_matrices_are_normal() -> None:
    probe = Probe(
        parse("a = param : float32[64]\nb = param : float32[64, 1, 1]\nc = param : float32[64, 64]\ny = relu(a)")
    )
    for name in ("a", "b"):
        value = probe.value(name)
        assert value is not None
        assert 0.5 <= value.min() < value.max() <= 1.5
    c = probe.value("c")
    assert c is not None
    assert 0.1 < c.std() < 0.15


@pytest.mark.parametrize(("text", "role"), [
    ("w = param : float32[90, 2]\ny = embedding(w, x)", Role.INDEX),
    ("w = param : float32[90, 2]\nm = add(x, 2)\nr = reshape(m) : int64[14]\ny = gather(w, r) {axis=0}", Role.INDEX),
    ("w = param : float32[90, 2]\nn = ne(x, 1)\na = embedding(w, x)\ny = where(n, x, 0)", Role.INDEX),
    ("f = cast(x) : float32[2, 7]\na = mul(f, 0.1)\ny = cos(a)", Role.POSITION),
    ("r = reshape(x) : int64[2, 1, 7]\nf = cast(r) : float32[2, 1, 7]\nw = const 0.1\nt = mul(f, w)\ns = transpose(t) "
     "{perm=(0, 2, 1)}\ny = sin(s)", Role.POSITION),
    ("y = cast(x) : bool[2, 7]", Role.MASK), ("f = cast(x) : float32[2, 7]\ng = sub(1.0, f)\ny = mul(g, -1e9)", Role.MASK),
    ("y = ne(x, 0)", Role.MASK), ("y = eq(x, 1)", Role.MASK), ("c = sub(1, x)\ny = cast(c) : bool[2, 7]", Role.MASK),
    ("i = arange {start=0, step=1} : int64[7]\ny = lt(i, x)", Role.LENGTH),
    ("y = eq(x, 7)", Role.NUMBER),
])  # fmt: skip
def test_an_integer_input_is_what_its_readers_make_of_it(text: str, role: Role) -> None:
    probe = Probe(parse("x = input : int64[2, 7]\n" + text))
    assert probe.draws.role("x")[0] is role
    value = probe.value("x")
    assert value is not None
    if role is Role.MASK:
        assert (value == 1).all()
    elif role is not Role.LENGTH:
        assert len(np.unique(value)) == 14
        assert value.min() >= 3


def test_ids_fit_the_smallest_table_they_look_up() -> None:
    probe = Probe(parse("x = input : int64[2, 7]\nw = param : float32[2, 3]\ny = embedding(w, x)"))
    value = probe.value("x")
    assert value is not None
    assert set(np.unique(value)) <= {0, 1}
    assert probe.value("y") is not None


def test_masks_of_truth_values_are_true() -> None:
    assert Probe(parse("x = input : bool[3]\ny = not(x)")).value("y").tolist() == [False] * 3  # type: ignore[union-attr]


def test_rows_of_a_table_too_large_to_draw_depend_on_the_index_alone() -> None:
    text = "t = param : float32[100000000, 8]\ni = const [5, 9, 5]\nx = embedding(t, i)"
    x, again = (Probe(parse(text)).value("x") for _ in range(2))
    assert x is not None
    assert again is not None
    assert np.array_equal(x, again)
    assert np.array_equal(x[0], x[2])
    assert not np.array_equal(x[0], x[1])


def test_a_look_up_in_a_small_table_takes_its_rows() -> None:
    probe = Probe(parse(BLOCK))
    table, ids, x = (probe.value(name) for name in ("table", "ids", "x"))
    assert table is not None
    assert np.array_equal(table[ids], x)  # type: ignore[arg-type]


def test_what_is_too_large_or_unknown_has_no_value_but_a_reason() -> None:
    probe = Probe(
        parse("""
        x = input : float32[3]
        a = const absent : float32[3]
        b = add(x, a)
        c = neg(b)
        t = param : float32[4000, 4000]
        u = relu(t)
        o = opaque(x) {name="odd"} : int64[3]
    """)
    )
    assert [probe.value(name) for name in ("a", "b", "c", "t", "u", "o")] == [None] * 6
    assert probe.why("c") == "the value of this constant is absent"
    assert "more than" in probe.why("u")
    assert probe.why("o") == "no numpy meaning for opaque odd"
    assert probe.why("x") == ""


def test_draws_differ_and_the_same_draw_is_the_same() -> None:
    one, same, other = Probe(parse(BLOCK)), Probe(parse(BLOCK)), Probe(parse(BLOCK), draw=1)
    assert np.array_equal(one.value("y"), same.value("y"))  # type: ignore[arg-type]
    assert not np.array_equal(one.value("q"), other.value("q"))  # type: ignore[arg-type]
    assert np.array_equal(one.another(1).value("q"), other.value("q"))  # type: ignore[arg-type]


def test_ids_order_and_dead_nodes_change_no_value() -> None:
    graph = parse(BLOCK)
    ids = {name: f"z{i}" for i, name in enumerate(reversed(graph.nodes))}
    dead = parse("d = param : float32[3]\ne = relu(d)\n" + BLOCK)
    expected = Probe(graph).value("y")
    assert np.array_equal(Probe(renamed(graph, ids)).value(ids["y"]), expected)  # type: ignore[arg-type]
    assert np.array_equal(Probe(dead).value("y"), expected)  # type: ignore[arg-type]


def test_an_override_changes_what_depends_on_it_and_shares_the_rest() -> None:
    probe = Probe(parse(BLOCK))
    p, q = probe.value("p"), probe.value("q")
    other = probe.override({"kept": np.array([[1, 1, 1, 1, 1, 0, 0]] * 2)})
    changed = other.value("p")
    assert changed is not None
    assert (changed[:, :, 5:] == 0).all()
    assert other.value("q") is q
    assert probe.value("p") is p
    positions = probe.override({"i": np.arange(7)[::-1]}).value("past")
    assert positions is not None
    assert np.array_equal(positions, np.triu(np.ones((7, 7), bool)))


def test_overrides_stack() -> None:
    probe = Probe(parse("x = input : float32[2]\nz = input : float32[2]\ny = add(x, z)"))
    twice = probe.override({"x": np.zeros(2)}).override({"z": np.ones(2)})
    assert twice.value("y").tolist() == [1, 1]  # type: ignore[union-attr]


def test_an_override_does_not_pass_a_stub() -> None:
    probe = Probe(parse(BLOCK))
    assert np.array_equal(probe.override({"x": np.zeros((2, 7, 8))}).value("q"), probe.value("q"))  # type: ignore[arg-type]


def test_a_cone_is_a_function_of_its_cut() -> None:
    probe = Probe(parse(BLOCK))
    cone = probe.cone("o", {"q", "k"})
    q, k = np.random.default_rng(0).standard_normal((2, 2, 7, 8))
    scores = np.where(np.tril(np.ones((7, 7))), q @ k.transpose(0, 2, 1), -np.inf)
    weights = np.exp(scores)
    np.testing.assert_allclose(cone({"q": q, "k": k}), weights / weights.sum(-1, keepdims=True) @ k)  # type: ignore[arg-type]


def test_a_cone_takes_other_sizes_where_nothing_stands_against_it() -> None:
    graph = parse("""
        x = input : float32[2, 9, 8]
        r = reshape(x) : float32[18, 8]
        m = reduce_mean(r) {axes=(1,), keepdims=true}
        e = expand(m) : float32[18, 8]
        c = full {value=2.0} : float32[18, 8]
        d = sub(r, e)
        f = mul(d, c)
        y = reshape(f) : float32[2, 9, 2, 4]
    """)
    x = np.random.default_rng(0).standard_normal((2, 3, 8))
    found = evaluate_cone(graph, "y", {"x": x})
    expected = 2 * (x - x.mean(-1, keepdims=True))
    assert found is not None
    np.testing.assert_allclose(found.reshape(2, 3, 8), expected)


def test_a_cone_with_an_open_leaf_has_no_value() -> None:
    graph = parse("x = input : float32[2]\nw = param : float32[2]\ny = mul(x, w)")
    assert evaluate_cone(graph, "y", {"x": np.ones(2)}) is None
    found = evaluate_cone(graph, "y", {"x": np.ones(2)}, {"w": np.array([2.0, 3.0])})
    assert found is not None
    assert found.tolist() == [2, 3]


@pytest.mark.parametrize(("actual", "before", "after", "expected"), [
    ((2, 5, 8), (2, 7, 8), (14, 8), (10, 8)), ((5, 8), (7, 8), (7, 2, 4), (5, 2, 4)), ((3, 1), (3, 1), (3,), (3,)),
    ((4, 6), (3, 6), (1, 3, 1, 6), (1, 4, 1, 6)), ((2, 3), (2, 3), (3, 2), (3, 2)), ((1, 7, 8), (2, 7, 8), (2, 7, 2, 4), (1, 7, 2, 4)),
    ((2, 7, 2, 4), (3, 7, 2, 4), (3, 7, 8), (2, 7, 8)), ((), (), (1, 1), (1, 1)),
])  # fmt: skip
def test_a_reshape_follows_smaller_arrays(actual: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...],
                                          expected: tuple[int, ...]) -> None:  # fmt: skip
    assert reshaped(actual, before, after) == expected


def test_an_expand_follows_smaller_arrays() -> None:
    assert expanded((2, 1, 5), (3, 1, 7), (4, 3, 6, 7)) == (4, 2, 6, 5)


def test_sizes_that_depend_on_data_need_not_be_the_traced_ones() -> None:
    probe = Probe(
        parse("""
        x = input : float32[40]
        z = const 0.0
        m = gt(x, z)
        i = nonzero(m) : int64[3, 1]
        r = reshape(i) : int64[3]
        c = reshape(r) : int64[1, 3]
        e = expand(c) : int64[2, 3]
        y = reshape(e) : int64[6]
    """)
    )
    count = int((probe.value("x") > 0).sum())  # type: ignore[operator]
    assert count != 3
    assert probe.value("y").shape == (2 * count,)  # type: ignore[union-attr]


def test_values_of_results_in_a_row_come_by_pick() -> None:
    probe = Probe(parse("x = input : float32[5]\nt = topk(x) {k=2, axis=0, largest=true}\ny = pick(t) {index=1}"))
    assert probe.value("t") is None
    assert len(probe.results("t") or ()) == 2
    assert probe.value("y") is not None


def test_a_run_forgets_large_values_and_finds_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("irgen.match.probe.BUDGET", 3_000_000)
    text = "x = input : float32[100, 1000]\n" + "\n".join(
        f"x{i} = tanh({f'x{i - 1}' if i else 'x'})" for i in range(20)
    )
    probe = Probe(parse(text))
    first = probe.value("x0")
    for name in probe.graph.nodes:
        assert probe.value(name) is not None
    assert probe.value("x0") is not first
    assert np.array_equal(probe.value("x0"), first)  # type: ignore[arg-type]
    fixed = probe.override({"x3": np.ones((100, 1000))})
    assert fixed.value("x19") is not None
    assert (fixed.value("x3") == 1).all()  # type: ignore[union-attr]


def test_is_fast_and_has_no_depth_limit() -> None:
    graph = Graph()
    kind = TensorType("float32", (2, 3))
    x = graph.add("input", (), kind)
    graph.inputs = [x]
    for _ in range(20_000):
        x = graph.add("tanh", (x,), kind)
    graph.outputs = [x]
    start = time.perf_counter()
    assert Probe(graph).value(x) is not None
    assert time.perf_counter() - start < 4
