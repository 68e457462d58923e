"""Scene to bytes, one format in a file.

A renderer is a file here with a constant `RENDERER`, a function `(scene, theme="auto") -> bytes`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from irgen.errors import OutputError
from irgen.scene import Scene

FORMATS: dict[str, str] = {
    ".svg": "svg", ".png": "png", ".pdf": "pdf", ".html": "html", ".mmd": "mermaid", ".dot": "dot",
}  # fmt: skip
"""File suffix to the renderer that writes it."""

THEMES = ("auto", "light", "dark", "print")


def render(scene: Scene, suffix: str, theme: str = "auto", **options: Any) -> bytes:
    """Write a scene in the format of a file suffix; OutputError where there is none."""
    if suffix not in FORMATS:
        raise OutputError(f"unknown format {suffix!r}", fix=f"one of {', '.join(FORMATS)}")
    if theme not in THEMES:
        raise OutputError(f"unknown theme {theme!r}", fix=f"one of {', '.join(THEMES)}")
    return import_module(f"irgen.renderers.{FORMATS[suffix]}").RENDERER(scene, theme, **options)
