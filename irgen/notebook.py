"""Display in Jupyter: the figure as SVG, with a line of text for front-ends that show no pictures."""

from __future__ import annotations


def bundle(svg: bytes, text: str) -> dict[str, str]:
    """The MIME bundle of a figure."""
    return {"image/svg+xml": svg.decode(), "text/plain": text}
