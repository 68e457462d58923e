"""Scene to a one-page vector PDF with the standard fonts that every reader has: nothing is embedded, text stays text.

The figure's own SVG is translated element by element, so that both always show the same.
"""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator

from irgen.renderers import svg
from irgen.renderers.helvetica import glyph
from irgen.renderers.paths import number
from irgen.renderers.tokens import baked
from irgen.scene import Scene, plain

NS = "{http://www.w3.org/2000/svg}"
POINTS = 0.75
ROUND = 0.5523
Style = dict[str, str]


def rules(sheet: str) -> tuple[Style, dict[str, Style]]:
    """The style sheet of a figure: what holds for all text, and the declarations of each class."""
    base: Style = {}
    classes: dict[str, Style] = {}
    for selector, body in re.findall(r"\.ir ([^{]+)\{([^}]*)\}", sheet):
        declared = dict(part.split(":", 1) for part in body.split(";") if ":" in part)
        if selector == "text":
            base = declared
        else:
            classes[selector.removeprefix(".")] = declared
    return base, classes


def colour(value: str) -> str:
    """`#RRGGBB` as three PDF numbers."""
    return " ".join(number(int(value[at : at + 2], 16) / 255, 3) for at in (1, 3, 5))


def path(d: str) -> str:
    """SVG path data as PDF operators; the commands that figures use."""
    out: list[str] = []
    x = y = sx = sy = 0.0
    for command, text in re.findall(r"([A-Za-z])([^A-Za-z]*)", d):
        n = [float(v) for v in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]
        move = command.islower()
        kind = command.upper()
        if kind == "Z":
            out.append("h")
            x, y = sx, sy
        elif kind in "HV":
            for value in n:
                x, y = (value + (x if move else 0), y) if kind == "H" else (x, value + (y if move else 0))
                out.append(f"{number(x, 2)} {number(y, 2)} l")
        elif kind in "ML":
            for at in range(0, len(n) - 1, 2):
                x, y = n[at] + (x if move else 0), n[at + 1] + (y if move else 0)
                first = kind == "M" and at == 0
                out.append(f"{number(x, 2)} {number(y, 2)} {'m' if first else 'l'}")
                if first:
                    sx, sy = x, y
        elif kind == "Q":
            (cx, cy), (px, py) = (n[0], n[1]), (n[2], n[3])
            points = (
                x + 2 * (cx - x) / 3,
                y + 2 * (cy - y) / 3,
                px + 2 * (cx - px) / 3,
                py + 2 * (cy - py) / 3,
                px,
                py,
            )
            out.append(" ".join(number(v, 2) for v in points) + " c")
            x, y = px, py
        elif kind == "C":
            for at in range(0, len(n) - 5, 6):
                out.append(" ".join(number(v, 2) for v in n[at : at + 6]) + " c")
                x, y = n[at + 4], n[at + 5]
        elif kind == "A":
            r, dx = n[0], n[5]
            out += _half(x, y, dx, r)
            x += dx
    return " ".join(out)


def _half(x: float, y: float, dx: float, r: float) -> list[str]:
    """A half circle from (x, y) to (x + dx, y); over when going right, under when going left."""
    up = -r if dx > 0 else r
    k = ROUND
    middle = x + dx / 2
    quarter = [(x, y + k * up, middle - k * dx / 2, y + up, middle, y + up)]
    quarter.append((middle + k * dx / 2, y + up, x + dx, y + k * up, x + dx, y))
    return [" ".join(number(v, 2) for v in one) + " c" for one in quarter]


def rounded(x: float, y: float, w: float, h: float, r: float) -> str:
    """A rectangle with round corners."""
    r = min(r, w / 2, h / 2)
    k = r * (1 - ROUND)
    x1, y1 = x + w, y + h
    points = [
        ("m", x + r, y), ("l", x1 - r, y), ("c", x1 - k, y, x1, y + k, x1, y + r), ("l", x1, y1 - r),
        ("c", x1, y1 - k, x1 - k, y1, x1 - r, y1), ("l", x + r, y1), ("c", x + k, y1, x, y1 - k, x, y1 - r),
        ("l", x, y + r), ("c", x, y + k, x + k, y, x + r, y),
    ]  # fmt: skip
    return " ".join(" ".join(number(float(v), 2) for v in one[1:]) + f" {one[0]}" for one in points) + " h"


class _Page:
    """The content stream of the page."""

    def __init__(self, root: ET.Element) -> None:
        self.base, self.classes = rules("".join(el.text or "" for el in root.iter(NS + "style")))
        self.out: list[str] = []
        for el in self._elements(root):
            self._draw(el)

    def _elements(self, root: ET.Element) -> Iterator[ET.Element]:
        for el in root:
            if el.tag == NS + "g":
                yield from el
            else:
                yield el

    def _style(self, el: ET.Element) -> Style:
        wanted = (el.get("class") or "").split()
        made: Style = {}
        for name, declared in self.classes.items():
            if name in wanted:
                made.update(declared)
        return made

    def _draw(self, el: ET.Element) -> None:
        style = self._style(el)
        if el.tag == NS + "text":
            self._text(el, {**self.base, **style})
        elif el.tag == NS + "path":
            self._paint(path(el.get("d", "")), style, {"fill": "#000000"})
        elif el.tag == NS + "rect":
            x, y, w, h, r = (float(el.get(key, "0")) for key in ("x", "y", "width", "height", "rx"))
            self._paint(rounded(x, y, w, h, r), style, {})
        elif el.tag == NS + "circle":
            x, y, r = (float(el.get(key, "0")) for key in ("cx", "cy", "r"))
            self._paint(rounded(x - r, y - r, 2 * r, 2 * r, r), style, {})

    def _paint(self, d: str, style: Style, usual: Style) -> None:
        fill = style.get("fill", usual.get("fill") if "stroke" not in style else None)
        stroke = style.get("stroke")
        fill = None if fill == "none" else fill
        if not fill and not stroke:
            return
        parts = ["q"]
        if "fill-opacity" in style:
            parts.append("/Faint gs")
        if fill:
            parts.append(f"{colour(fill)} rg")
        if stroke:
            dash = style.get("stroke-dasharray", "").replace(",", " ")
            parts.append(f"{colour(stroke)} RG {style.get('stroke-width', '1')} w [{dash}] 0 d")
        parts += [d, "B" if fill and stroke else "f" if fill else "S", "Q"]
        self.out.append(" ".join(parts))

    def _text(self, el: ET.Element, style: Style) -> None:
        size = float(style.get("font-size", "13px").removesuffix("px"))
        bold = int(style.get("font-weight", "400")) >= 600
        x, y = float(el.get("x", "0")), float(el.get("y", "0"))
        runs: list[tuple[str, float, float, float]] = [(el.text or "", size, 0.0, 0.0)]
        rise = 0.0
        for span in el:
            rise += float(span.get("dy", "0"))
            runs.append((span.text or "", float(span.get("font-size", str(size))), rise, float(span.get("dx", "0"))))
        total = sum(space + extent(text, bold) * em for text, em, _, space in runs)
        anchor = style.get("text-anchor", "start")
        x -= {"start": 0.0, "middle": total / 2, "end": total}[anchor]
        self.out.append(f"BT {colour(style.get('fill', '#000000'))} rg")
        for text, em, down, space in runs:
            x += space
            for font, code, at, wide in pieces(text, bold):
                name = f"/{font}{'B' if bold and font == 'L' else ''}"
                matrix = f"1 0 0 -1 {number(x + at * em, 2)} {number(y + down, 2)} Tm"
                self.out.append(f"{name} {number(em, 2)} Tf {matrix} <{code.hex()}> Tj")
                del wide
            x += extent(text, bold) * em
        self.out.append("ET")


def pieces(text: str, bold: bool) -> list[tuple[str, bytes, float, float]]:
    """Runs of one font: its letter, the codes, where it starts and how wide it is, in em."""
    made: list[tuple[str, bytes, float, float]] = []
    at = 0.0
    before = 0.0
    for char in unicodedata.normalize("NFD", text) if "\u0304" in unicodedata.normalize("NFD", text) else text:
        if char == "\u0304":
            font, code, wide = glyph("\u00af", bold)
            made.append((font, code, at - before / 2 - wide / 2000, wide / 1000))
            continue
        if unicodedata.combining(char):
            continue
        font, code, wide = glyph(" " if char == "\xa0" else char, bold)
        before = wide / 1000
        if made and made[-1][0] == font and abs(made[-1][2] + made[-1][3] - at) < 1e-6:
            last = made[-1]
            made[-1] = (font, last[1] + code, last[2], last[3] + before)
        else:
            made.append((font, code, at, before))
        at += before
    return made


def extent(text: str, bold: bool) -> float:
    """Width of a text in em."""
    return max((at + wide for _, _, at, wide in pieces(text, bold)), default=0.0)


def _string(text: str) -> str:
    return "<feff" + text.encode("utf-16-be", "replace").hex() + ">"


def render(scene: Scene, theme: str = "light") -> bytes:
    """The figure as a PDF of one page, 0.75 points a pixel; `auto` uses the light colours."""
    root = ET.fromstring(svg.render(scene, baked(theme)))
    wide, high = scene.width * POINTS, scene.height * POINTS
    body = "\n".join([f"{POINTS} 0 0 -{POINTS} 0 {number(high, 2)} cm", *_Page(root).out])
    stream = zlib.compress(body.encode("latin-1"), 9)
    fonts = "/L 5 0 R /LB 6 0 R /S 7 0 R /K 8 0 R"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang " + _string(scene.lang).encode() + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {number(wide, 2)} {number(high, 2)}] /Contents 4 0 R /Resources "
        f"<< /Font << {fonts} >> /ExtGState << /Faint << /ca .35 >> >> >> >>".encode(),
        f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode() + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /HYGoThic-Medium-UniKS-UTF16-H /Encoding /UniKS-UTF16-H "
        b"/DescendantFonts [9 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HYGoThic-Medium /CIDSystemInfo << /Registry (Adobe) "
        b"/Ordering (Korea1) /Supplement 2 >> /DW 1000 /FontDescriptor 10 0 R >>",
        b"<< /Type /FontDescriptor /FontName /HYGoThic-Medium /Flags 4 /FontBBox [-6 -145 1003 880] /ItalicAngle 0 "
        b"/Ascent 752 /Descent -271 /CapHeight 737 /StemV 58 >>",
        f"<< /Title {_string(plain(scene.title))} /Subject {_string(plain(scene.desc))} /Producer (irgen) >>".encode(),
    ]
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    """The objects with the cross-reference table."""
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    starts: list[int] = []
    for at, body in enumerate(objects, 1):
        starts.append(len(out))
        out += f"{at} 0 obj\n".encode() + body + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for start in starts:
        out += f"{start:010d} 00000 n \n".encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode()
    out += f"startxref\n{table}\n%%EOF\n".encode()
    return bytes(out)


RENDERER = render
