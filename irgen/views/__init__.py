"""Architecture to Scene: what a figure shows and where it stands.

A view is a file here with a constant `VIEW`, a function
`(architecture, regions=(), graph=None, *, title, subtitle=None, lang="en", width=720, note=None) -> Scene`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from irgen.errors import OutputError
from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.scene import Scene

NAMES = ("overview", "block", "ops")
"""Views of one model; `changes` draws two and is called by itself."""

WIDTHS = (360, 720, 1080)


def draw(
    view: str, architecture: Architecture, regions: Sequence[Region] = (), graph: Graph | None = None, **options: Any
) -> Scene:
    """Draw by the name of the view; OutputError where there is none of that name."""
    if view not in NAMES:
        raise OutputError(f"unknown view {view!r}", fix=f"one of {', '.join(NAMES)}")
    return import_module(f"irgen.views.{view}").VIEW(architecture, regions, graph, **options)
