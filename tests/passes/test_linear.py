"""Products with a weight as linear."""

import pytest

from tests.passes.graphs import canonical, operators, result

X = "x = input : float32[2, 5, 8]\n"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("w = param : float32[8, 6]\ny = matmul(x, w)\n", "io"),
        ("w = param : float32[6, 8]\nt = transpose(w) {perm=(1, 0)}\ny = matmul(x, t)\n", "oi"),
        ("w = param : float32[1, 8, 6]\ny = matmul(x, w)\n", "io"),
        ("w = param : float32[1, 6, 8]\nt = transpose(w) {perm=(0, 2, 1)}\ny = matmul(x, t)\n", "oi"),
        ("w = param : float32[8, 6]\ne = expand(w) : float32[2, 8, 6]\ny = matmul(x, e)\n", "io"),
        ("w = param : float32[8, 6]\nt = transpose(w) {perm=(1, 0)}\ny = linear(x, t) {layout=oi}\n", "io"),
    ],
    ids=lambda value: value.replace("\n", " ") if isinstance(value, str) else "",
)
def test_a_product_with_a_weight_is_linear(text: str, layout: str):
    graph = canonical(X + text)
    assert operators(graph) == ["linear"]
    assert result(graph).attrs["layout"] == layout
    assert graph[result(graph).inputs[1]].op in {"param", "reshape"}


def test_weights_may_be_computed_from_parameters():
    graph = canonical(
        X
        + """
        v = param : float32[6, 8]
        g = param : float32[6, 1]
        n = reduce_l2(v) {axes=(1,), keepdims=true}
        u = div(v, n)
        w = mul(g, u)
        t = transpose(w) {perm=(1, 0)}
        y = matmul(x, t)
    """
    )
    assert operators(graph) == ["linear"]


@pytest.mark.parametrize(
    "text",
    [
        "b = param : float32[6]\ny = add(h, b)\n",
        "b = param : float32[1, 1, 6]\ny = add(b, h)\n",
        "b = param : float32[2, 3]\nv = reshape(h) : float32[2, 5, 2, 3]\ny = add(v, b)\n",
        "b = param : float32[6, 1]\nv = transpose(h) {perm=(0, 2, 1)}\ny = add(v, b)\n",
    ],
)
def test_a_bias_is_taken_in_also_behind_a_view(text: str):
    graph = canonical(X + "w = param : float32[8, 6]\nh = matmul(x, w)\n" + text)
    assert operators(graph) == ["linear"]
    assert len(next(node for node in graph if node.op == "linear").inputs) == 3


@pytest.mark.parametrize(
    "text",
    [
        "b = param : float32[5, 1]\ny = add(h, b)\n",
        "b = param : float32[5, 6]\ny = add(h, b)\n",
        "b = input : float32[6]\ny = add(h, b)\n",
        "b = param : float32[6]\nz = exp(h)\nu = add(h, b)\ny = mul(u, z)\n",
    ],
)
def test_other_terms_stay_outside(text: str):
    graph = canonical(X + "w = param : float32[8, 6]\nh = matmul(x, w)\n" + text)
    assert len(next(node for node in graph if node.op == "linear").inputs) == 2


def test_views_that_merge_and_split_the_batch_go():
    graph = canonical(
        X
        + """
        f = reshape(x) : float32[10, 8]
        w = param : float32[8, 6]
        b = param : float32[6]
        h = linear(f, w, b) {layout=io}
        y = reshape(h) : float32[2, 5, 2, 3]
    """
    )
    assert [node.op for node in graph if node.op != "param"] == ["input", "linear", "reshape"]


def test_a_weight_on_the_left_maps_the_other_axis():
    graph = canonical(X + "w = param : float32[7, 5]\ny = matmul(w, x)\n")
    assert operators(graph) == ["linear"]
    assert [node.op for node in graph if node.op == "transpose"] == ["transpose", "transpose"]


def test_stacked_weights_stay_a_product():
    assert operators(canonical(X + "w = param : float32[2, 8, 6]\ny = matmul(x, w)\n")) == ["matmul"]


def test_products_of_learned_matrices_are_no_weights():
    graph = canonical(
        X
        + """
        a = param : float32[8, 3]
        c = param : float32[3, 6]
        w = matmul(a, c)
        y = matmul(x, w)
    """
    )
    assert operators(graph) == ["linear", "matmul"]


def test_frequencies_times_positions_are_a_product_of_numbers():
    graph = canonical("""
        p = input : int64[2, 5]
        q = cast(p) : float32[2, 5]
        r = reshape(q) : float32[2, 1, 5]
        f = param : float32[1, 4, 1]
        y = matmul(f, r)
    """)
    assert operators(graph) == ["cast", "mul"]


def test_one_number_in_is_still_linear():
    graph = canonical("x = input : float32[2, 5, 1]\nw = param : float32[1, 6]\ny = matmul(x, w)\n")
    assert operators(graph) == ["linear"]


def test_scores_of_two_streams_keep_their_factor_behind_them():
    graph = canonical("""
        q = input : float32[2, 5, 8]
        k = input : float32[2, 7, 8]
        a = mul(q, 0.5)
        t = transpose(k) {perm=(0, 2, 1)}
        c = mul(t, 0.5)
        y = matmul(a, c)
    """)
    assert operators(graph) == ["matmul", "mul"]
    assert result(graph).op == "mul"


def test_positions_times_frequencies_are_a_product_of_numbers():
    graph = canonical("""
        p = arange {start=0, step=1} : int64[5]
        q = cast(p) : float32[5]
        r = reshape(q) : float32[5, 1]
        f = param : float32[1, 4]
        y = matmul(r, f)
    """)
    assert operators(graph) == []
    assert result(graph).op == "mul"


def test_a_sum_of_two_learned_matrices_is_no_weight():
    graph = canonical(X + "a = param : float32[8, 6]\nc = param : float32[8, 6]\nw = add(a, c)\ny = matmul(x, w)\n")
    assert "linear" not in operators(graph)
