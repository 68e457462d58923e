"""The figures of every built-in system, in both languages, themes and on both page widths, are legal."""

from functools import cache

import pytest

import irgen
from irgen import zoo
from irgen.renderers.svg import render
from irgen.views import draw
from tests.figures.checker import check


@cache
def traced(name):
    model = irgen.trace(zoo.systems()[name].build("twin"), title=name)
    return model.architecture, model.regions, model.canonical


@pytest.mark.parametrize("name", list(zoo.systems()))
def test_every_figure_of_a_system_is_legal(name):
    architecture, regions, graph = traced(name)
    for view, lang, width in (
        ("overview", "en", 720), ("overview", "ko", 720), ("overview", "en", 360), ("block", "en", 720),
        ("block", "ko", 720),
    ):  # fmt: skip
        scene = draw(view, architecture, regions, graph, title=name, lang=lang, width=width)
        assert check(render(scene, "light")) == [], (view, lang, width)
        if (lang, width) == ("en", 720):
            assert all(check(render(scene, theme)) == [] for theme in ("dark", "print", "auto"))
