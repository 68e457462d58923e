"""Einsum as the operators that it says."""

import pytest

from tests.passes.graphs import canonical, operators


@pytest.mark.parametrize(
    ("equation", "first", "second", "left"),
    [
        ("bsd,dhk->bshk", "input : float32[2, 3, 4]", "param : float32[4, 5, 6]", ["linear"]),
        ("bsd,hd->bhs", "input : float32[2, 3, 4]", "param : float32[5, 4]", ["linear"]),
        ("hd,bsd->bsh", "param : float32[5, 4]", "input : float32[2, 3, 4]", ["linear"]),
        ("bshk,hkd->bsd", "input : float32[2, 3, 4, 5]", "param : float32[4, 5, 6]", ["linear"]),
        ("bqhd,bkhd->bhqk", "input : float32[2, 3, 4, 5]", "input : float32[2, 7, 4, 5]", ["matmul"]),
        ("bhqk,bkhd->bqhd", "input : float32[2, 4, 3, 7]", "input : float32[2, 7, 4, 5]", ["matmul"]),
        ("ecd,edf->ecf", "input : float32[2, 3, 4]", "param : float32[2, 4, 5]", ["matmul"]),
        ("i,j->ij", "input : float32[3]", "input : float32[4]", ["mul"]),
        ("bsd,bs->bsd", "input : float32[2, 3, 4]", "input : float32[2, 3]", ["mul"]),
        ("bsd,bsd->bs", "input : float32[2, 3, 4]", "input : float32[2, 3, 4]", ["mul", "reduce_sum"]),
        ("bsd,e->bse", "input : float32[2, 3, 4]", "input : float32[5]", ["mul", "reduce_sum"]),
        ("bii->bi", "input : float32[2, 3, 3]", "", ["einsum"]),
    ],
)  # fmt: skip
def test_two_operands(equation: str, first: str, second: str, left: list[str]):
    names = "x, w" if second else "x"
    text = f"x = {first}\n" + (f"w = {second}\n" if second else "") + f'y = einsum({names}) {{equation="{equation}"}}\n'
    assert operators(canonical(text)) == left


def test_three_operands_in_pairs():
    graph = canonical("""
        q = input : float32[2, 3, 4]
        k = input : float32[2, 5, 4]
        v = input : float32[2, 5, 6]
        y = einsum(q, k, v) {equation="bqd,bkd,bke->bqe"}
    """)
    assert operators(graph) == ["matmul", "matmul"]
