"""Group and instance norms from their spellings."""

from tests.passes.graphs import canonical, operators, result

X = "x = input : float32[2, 8, 6]\n"
SPLIT = X + "g = reshape(x) : float32[2, 4, 12]\n"


def test_a_norm_between_views_is_a_norm_of_groups():
    graph = canonical(SPLIT + "n = layer_norm(g) {axes=(2,), eps=1e-5}\ny = reshape(n) : float32[2, 8, 6]\n")
    assert operators(graph) == ["group_norm"]
    assert result(graph).attrs["groups"] == 4


def test_scale_and_shift_of_each_channel_are_taken_in():
    graph = canonical(
        SPLIT
        + """
        n = layer_norm(g) {axes=(2,), eps=1e-5}
        v = reshape(n) : float32[2, 8, 6]
        w = param : float32[8, 1]
        b = param : float32[1, 8, 1]
        s = mul(v, w)
        y = add(s, b)
    """
    )
    assert operators(graph) == ["group_norm"]
    assert len(result(graph).inputs) == 3


def test_ones_and_zeros_of_each_group_are_dropped():
    graph = canonical(
        SPLIT
        + """
        ones = param : float32[4]
        zeros = param : float32[4]
        n = group_norm(g, ones, zeros) {groups=4, eps=1e-5}
        y = reshape(n) : float32[2, 8, 6]
    """,
        same=False,
    )
    assert operators(graph) == ["group_norm"]
    assert len(result(graph).inputs) == 1


def test_a_scale_of_each_place_stays_outside():
    graph = canonical(
        X
        + """
        n = group_norm(x) {groups=4, eps=1e-5}
        w = param : float32[6]
        y = mul(n, w)
    """
    )
    assert operators(graph) == ["group_norm", "mul"]


def test_a_norm_of_some_of_the_axes_is_none_of_groups():
    graph = canonical("""
        x = input : float32[2, 8, 6]
        g = reshape(x) : float32[2, 4, 2, 6]
        n = layer_norm(g) {axes=(3,), eps=1e-5}
        y = reshape(n) : float32[2, 8, 6]
    """)
    assert operators(graph) == ["layer_norm"]
