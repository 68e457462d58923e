"""The overview: towers of repeated blocks from inputs to outputs, with panels that open the telling parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.scene import Scene, literal
from irgen.views.compose import compose
from irgen.views.insides import Insides
from irgen.views.layout.page import footnote, legend, title_block
from irgen.views.origins import origins
from irgen.views.summary import describe, facts_strip, legend_names, subtitle_of, unrecognised
from irgen.views.wiring import wiring
from irgen.views.words import Words

BUDGET = 23_950
"""Estimated bytes above which a figure is drawn with less detail; 24 KB is the limit."""


def slug(text: str) -> str:
    """A name that may stand in an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "figure"


def draw(
    architecture: Architecture,
    regions: Sequence[Region] = (),
    graph: Graph | None = None,
    *,
    title: str,
    subtitle: str | None = None,
    lang: str = "en",
    width: int = 720,
    note: str | None = None,
) -> Scene:
    """The overview figure, `width` pixels wide (360, 720 or 1080)."""
    words = Words(lang)
    said = literal(subtitle, 300) if subtitle is not None else subtitle_of(architecture, words)
    if note:
        said = f"{said} · {literal(note, 300)}" if said else literal(note, 300)
    paths = origins(regions, graph)
    wires = wiring(architecture, regions, graph)
    insides = Insides(regions, graph) if graph is not None else None
    for detail in range(7, -1, -1):
        scene = Scene(
            slug(title), literal(title, 120) or words("Neural network"), describe(architecture, title, words),
            float(width), 0.0, lang=lang, subtitle=said,
        )  # fmt: skip
        top = title_block(scene, facts_strip(architecture, words))
        bottom = compose(scene, architecture, words, top, detail, paths, wires, insides)
        if architecture.unknown and architecture.stacks:
            bottom = footnote(scene, bottom, unrecognised(architecture.unknown, words))
        legend(scene, bottom, words, legend_names(architecture))
        if not detail or weight(scene) <= BUDGET:
            return scene
    raise AssertionError("the last level of detail is taken whatever it weighs")


def weight(scene: Scene) -> float:
    """About how many bytes the scene takes as SVG: fitted to figures of seventy models, a little above most of them."""
    texts = sum(len(node.texts) for node in scene.nodes)
    written = sum(len(node.tooltip.encode()) + sum(len(t.text.encode()) for t in node.texts) for node in scene.nodes)
    drawn = sum(len(mark.d) for node in scene.nodes for mark in node.marks) + sum(len(mark.d) for mark in scene.marks)
    free = len(scene.texts) + len(scene.legend)
    return (
        3100 + 0.98 * written + 0.91 * drawn + 16 * len(scene.nodes) - texts + 252 * len(scene.edges)
        + 93 * len(scene.groups) + 60 * free
    )  # fmt: skip


VIEW = draw
