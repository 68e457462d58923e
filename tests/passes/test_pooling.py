"""Poolings in their canonical form."""

from tests.passes.graphs import canonical, operators, result

IMAGE = "x = input : float32[2, 3, 4, 6]\n"
POOL = "stride=(4, 6), pads=((0, 0), (0, 0))"


def test_pools_over_everything_are_reductions():
    for op, rest, left in (("avg", "count_pad=false", "reduce_mean"), ("max", "dilation=(1, 1)", "reduce_max")):
        graph = canonical(IMAGE + f"y = {op}_pool(x) {{kernel=(4, 6), {POOL}, {rest}}} : float32[2, 3, 1, 1]\n")
        assert operators(graph) == [left]
        assert result(graph).attrs == {"axes": (2, 3), "keepdims": True}


def test_adaptive_pools_to_one_place_are_reductions():
    assert operators(canonical(IMAGE + "y = adaptive_pool(x) {mode=avg} : float32[2, 3, 1, 1]\n")) == ["reduce_mean"]


def test_adaptive_pools_in_even_steps_are_plain_pools():
    graph = canonical(IMAGE + "y = adaptive_pool(x) {mode=avg} : float32[2, 3, 2, 3]\n")
    assert result(graph).op == "avg_pool"
    assert result(graph).attrs["kernel"] == (2, 2)


def test_uneven_adaptive_pools_stay():
    assert operators(canonical(IMAGE + "y = adaptive_pool(x) {mode=avg} : float32[2, 3, 3, 4]\n")) == ["adaptive_pool"]


def test_a_sum_divided_by_its_count_is_a_mean():
    graph = canonical(IMAGE + "s = reduce_sum(x) {axes=(2, 3), keepdims=false}\ny = div(s, 24.0)\n")
    assert operators(graph) == ["reduce_mean"]


def test_a_sum_divided_by_another_number_is_none():
    graph = canonical(IMAGE + "s = reduce_sum(x) {axes=(2, 3), keepdims=false}\ny = div(s, 12.0)\n")
    assert operators(graph) == ["mul", "reduce_sum"]


def test_a_reduction_over_one_entry_is_a_view():
    graph = canonical("x = input : float32[2, 1, 4]\ny = reduce_mean(x) {axes=(1,), keepdims=false}\n")
    assert operators(graph) == []
