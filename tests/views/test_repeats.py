"""How layers repeat: runs, patterns and what has no order."""

from hypothesis import given
from hypothesis import strategies as st

from irgen.ir.architecture import Block, Stack
from irgen.views.repeats import plan


def stack(layers):
    numbers = list(dict.fromkeys(layers))
    blocks = [Block([at for at, one in enumerate(layers) if one == number], "none", "none", []) for number in numbers]
    return Stack("s", "decoder", 8, blocks)


def told(layers):
    found = plan(stack(layers))
    return [(r.block, r.count) for r in found.pattern], found.times, [(r.block, r.count) for r in found.rest]


def test_one_block():
    assert told("aaaa") == ([], 0, [(0, 4)])


def test_alternating_layers_are_a_pattern():
    assert told("ababab") == ([(0, 1), (1, 1)], 3, [])


def test_a_pattern_with_layers_left_over():
    assert told("aabaabaabaa") == ([(0, 2), (1, 1)], 3, [(0, 2)])


def test_dense_first_then_mixture_is_two_runs():
    assert told("abbbbb") == ([], 0, [(0, 1), (1, 5)])


def test_a_pattern_may_begin_behind_layers_of_one_kind():
    found = plan(stack("aaa" + "ba" * 4))
    assert [(run.block, run.count) for run in found.ahead] == [(0, 3)]
    assert told("aaa" + "ba" * 4) == ([(1, 1), (0, 1)], 4, [])
    assert found.pattern[0].at == (3,)


def test_layers_without_order_are_gathered():
    found = plan(stack("abacbbacabcab"))
    assert found.mixed
    assert [(run.block, run.count) for run in found.rest] == [(0, 5), (1, 5), (2, 3)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_every_layer_is_counted_once(layers):
    found = plan(stack(layers))
    count = sum(run.count for run in found.pattern) * found.times
    count += sum(run.count for run in (*found.ahead, *found.rest))
    assert count == len(layers)
