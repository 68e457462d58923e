"""Scene to PNG through resvg, at twice the size of the figure unless told otherwise."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from irgen.errors import RenderError
from irgen.renderers import svg
from irgen.renderers.tokens import baked
from irgen.scene import Scene

LARGEST = 16_000

KOREAN = "Pretendard,'Noto Sans KR','Noto Sans CJK KR','Apple SD Gothic Neo','Malgun Gothic',"
"""Fonts put first in Korean figures, since resvg looks for a missing letter in any font, serif ones too."""


def render(scene: Scene, theme: str = "light", *, scale: float = 2.0) -> bytes:
    """The figure as PNG bytes; `auto` means light. RenderError without the `png` extra or for a picture too large."""
    try:
        resvg: Any = import_module("resvg_py")
    except ImportError as missing:
        raise RenderError("PNG needs resvg-py", fix="pip install '.[png]' in the folder of irgen's clone") from missing
    scale = min(scale, LARGEST / max(scene.width, scene.height))
    document = svg.render(scene, baked(theme)).decode("utf-8")
    if scene.lang == "ko":
        document = document.replace("font-family:", f"font-family:{KOREAN}", 1)
    wide = max(1, round(scene.width * scale))
    return bytes(resvg.svg_to_bytes(svg_string=document, width=wide, sans_serif_family="Inter"))


RENDERER = render
