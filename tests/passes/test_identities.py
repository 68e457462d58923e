"""What computes nothing is dropped."""

import pytest

from tests.passes.graphs import canonical, operators

X = "x = input : float32[2, 3]\n"


@pytest.mark.parametrize(
    "text",
    [
        "h = cast(x) : float16[2, 3]\ny = cast(h) : float32[2, 3]\n",
        "y = add(x, 0.0)\n",
        "y = mul(x, 1.0)\n",
        "y = div(x, 1.0)\n",
        "y = sub(x, 0.0)\n",
        "o = full {value=1.0} : float32[2, 3]\ny = mul(o, x)\n",
        "n = neg(x)\ny = neg(n)\n",
        "y = clip(x) {min=none, max=none}\n",
        "t = full {value=true} : bool[2, 3]\nz = neg(x)\ny = where(t, x, z)\n",
        "t = gt(x, 0.0)\ny = where(t, x, x)\n",
    ],
    ids=lambda text: text.splitlines()[-1],
)
def test_what_computes_nothing_goes(text: str):
    assert operators(canonical(X + text)) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("y = cast(x) : int64[2, 3]\n", ["cast"]),
        ("h = cast(x) : int64[2, 3]\ny = cast(h) : float32[2, 3]\n", ["cast", "cast"]),
        ("h = cast(x) : float8[2, 3]\ny = cast(h) : float32[2, 3]\n", ["cast"]),
        ("b = full {value=0.0} : float32[4, 2, 3]\ny = add(x, b)\n", ["add"]),
        ("y = add(x, 0.5)\n", ["add"]),
        ("y = stop_gradient(x)\n", ["stop_gradient"]),
    ],
    ids=lambda value: value.splitlines()[-1] if isinstance(value, str) else "",
)
def test_what_computes_something_stays(text: str, left: list[str]):
    assert operators(canonical(X + text)) == left


def test_nested_choices_by_one_test_are_one_choice():
    graph = canonical(
        X
        + """
        u = input : float32[2, 3]
        t = gt(x, 0.0)
        n = not(t)
        z = exp(u)
        a = where(t, u, z)
        y = where(n, x, a)
    """
    )
    assert operators(graph) == ["gt", "where"]


def test_an_output_that_computes_nothing_is_the_value_behind_it():
    graph = canonical("x = input : float32[2, 3]\ny = mul(x, 1.0)\nreturn y, x\n")
    assert graph.outputs == ["x", "x"]


def test_symbols_outlive_the_node_that_had_them():
    graph = canonical("""
        x = input : float32[2, 3]
        h = exp(x) : float32[2, 3]
        y = mul(h, 1.0) : float32[batch=2, 3]
    """)
    assert graph[graph.outputs[0]].tensor.symbols == ("batch", None)
