"""The checker itself: a good figure has nothing wrong, and every defect seeded into it is found."""

import re

import pytest

from irgen.renderers.svg import render
from irgen.views.overview import VIEW
from tests.figures.architectures import ALL
from tests.figures.checker import check


@pytest.fixture(scope="module")
def svg() -> str:
    return render(VIEW(ALL["gpt2"](), title="GPT-2")).decode()


@pytest.fixture(scope="module")
def crossed() -> str:
    return render(VIEW(ALL["t5"](), title="T5")).decode()


def node(svg: str, name: str) -> str:
    return re.search(rf'<g data-n="{name}">.*?</g>', svg)[0]


def moved(svg: str, name: str, dx: float, dy: float) -> str:
    """The figure with one node moved, its text with it."""

    def shift(found):
        x, y = float(found[1]) + dx, float(found[2]) + dy
        return f'x="{x}" y="{y}"'

    old = node(svg, name)
    return svg.replace(old, re.sub(r'x="(-?[\d.]+)" y="(-?[\d.]+)"', shift, old))


def test_a_good_figure_has_nothing_wrong(svg, crossed):
    assert check(svg.encode()) == []
    assert check(crossed.encode()) == []


def edge(svg: str, name: str) -> str:
    return re.search(rf'<path[^>]*data-e="{re.escape(name)}"[^>]*/>', svg)[0]


def rerouted(svg: str, name: str, d: str) -> str:
    old = edge(svg, name)
    return svg.replace(old, re.sub(r' d="[^"]*"', f' d="{d}"', old))


def names(svg: str) -> list[str]:
    return re.findall(r'data-n="([^"]+)"', svg)


SEEDED = {
    "clear_nodes": lambda s: moved(s, "s0.0.n1", 0, -18),
    "edges_keep_off_nodes": lambda s: rerouted(s, "s0.0.n1&gt;s0.0.p2", "M190 640V100"),
    "edges_orthogonal": lambda s: rerouted(s, "s0.0.n1&gt;s0.0.p2", "M190 640L230 600"),
    "edges_outside_ends": lambda s: rerouted(s, "s0.0.n1&gt;s0.0.p2", "M190 690V600"),
    "edges_attached": lambda s: rerouted(s, "s0.0.n1&gt;s0.0.p2", "M600 640V600"),
    "text_in_node": lambda s: s.replace(">LayerNorm</text>", ">A very much longer LayerNorm</text>", 1),
    "text_clear": lambda s: s.replace(">Block</text>", ">Block of a figure whose label runs over its badge</text>"),
    "text_large": lambda s: s.replace(".ir .s{font-size:11px", ".ir .s{font-size:10px"),
    "on_page": lambda s: moved(s, "out", -150, 0),
    "groups_hold_nodes": lambda s: moved(s, "s0.0.n1", -60, 0),
    "accessible": lambda s: s.replace('role="img"', 'role="img" onload="x()"'),
    "small": lambda s: s.replace("</svg>", f"<!--{'x' * 25000}--></svg>"),
    "straight_trunk": lambda s: rerouted(s, "h&gt;out", "M160 199V190"),
    "own_tracks": lambda s: rerouted(
        s, "s0.0.n1&gt;s0.0.p2", re.search(r'd="([^"]*)"', edge(s, "s0.0.n4&gt;s0.0.p5"))[1]
    ),
}


@pytest.mark.parametrize("name", SEEDED)
def test_finds_a_seeded_defect(svg, name):
    broken = SEEDED[name](svg)
    assert broken != svg
    assert any(problem.startswith(name) for problem in check(broken.encode())), check(broken.encode())


def test_finds_edges_that_cross(svg):
    first = re.search(r"<path[^>]*data-e[^>]*/>", svg)[0]
    extra = (
        '<path class="e" data-e="t0.e0&gt;h" d="M100 740H600"/><path class="e" data-e="t0.e1&gt;out" d="M500 700V800"/>'
    )
    assert any(p.startswith("edges_do_not_cross") for p in check(svg.replace(first, first + extra).encode()))


def test_finds_scripts_and_transforms(svg):
    assert any("script" in p for p in check(svg.replace("</svg>", "<script>1</script></svg>").encode()))
    assert any(
        "transform" in p for p in check(svg.replace('<g data-n="h"', '<g transform="scale(2)" data-n="h"').encode())
    )


def test_finds_a_missing_tooltip(svg):
    broken = re.sub(r'(<g data-n="h">)<title>[^<]*</title>', r"\1", svg)
    assert any("tooltip" in p for p in check(broken.encode()))
