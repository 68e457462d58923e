"""Look-ups and gathers in their canonical form."""

from tests.passes.graphs import canonical, operators, result

IDS = "t = param : float32[11, 4]\ni = input : int64[2, 5]\n"


def test_rows_at_run_time_ids_are_an_embedding():
    assert operators(canonical(IDS + "y = gather(t, i) {axis=0}\n")) == ["embedding"]


def test_rows_at_positions_are_an_embedding():
    text = "t = param : float32[11, 4]\np = arange {start=2, step=1} : int64[5]\ny = gather(t, p) {axis=0}\n"
    assert result(canonical(text)).op == "embedding"


def test_rows_at_folded_positions_are_an_embedding():
    text = "t = param : float32[11, 4]\np = const [2, 3, 4] : int64[3]\ny = gather(t, p) {axis=0}\n"
    assert result(canonical(text)).op == "embedding"


def test_rows_in_no_order_are_none():
    text = "t = param : float32[11, 4]\np = const [2, 0, 4] : int64[3]\ny = gather(t, p) {axis=0}\n"
    assert result(canonical(text)).op == "gather"


def test_indicator_vectors_times_a_table_are_an_embedding():
    graph = canonical(
        IDS
        + """
        h = one_hot(i) {depth=11} : int64[2, 5, 11]
        f = cast(h) : float32[2, 5, 11]
        y = matmul(f, t)
    """
    )
    assert operators(graph) == ["embedding"]


def test_indexing_along_one_axis_is_a_gather():
    graph = canonical("x = input : float32[3, 6, 4]\ni = input : int64[5]\ny = gather_nd(x, i) {axes=(1,)}\n")
    assert operators(graph) == ["gather"]


def test_fixed_places_in_even_steps_are_a_slice():
    for entries, count in (("1", ""), ("[1, 3, 5]", "3")):
        text = f"x = input : float32[3, 6, 4]\ni = const {entries} : int64[{count}]\ny = gather(x, i) {{axis=1}}\n"
        assert operators(canonical(text)) == ["slice"]


def test_the_largest_k_of_k_are_a_sort():
    graph = canonical("""
        x = input : float32[2, 5]
        t = topk(x) {k=5, axis=1, largest=true} : (float32[2, 5], int64[2, 5])
        y = pick(t) {index=0}
    """)
    assert operators(graph) == ["pick", "sort"]


def test_the_largest_k_of_more_stay():
    graph = canonical("""
        x = input : float32[2, 5]
        t = topk(x) {k=2, axis=1, largest=true} : (float32[2, 2], int64[2, 2])
        y = pick(t) {index=0}
    """)
    assert operators(graph) == ["pick", "topk"]
