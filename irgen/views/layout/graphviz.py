"""Positions from Graphviz (the library in pygraphviz's wheel), in a process of its own so that it can be given up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from irgen.scene import Point

CHILD = (
    "import sys, pygraphviz as p; g = p.AGraph(string=sys.stdin.read()); "
    "sys.stdout.buffer.write(g.draw(format='json0', prog=sys.argv[1]))"
)
SECONDS = 60.0


@dataclass(slots=True)
class Placed:
    """Centres of nodes, boxes of clusters (x0, y0, x1, y1), curves of edges by number; y grows downwards."""

    width: float
    height: float
    nodes: dict[str, Point] = field(default_factory=dict[str, Point])
    clusters: dict[str, tuple[float, float, float, float]] = field(
        default_factory=dict[str, tuple[float, float, float, float]]
    )
    curves: dict[int, list[Point]] = field(default_factory=dict[int, list[Point]])


def place(dot: str, *, seconds: float = SECONDS, program: str = "dot") -> Placed | None:
    """Run a layout on DOT text whose edges carry their number as `id`; None where it fails or takes too long."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, program],
            input=dot.encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode or not done.stdout:
        return None
    return _read(json.loads(done.stdout))


def _numbers(text: str) -> list[float]:
    return [float(value) for value in text.split(",")]


def _read(found: Mapping[str, Any]) -> Placed:
    _, _, across, high = _numbers(found["bb"])
    made = Placed(across, high)
    for thing in found.get("objects", ()):
        if "pos" in thing:
            x, y = _numbers(thing["pos"])
            made.nodes[thing["name"]] = (x, high - y)
        elif "bb" in thing:
            x0, y0, x1, y1 = _numbers(thing["bb"])
            made.clusters[thing["name"]] = (x0, high - y1, x1, high - y0)
    for edge in found.get("edges", ()):
        made.curves[int(edge["id"])] = _curve(edge.get("pos", ""), high)
    return made


def _curve(pos: str, high: float) -> list[Point]:
    """Control points of a cubic spline, ending at the arrowhead's tip."""
    tip: list[Point] = []
    points: list[Point] = []
    for word in pos.split():
        if word.startswith("e,"):
            x, y = _numbers(word[2:])
            tip = [(x, high - y)]
        elif not word.startswith("s,"):
            x, y = _numbers(word)
            points.append((x, high - y))
    return points + tip


def layered(sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]) -> Placed:
    """A plain placement for when Graphviz gives none: rows by longest path from the inputs, in the given order."""
    rank = dict.fromkeys(sizes, 0)
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    for name in sizes:
        for target in after.get(name, ()):
            rank[target] = max(rank[target], rank[name] + 1)
    rows: dict[int, list[str]] = {}
    for name in sizes:
        rows.setdefault(rank[name], []).append(name)
    across = max((sum(sizes[n][0] + 16 for n in row) for row in rows.values()), default=0.0)
    made = Placed(across, 0.0)
    for _, row in sorted(rows.items()):
        x = (across - sum(sizes[n][0] + 16 for n in row)) / 2
        tall = max(sizes[n][1] for n in row)
        for name in row:
            made.nodes[name] = (x + sizes[name][0] / 2 + 8, made.height + tall / 2)
            x += sizes[name][0] + 16
        made.height += tall + 28
    for number, (source, target) in enumerate(edges):
        (x0, y0), (x1, y1) = made.nodes[source], made.nodes[target]
        start, end = (x0, y0 + sizes[source][1] / 2), (x1, y1 - sizes[target][1] / 2)
        bend = (end[1] - start[1]) / 2
        made.curves[number] = [start, (x0, start[1] + bend), (x1, end[1] - bend), end, end]
    return made
