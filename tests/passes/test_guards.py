"""Guards against rows without keys, dropped where they change nothing."""

from tests.passes.graphs import canonical, operators

SCORES = """
    s = input : float32[2, 4, 5]
    z = full {value=0.0} : float32[2, 4, 5]
"""


def test_drops_zeros_where_a_probability_is_not_a_number():
    graph = canonical(
        SCORES
        + """
        p = softmax(s) {axis=2}
        n = isnan(p)
        y = where(n, z, p)
    """
    )
    assert operators(graph) == ["softmax"]


def test_drops_zeros_in_rows_whose_scores_are_all_minus_infinity():
    graph = canonical(
        SCORES
        + """
        p = softmax(s) {axis=2}
        low = const -inf : float32[]
        e = eq(s, low)
        a = reduce_all(e) {axes=(2,), keepdims=true}
        y = where(a, z, p)
    """
    )
    assert operators(graph) == ["softmax"]


def test_drops_zeros_behind_the_average_where_the_mask_counts_no_key():
    graph = canonical(
        """
        s = input : float32[2, 4, 5]
        v = input : float32[2, 5, 8]
        m = input : bool[4, 5]
        low = const -inf : float32[]
        t = where(m, s, low)
        p = softmax(t) {axis=2}
        o = matmul(p, v)
        i = cast(m) : int64[4, 5]
        c = reduce_sum(i) {axes=(1,), keepdims=true}
        one = const 1 : int64[]
        less = lt(c, one)
        z = full {value=0.0} : float32[2, 4, 8]
        y = where(less, z, o)
    """,
        same=False,
    )
    assert operators(graph) == ["matmul", "softmax", "where"]


def test_keeps_zeros_in_rows_chosen_by_something_else():
    graph = canonical(
        SCORES
        + """
        p = softmax(s) {axis=2}
        high = const 3.0 : float32[]
        e = gt(s, high)
        a = reduce_any(e) {axes=(2,), keepdims=true}
        y = where(a, z, p)
    """
    )
    assert "where" in operators(graph)


def test_keeps_zeros_where_a_score_is_large():
    graph = canonical(
        SCORES
        + """
        p = softmax(s) {axis=2}
        high = const 3.0 : float32[]
        n = gt(s, high)
        y = where(n, z, p)
    """
    )
    assert "where" in operators(graph)
