"""Text widths, wrapping and cutting."""

from hypothesis import given
from hypothesis import strategies as st

from irgen.scene import literal, plain, runs
from irgen.views.layout.metrics import SLACK, boxed, choose, cut, room, width, wrap

texts = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=60).map(literal)


def test_widths_are_those_of_inter():
    assert abs(width("Masked self-attention", "t") - 139.3) < 0.1
    assert width("", "t") == 0
    assert width("가나다", "s") == 3 * 0.92 * 11


def test_sub_and_superscripts_are_narrower():
    assert width("h_{t}", "t") < width("ht", "t")


@given(texts)
def test_a_box_holds_its_text_in_any_font(text):
    assert boxed(text, "t") >= SLACK * width(text, "t") + 10
    assert width(text, "t") <= room(boxed(text, "t")) + 0.01


@given(texts, st.integers(40, 300))
def test_a_cut_text_fits(text, most):
    assert width(cut(text, "s", most), "s") <= most or cut(text, "s", most) == "…"


@given(texts, st.integers(60, 300), st.integers(1, 4))
def test_wrapped_lines_fit_and_are_few(text, most, lines):
    wrapped = wrap(text, "s", most, lines)
    assert len(wrapped) <= lines
    assert all(width(line, "s") <= most for line in wrapped)


def test_the_fullest_alternative_that_fits_is_chosen():
    options = "Grouped-query attention\nGQA"
    assert choose(options, "t", 300, 2) == ["Grouped-query attention"]
    assert choose(options, "t", 60, 2) == ["GQA"]


def test_captions_break_at_their_separators():
    assert wrap("32 heads · 8 KV · window 4,096", "s", 120, 2) == ["32 heads · 8 KV", "window 4,096"]


@given(st.text(max_size=80))
def test_literal_text_is_shown_as_it_is(text):
    shown = plain(literal(text))
    assert all(place == "" for _, place in runs(literal(text)))
    assert not any(char in shown for char in "\u200b\u202e\x00\n\ufeff")


def test_markup_has_runs():
    assert list(runs("QK^{T} / √d_{k}")) == [("QK", ""), ("T", "^"), (" / √d", ""), ("k", "_")]
