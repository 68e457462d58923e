"""Chains of reshapes and transposes folded."""

import pytest

from tests.passes.graphs import canonical, operators, result

X = "x = input : float32[2, 3, 4]\n"


def moves(text: str) -> list[str]:
    return [node.op for node in canonical(X + text) if node.op not in {"input", "const"}]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("y = reshape(x) : float32[2, 3, 4]\n", []),
        ("a = reshape(x) : float32[6, 4]\ny = reshape(a) : float32[2, 12]\n", ["reshape"]),
        ("a = transpose(x) {perm=(2, 0, 1)}\ny = transpose(a) {perm=(1, 2, 0)}\n", []),
        ("a = transpose(x) {perm=(2, 0, 1)}\ny = transpose(a) {perm=(2, 0, 1)}\n", ["transpose"]),
        ("y = slice(x) {axis=1, start=0, stop=3, step=1}\n", []),
        ("a = slice(x) {axis=2, start=1, stop=4, step=1}\ny = slice(a) {axis=2, start=1, stop=3, step=1}\n", ["slice"]),
        ("a = slice(x) {axis=2, start=0, stop=4, step=2}\ny = slice(a) {axis=2, start=1, stop=2, step=1}\n", ["slice"]),
        ("a = concat(x, x) {axis=2}\ny = slice(a) {axis=2, start=4, stop=8, step=1}\n", []),
        ("a = concat(x, x) {axis=2}\ny = slice(a) {axis=2, start=5, stop=7, step=1}\n", ["slice"]),
        ("a = concat(x, x) {axis=2}\ny = slice(a) {axis=2, start=3, stop=7, step=1}\n", ["concat", "slice"]),
        ("a = slice(x) {axis=2, start=0, stop=1, step=1}\nb = slice(x) {axis=2, start=1, stop=4, step=1}\n"
         "y = concat(a, b) {axis=2}\n", []),
        ("a = slice(x) {axis=2, start=1, stop=4, step=1}\nb = slice(x) {axis=2, start=0, stop=1, step=1}\n"
         "y = concat(a, b) {axis=2}\n", ["roll"]),
        ("a = slice(x) {axis=2, start=1, stop=3, step=1}\nb = slice(x) {axis=2, start=0, stop=1, step=1}\n"
         "y = concat(a, b) {axis=2}\n", ["slice", "slice", "concat"]),
        ("a = roll(x) {shifts=(1,), axes=(2,)}\ny = roll(a) {shifts=(-1,), axes=(1,)}\n", ["roll"]),
        ("y = pad(x) {pads=((0, 0), (0, 0), (0, 0)), mode=constant, value=0.0}\n", []),
        ("y = expand(x) : float32[2, 3, 4]\n", []),
        ("y = expand(x) : float32[1, 2, 3, 4]\n", ["reshape"]),
        ("a = expand(x) : float32[5, 2, 3, 4]\nb = exp(x)\nc = expand(b) : float32[5, 2, 3, 4]\ny = add(a, c)\n",
         ["exp", "expand", "add"]),
    ],
    ids=lambda value: value.replace("\n", " ") if isinstance(value, str) else "",
)  # fmt: skip
def test_moves_have_one_spelling(text: str, left: list[str]):
    assert moves(text) == left


def test_a_reduction_keeps_the_axes_that_a_view_puts_back():
    graph = canonical(
        X
        + """
        s = reduce_sum(x) {axes=(2,), keepdims=false}
        h = mul(s, 0.5)
        v = reshape(h) : float32[2, 3, 1]
        y = mul(x, v)
    """
    )
    assert operators(graph) == ["mul", "mul", "reduce_sum"]
    assert next(node for node in graph if node.op == "reduce_sum").attrs["keepdims"] is True


def test_shorter_shifts_are_the_same_shift():
    graph = canonical(X + "y = roll(x) {shifts=(3,), axes=(2,)}\n")
    assert result(graph).attrs["shifts"] == (-1,)
