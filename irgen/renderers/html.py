"""Scene to a self-contained HTML page: the SVG inline, scaled down to the window, without scripts or outside files."""

from __future__ import annotations

from irgen.renderers import svg
from irgen.renderers.svg import escape
from irgen.renderers.tokens import UI, baked
from irgen.scene import Scene, plain

PAGE = """<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="{scheme}"><title>{title}</title>
<style>body{{margin:0;display:flex;justify-content:center;background:{bg}}}{dark}svg.ir{{max-width:100%;height:auto}}</style>
</head><body>
{figure}
</body></html>
"""


def render(scene: Scene, theme: str = "auto") -> bytes:
    """The figure as an HTML document in UTF-8."""
    ground = UI[baked(theme)]["bg"]
    dark = f"@media (prefers-color-scheme:dark){{body{{background:{UI['dark']['bg']}}}}}" if theme == "auto" else ""
    page = PAGE.format(
        lang=escape(scene.lang),
        scheme="light dark" if theme == "auto" else "dark" if theme == "dark" else "light",
        title=escape(plain(scene.title)),
        bg=ground,
        dark=dark,
        figure=svg.render(scene, theme).decode("utf-8"),
    )
    return page.encode("utf-8")


RENDERER = render
