"""What a picture is, as plain data between the views that lay it out and the renderers that write it.

Lengths are CSS pixels, y grows downwards, every coordinate is absolute. Text may hold the mini-markup `h_{t−1}` and
`QK^{T}`; a backslash takes the meaning from the sign behind it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

Point = tuple[float, float]

STYLES = ("h", "v", "t", "g", "b", "s", "l", "k")
"""Text styles: figure title, fact value, node title, group label, badge, sub-caption, label, fact label; with ` new`
behind it where the text says what changed."""

ROLES = ("io", "embed", "attn", "cross", "ffn", "moe", "ssm", "conv", "norm", "head", "op", "off")
"""Colour roles of nodes, in the order of the legend; `off` is an inactive or unknown node."""

KINDS = ("flow", "residual", "cross", "route", "recur", "idle")
"""Kinds of edges."""


@dataclass(slots=True)
class Text:
    """One line of text; `y` is its baseline and `anchor` where `x` lies in it: start, middle or end."""

    x: float
    y: float
    text: str
    style: str
    anchor: str = "start"


@dataclass(slots=True)
class Mark:
    """A small drawing without meaning to the checker: path data in one of the renderer's mark styles."""

    style: str
    d: str


@dataclass(slots=True)
class Node:
    """A box, pill, joint or chip with everything written in it."""

    id: str
    role: str
    shape: str
    x: float
    y: float
    w: float
    h: float
    title: str = ""
    caption: str = ""
    tooltip: str = ""
    texts: list[Text] = field(default_factory=list[Text])
    marks: list[Mark] = field(default_factory=list[Mark])
    sign: str = ""
    cards: int = 0
    dashed: bool = False
    group: str | None = None


@dataclass(slots=True)
class Badge:
    """The `× N` pill on the top border of a group, by its centre."""

    x: float
    y: float
    w: float
    text: str
    new: bool = False
    """It says what changed."""


@dataclass(slots=True)
class Group:
    """A frame around nodes; `depth` alternates its fill and `cards` are drawn behind it."""

    id: str
    x: float
    y: float
    w: float
    h: float
    label: str = ""
    depth: int = 0
    cards: int = 0
    badge: Badge | None = None
    parent: str | None = None


@dataclass(slots=True)
class Edge:
    """An arrow along `points` from one node or group to another; `tap` marks a branching point with a dot."""

    source: str
    target: str
    kind: str
    points: list[Point]
    head: bool = True
    tap: bool = False
    curved: bool = False
    """The points are the control points of a cubic spline, and then the tip."""
    role: str = ""
    label: Text | None = None
    chip: tuple[float, float, float, float] | None = None


@dataclass(slots=True)
class Key:
    """One entry of the legend: a role's swatch or a line (`residual`, `cross`, `recur`)."""

    x: float
    y: float
    sample: str
    label: str


@dataclass(slots=True)
class Scene:
    """A whole figure."""

    slug: str
    title: str
    desc: str
    width: float
    height: float
    subtitle: str = ""
    lang: str = "en"
    nodes: list[Node] = field(default_factory=list[Node])
    groups: list[Group] = field(default_factory=list[Group])
    edges: list[Edge] = field(default_factory=list[Edge])
    wedges: list[list[Point]] = field(default_factory=list[list[Point]])
    rules: list[tuple[float, float, float]] = field(default_factory=list[tuple[float, float, float]])
    texts: list[Text] = field(default_factory=list[Text])
    marks: list[Mark] = field(default_factory=list[Mark])
    legend: list[Key] = field(default_factory=list[Key])
    facts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    exempt: bool = False
    """A dump of an operator graph, whose routing Graphviz did."""


_RUN = re.compile(r"\\(.)|([_^])\{((?:\\.|[^{}\\])*)\}", re.DOTALL)


def runs(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of marked-up text with their position: `""` on the line, `_` below, `^` above."""
    plain: list[str] = []
    at = 0
    for found in _RUN.finditer(text):
        plain.append(text[at : found.start()])
        at = found.end()
        if found[1] is not None:
            plain.append(found[1])
            continue
        if line := "".join(plain):
            yield line, ""
        plain.clear()
        yield re.sub(r"\\(.)", r"\1", found[3]), found[2]
    plain.append(text[at:])
    if line := "".join(plain):
        yield line, ""


def plain(text: str) -> str:
    """Marked-up text as it is read aloud, without the markup."""
    return "".join(run for run, _ in runs(text))


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def literal(text: str, longest: int = 400) -> str:
    """A name from outside, made safe to show: no control, invisible, direction or private characters, no markup."""
    kept = (" " if char in "\t\n\r" else char for char in text[: 4 * longest])
    shown = "".join(char for char in kept if unicodedata.category(char) not in _HIDDEN)
    shown = re.sub(r"\s+", " ", _thin(shown)).strip()
    if len(shown) > longest:
        shown = shown[: longest - 1] + "…"
    return re.sub(r"\\|[_^](?=\{)", r"\\\g<0>", shown)


def _thin(text: str, most: int = 3) -> str:
    """At most `most` combining marks on one letter, since taller piles leave their line."""
    kept: list[str] = []
    pile = 0
    for char in text:
        pile = pile + 1 if unicodedata.combining(char) else 0
        if pile <= most:
            kept.append(char)
    return "".join(kept)
