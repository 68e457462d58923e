"""Scene to SVG: absolute coordinates, text as text, no transforms, markers, scripts or foreign content."""

from __future__ import annotations

import re

from irgen.renderers.paths import aimed, elbow, heads, number, ring, signs, spline
from irgen.renderers.style import sheet
from irgen.scene import Edge, Group, Node, Point, Scene, Text, plain, runs

SIZES = {"h": 20.0, "v": 14.0, "t": 13.0, "g": 12.0, "b": 12.0, "s": 11.0, "l": 11.0, "k": 11.0}


INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""


def escape(text: str) -> str:
    """Text as XML character data and attribute value."""
    text = INVALID.sub("", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


class _Writer:
    """Collects the elements of one figure and the style classes that they use."""

    def __init__(self, scene: Scene, background: bool) -> None:
        self.scene = scene
        self.background = background
        self.used: set[str] = set()
        self.out: list[str] = []

    def cls(self, *names: str) -> str:
        """A class attribute, remembered for the style sheet."""
        self.used.update(names)
        return f'class="{" ".join(names)}"'

    def rect(self, cls: str, x: float, y: float, w: float, h: float, rx: float, more: str = "") -> str:
        """A rectangle with round corners."""
        at = f'x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}"'
        return f'<rect {cls} {at} rx="{number(rx)}"{more}/>'

    def path(self, cls: str, d: str, more: str = "") -> str:
        """A path."""
        return f'<path {cls}{more} d="{d}"/>'

    def text(self, text: Text, *more: str) -> str:
        """One line of text; sub- and superscripts are shifted runs."""
        style, *also = text.style.split()
        more = (*also, *more)
        anchored = style in "tsb"
        if text.anchor == "middle" and not anchored:
            more = (*more, "m")
        if text.anchor == "end":
            more = (*more, "z")
        size = SIZES[style]
        body: list[str] = []
        shifted = 0.0
        for run, place in runs(text.text):
            rise = {"": 0.0, "_": 0.22, "^": -0.34}[place] * size
            moved = rise - shifted
            shown = run
            attributes = f' dy="{number(moved)}"' if moved else ""
            if place:
                attributes += f' font-size="{number(0.75 * size, 2)}"'
            elif moved and run.startswith(" "):
                attributes += f' dx="{number(0.28 * size)}"'
                shown = run[1:]
            shifted = rise
            body.append(f"<tspan{attributes}>{escape(shown)}</tspan>" if attributes else escape(shown))
        return f'<text {self.cls(style, *more)} x="{number(text.x)}" y="{number(text.y)}">{"".join(body)}</text>'

    def write(self, theme: str) -> str:
        """The whole document."""
        scene = self.scene
        self._ground()
        for group in scene.groups:
            self._group(group)
        for corners in scene.wedges:
            self._wedge(corners)
        for mark in scene.marks:
            self.out.append(self.path(self.cls(mark.style), mark.d))
        for edge in scene.edges:
            self._edge(edge)
        self._heads()
        for group in scene.groups:
            if group.badge:
                badge = group.badge
                self.out.append(
                    self.rect(
                        self.cls("pnew" if badge.new else "pill"), badge.x - badge.w / 2, badge.y - 11, badge.w, 22, 11
                    )
                )
        for edge in scene.edges:
            if edge.chip:
                ground = "pn" if edge.label and edge.label.style == "pn" else "bg"
                self.out.append(self.rect(self.cls(ground), *edge.chip, 4))
        for node in scene.nodes:
            self._node(node)
        self._legend()
        self._texts()
        return self._document("".join(self.out), theme)

    def _document(self, body: str, theme: str) -> str:
        scene = self.scene
        w, h = number(scene.width), number(scene.height)
        name = escape(scene.slug)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ir" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
            f'role="img" aria-labelledby="{name}-t {name}-d" lang="{escape(scene.lang)}">'
            f'<title id="{name}-t">{escape(plain(scene.title))}</title>'
            f'<desc id="{name}-d">{escape(plain(scene.desc))}</desc>'
            f"<style>{sheet(self.used, theme)}</style>{body}</svg>"
        )

    def _ground(self) -> None:
        scene = self.scene
        if self.background:
            self.out.append(self.rect(self.cls("bg"), 0, 0, scene.width, scene.height, 12))
        if scene.rules:
            d = "".join(f"M{number(x0)} {number(y)}H{number(x1)}" for x0, x1, y in scene.rules)
            self.out.append(self.path(self.cls("hr"), d))

    def _group(self, group: Group) -> None:
        cls = self.cls("pn" if group.depth % 2 else "gr")
        rx = 12 if group.cards else 10
        for card in range(group.cards, 0, -1):
            self.out.append(self.rect(cls, group.x + 4 * card, group.y - 4 * card, group.w, group.h, rx))
        self.out.append(self.rect(cls, group.x, group.y, group.w, group.h, rx, f' data-g="{escape(group.id)}"'))

    def _wedge(self, corners: list[Point]) -> None:
        (a, b), (c, d), (e, f), (g, h) = [(number(x), number(y)) for x, y in corners]
        self.out.append(self.path(self.cls("zf"), f"M{a} {b}L{c} {d}L{e} {f}L{g} {h}Z"))
        self.out.append(self.path(self.cls("zoom"), f"M{a} {b}L{c} {d}M{e} {f}L{g} {h}"))

    def _edge_class(self, edge: Edge) -> str:
        if edge.kind in ("idle", "ld"):
            return edge.kind
        return f"e-{edge.role}" if edge.role else "e"

    def _edge(self, edge: Edge) -> None:
        name = f' data-e="{escape(edge.source)}&gt;{escape(edge.target)}"'
        self.out.append(
            self.path(
                self.cls(self._edge_class(edge)),
                spline(edge.points) if edge.curved else elbow(edge.points, edge.head),
                name,
            )
        )

    def _heads(self) -> None:
        tips: dict[str, list[str]] = {}
        for edge in self.scene.edges:
            if edge.head:
                cls = "ai" if edge.kind == "idle" else f"a-{edge.role}" if edge.role else "a"
                tips.setdefault(cls, []).append(aimed(edge.points) if edge.curved else heads(edge.points))
        for cls, lines in tips.items():
            self.out.append(self.path(self.cls(cls), "".join(lines)))
        taps: dict[str, dict[Point, None]] = {}
        for edge in self.scene.edges:
            if edge.tap:
                taps.setdefault(f"a-{edge.role}" if edge.role else "a", {})[edge.points[0]] = None
        for cls, dots in taps.items():
            d = "".join(ring(x, y, 2.5) for x, y in dots)
            self.out.append(self.path(self.cls(cls), d))

    def _node(self, node: Node) -> None:
        rx = 11.0 if node.shape == "joint" else min(node.h / 2, 16) if node.shape in ("pill", "port") else 8.0
        if node.shape == "chip" and node.h < 40:
            rx = 6.0
        role = "un" if node.role == "off" and node.shape != "chip" else node.role
        muted = ("u",) if node.role in ("off", "same") else ()
        names = (role,) if role in ("un", "chg") else ("n", role)
        cls = self.cls("n", "off") if node.dashed and node.shape == "chip" else self.cls(*names)
        parts = [f'<g data-n="{escape(node.id)}"><title>{escape(node.tooltip)}</title>']
        for card in range(node.cards, 0, -1):
            parts.append(self.rect(cls, node.x + 3 * card, node.y - 3 * card, node.w, node.h, rx))
        if node.shape == "joint":
            x, y = node.x + node.w / 2, node.y + node.h / 2
            parts.append(f'<circle {cls} cx="{number(x)}" cy="{number(y)}" r="{number(node.w / 2)}"/>')
            parts.append(self.path(self.cls("j"), signs(node.sign, x, y)))
        else:
            parts.append(self.rect(cls, node.x, node.y, node.w, node.h, rx))
        parts += [self.text(text, *(muted if text.style == "t" else ())) for text in node.texts]
        parts += [self.path(self.cls(mark.style), mark.d) for mark in node.marks]
        self.out.append("".join(parts) + "</g>")

    def _legend(self) -> None:
        for key in self.scene.legend:
            x, y = key.x, key.y
            if key.sample == "line-residual":
                line = f"M{number(x)} {number(y - 1)}h6v-7h6"
                self.out.append(self.path(self.cls("e"), line))
                self.out.append(self.path(self.cls("a"), ring(x, y - 1, 2.5)))
            elif key.sample in ("line-cross", "line-recur"):
                role = "cross" if key.sample == "line-cross" else "ssm"
                tip: list[Point] = [(x, y - 4), (x + 13, y - 4)]
                self.out.append(self.path(self.cls(f"e-{role}"), elbow(tip, True)))
                self.out.append(self.path(self.cls(f"a-{role}"), heads(tip)))
            else:
                names = ("un",) if key.sample == "off" else ("n", key.sample)
                self.out.append(self.rect(self.cls(*names), x, y - 10, 12, 12, 3))
            self.out.append(self.text(Text(x + 18, y, key.label, "l")))

    def _texts(self) -> None:
        self.out += [self.text(text) for text in self.scene.texts]
        for group in self.scene.groups:
            if group.badge:
                self.out.append(self.text(Text(group.badge.x, group.badge.y + 4.5, group.badge.text, "b")))
        self.out += [self.text(edge.label) for edge in self.scene.edges if edge.label]


def render(scene: Scene, theme: str = "auto", *, background: bool = True) -> bytes:
    """The figure as an SVG document in UTF-8; `theme` is auto, light or dark."""
    return _Writer(scene, background).write(theme).encode("utf-8")


RENDERER = render
