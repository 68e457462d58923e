"""Cones named by their values: activations and gates of one function."""

from tests.passes.graphs import canonical, operators

GATE = """
    x = input : float32[2, 4]
    s = sigmoid(x)
    a = mul(x, s)
"""


def test_what_others_read_inside_stays_beside_the_name():
    graph = canonical(GATE + "y = exp(s)\nreturn a, y\n")
    assert operators(graph) == ["exp", "mul", "sigmoid"]


def test_an_output_inside_is_kept():
    assert operators(canonical(GATE + "return a, s\n")) == ["mul", "sigmoid"]


def test_a_gate_on_another_stream_has_no_name():
    assert operators(canonical("x = input : float32[4]\nz = input : float32[4]\ns = sigmoid(x)\ny = mul(z, s)\n")) == [
        "mul",
        "sigmoid",
    ]


def test_the_largest_name_wins():
    graph = canonical("""
        x = input : float32[2, 4]
        p = softplus(x) {beta=1.0}
        t = tanh(p)
        y = mul(x, t)
    """)
    assert operators(graph) == ["mish"]


def test_equal_layers_are_named_alike():
    layer = """
        m{i} = reduce_mean(h{i}) {{axes=(1,), keepdims=true}}
        d{i} = sub(h{i}, m{i})
        q{i} = mul(d{i}, d{i})
        v{i} = reduce_mean(q{i}) {{axes=(1,), keepdims=true}}
        e{i} = add(v{i}, 1e-5)
        r{i} = rsqrt(e{i})
        h{j} = mul(d{i}, r{i})
    """
    text = "h0 = input : float32[3, 16]\n" + "".join(layer.format(i=i, j=i + 1) for i in range(20))
    assert operators(canonical(text)) == ["layer_norm"] * 20


def test_a_masked_softmax_has_two_streams():
    graph = canonical("""
        x = input : float32[2, 4]
        m = input : float32[2, 4]
        e = exp(x)
        k = mul(e, m)
        t = reduce_sum(k) {axes=(1,), keepdims=true}
        y = div(k, t)
    """)
    assert "softmax" not in operators(graph)


def test_values_without_end_prove_nothing():
    graph = canonical(
        """
        x = input : float32[2, 4]
        low = full {value=-inf} : float32[2, 4]
        t = add(x, low)
        e = exp(t)
        s = reduce_sum(e) {axes=(1,), keepdims=true}
        y = div(e, s)
    """,
        same=False,
    )
    assert "softmax" in operators(graph)
    assert "l2_norm" not in operators(graph)
