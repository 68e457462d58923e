"""Diffs of published systems, checked by hand, and their figures."""

import time
from pathlib import Path

import pytest

from irgen import zoo
from irgen.api import trace
from irgen.diff.compare import diff
from irgen.diff.text import markdown, text
from irgen.renderers import render
from irgen.views import changes
from tests.diff.golden import HERE, PAIRS, system
from tests.figures.checker import check

FOLDER = HERE / "expected"


def path(a: str, b: str) -> Path:
    return FOLDER / f"{a}_{b}.txt"


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_text_is_the_one_checked_by_hand(a: str, b: str):
    assert text(diff(system(a), system(b)), a, b) == path(a, b).read_text()


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_figure_keeps_the_rules(a: str, b: str):
    titles = zoo.systems()[a].title, zoo.systems()[b].title
    scene = changes.draw(system(a), system(b), diff(system(a), system(b)), titles=titles)
    drawn = render(scene, ".svg", "light")
    problems = [p for p in check(drawn) if "edges_do_not_cross" not in p and "small" not in p]
    assert not problems
    assert drawn == render(scene, ".svg", "light")


def test_the_figure_of_equal_models_says_nothing_between():
    scene = changes.draw(system("bert"), system("bert"), diff(system("bert"), system("bert")), titles=("a", "b"))
    assert not [node for node in scene.nodes if node.role not in ("same", "op")]


def test_bert_and_roberta_differ_only_in_sizes_and_positions():
    found = diff(system("bert"), system("roberta"))
    assert all(c.is_size or c.kind == "total" or c.where.startswith("input") for c in found.changes)


def test_two_large_mixtures_are_compared_within_a_second():
    start = time.perf_counter()
    assert diff(system("gpt-oss-20b"), system("mixtral"))
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_what_is_kept_is_what_a_trace_gives(name: str):
    assert not diff(trace(name).architecture, system(name))


def test_the_table_has_a_row_a_change():
    found = diff(system("llama"), system("mixtral"))
    rows = markdown(found, "llama", "mixtral").splitlines()
    assert rows[0] == "| what | llama | mixtral |"
    assert len(rows) == 2 + len(found.changes)
    assert "| decoder.block.self-attention, kv_heads | 32 | 8 |" in rows
