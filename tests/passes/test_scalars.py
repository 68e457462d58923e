"""Scalar factors and sums gathered."""

import pytest

from tests.passes.graphs import canonical, operators, result

X = "x = input : float32[2, 3]\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("y = pow(x, 2.0)\n", ["mul"]),
        ("p = mul(x, x)\ny = pow(p, -0.5)\n", ["mul", "rsqrt"]),
        ("y = div(x, 4.0)\n", ["mul"]),
        ("p = exp(x)\ny = div(1.0, p)\n", ["exp", "reciprocal"]),
        ("p = exp(x)\nq = reciprocal(p)\ny = mul(x, q)\n", ["div", "exp"]),
        ("y = sub(x, 4.0)\n", ["add"]),
        ("y = sub(0.0, x)\n", ["neg"]),
        ("u = exp(x)\nn = neg(u)\ny = add(x, n)\n", ["exp", "sub"]),
        ("y = mul(-1.0, x)\n", ["neg"]),
        ("a = mul(x, 2.0)\nb = mul(3.0, a)\ny = div(b, 4.0)\n", ["mul"]),
    ],
    ids=lambda value: value.splitlines()[-1] if isinstance(value, str) else "",
)
def test_one_spelling_for_scalar_arithmetic(text: str, left: list[str]):
    assert operators(canonical(X + text)) == left


def test_factors_multiply():
    graph = canonical(X + "a = mul(x, 2.0)\nb = mul(3.0, a)\ny = div(b, 4.0)\n")
    factor = graph[result(graph).inputs[1]]
    assert factor.value is not None
    assert float(factor.value) == pytest.approx(1.5)


def test_a_factor_that_others_read_stays():
    graph = canonical(X + "a = mul(x, 2.0)\ny = mul(a, 3.0)\nreturn y, a\n")
    assert operators(graph) == ["mul", "mul"]


def test_integer_quotients_stay():
    assert operators(canonical("x = input : int64[4]\ny = floor_div(x, 2)\n")) == ["floor_div"]


def test_constants_fold_but_positions_do_not():
    graph = canonical("""
        a = const 2.0 : float32[]
        b = mul(a, 3.0)
        p = arange {start=0, step=1} : float32[4]
        y = mul(p, b)
    """)
    assert sorted(node.op for node in graph) == ["arange", "const", "mul"]


def test_masks_of_one_value_fold_at_any_shape():
    graph = canonical("""
        x = input : float32[2, 4]
        keep = full {value=true} : bool[2, 4]
        drop = not(keep)
        f = cast(drop) : float32[2, 4]
        m = mul(f, -1e9)
        y = add(x, m)
    """)
    assert operators(graph) == []
