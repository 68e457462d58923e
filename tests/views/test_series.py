"""Small dataflow graphs become chains and branches where they are series-parallel, and nothing where they are not."""

from irgen.views.layout.tree import Chain, Leaf, Par
from irgen.views.series import arrange


def leaf(name):
    return Leaf(name, "norm", name)


def told(piece):
    if isinstance(piece, Leaf):
        return piece.id
    left, right = ("(", ")") if isinstance(piece, Chain) else ("[", "]")
    return left + " ".join(told(item) for item in piece.items) + right


def shown(edges):
    reads = {}
    for edge in edges.split():
        source, target = edge
        reads.setdefault(source, [])
        reads.setdefault(target, []).append(source)
    return arrange(sorted(reads), reads, leaf)


def test_things_in_a_row_are_a_chain():
    assert told(shown("ab bc")) == "(a b c)"


def test_branches_between_two_things_stand_side_by_side():
    assert told(shown("ab ac bd cd")) == "(a [b c] d)"


def test_a_branch_may_be_a_chain_and_start_by_itself():
    assert told(shown("ab be cd de")) == "([(a b) (c d)] e)"


def test_an_arrow_past_a_thing_is_a_lane():
    piece = shown("ab bc ac cd")
    assert told(piece) == "(a b c d)"
    assert [(lane.start, lane.end) for lane in piece.lanes] == [(1, 2)]


def test_an_arrow_past_several_things_is_a_lane_from_where_it_starts():
    piece = shown("ab bc cd ad")
    assert [(lane.start, lane.end) for lane in piece.lanes] == [(1, 3)]


def test_two_that_feed_two_crosswise_are_not_series_parallel():
    assert shown("ac ad bc bd ce de") is None


def test_two_heads_of_nothing_else_are_branches():
    assert isinstance(arrange(["a", "b"], {}, leaf), Par)
