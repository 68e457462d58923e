"""PNG, PDF, HTML, Mermaid and DOT of the same scenes."""

import re
import struct
import xml.etree.ElementTree as ET
import zlib

import pytest

from irgen.errors import OutputError
from irgen.renderers import FORMATS, dot, html, mermaid, pdf, png, render
from irgen.scene import Edge, Node, Scene
from irgen.views.layout.graphviz import place
from irgen.views.overview import VIEW
from tests.figures.architectures import ALL


@pytest.fixture(scope="module")
def scenes():
    return [VIEW(ALL[name](), title=name, lang=lang) for name, lang in (("t5", "en"), ("swin", "en"), ("mamba", "ko"))]


def size(data: bytes) -> tuple[int, int]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


def test_png_has_the_size_of_the_figure_times_the_scale(scenes):
    for scene in scenes:
        assert size(png.render(scene, scale=1.0)) == (round(scene.width), round(scene.height))
    assert size(png.render(scenes[0])) == (round(2 * scenes[0].width), round(2 * scenes[0].height))


def test_png_of_a_very_long_figure_stays_within_bounds():
    assert max(size(png.render(Scene("s", "t", "d", 360, 60_000)))) <= png.LARGEST


def test_png_themes_differ(scenes):
    assert png.render(scenes[0], "dark", scale=0.5) != png.render(scenes[0], "light", scale=0.5)


def objects(data: bytes) -> dict[int, bytes]:
    """The objects of a PDF as its cross-reference table finds them."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF", data)[1])
    rows = re.findall(rb"(\d{10}) 00000 n ", data[start:])
    found = {}
    for number, row in enumerate(rows, 1):
        body = data[int(row) :]
        assert body.startswith(b"%d 0 obj\n" % number)
        found[number] = body[: body.index(b"endobj")]
    return found


def test_pdf_is_one_page_of_vectors_and_text(scenes):
    for scene in scenes:
        found = objects(pdf.render(scene))
        assert b"/Count 1" in found[2]
        assert b"/MediaBox [0 0 540 " in found[3]
        stream = zlib.decompress(found[4].split(b"stream\n", 1)[1].rsplit(b"\nendstream", 1)[0])
        assert stream.count(b"Tj") >= len(scene.nodes)
        assert stream.count(b" q ") + stream.count(b"\nq ") >= len(scene.nodes)


def test_pdf_text_is_the_text_of_the_figure():
    found = objects(pdf.render(VIEW(ALL["gpt2"](), title="GPT-2")))
    stream = zlib.decompress(found[4].split(b"stream\n", 1)[1].rsplit(b"\nendstream", 1)[0]).decode()
    assert f"<{b'Token embedding'.hex()}> Tj" in stream
    assert f"<{b'GPT-2'.hex()}> Tj" in stream


def test_html_holds_the_figure_and_loads_nothing(scenes):
    for scene in scenes:
        text = html.render(scene).decode()
        assert text.startswith("<!DOCTYPE html>")
        assert text.count("<svg ") == 1
        assert "<script" not in text
        assert re.findall(r"(?:src|href)=", text) == []
        assert f'lang="{scene.lang}"' in text


def test_mermaid_names_every_box_and_arrow(scenes):
    for scene in scenes:
        text = mermaid.render(scene).decode()
        assert text.splitlines()[3] == "flowchart BT"
        assert len(re.findall(r":::", text)) == len(scene.nodes)
        assert text.count("subgraph ") == len(scene.groups)
        assert text.count("  end") == len(scene.groups)
        arrows = len(re.findall(r"^  n\d+ (?:-->|-\.->|==>)", text, re.MULTILINE))
        assert arrows == len(scene.edges)


def test_graphviz_draws_the_dot_text(scenes):
    for scene in scenes:
        numbered = dot.render(scene).decode().replace("  edge [", '  edge [id="0", ')
        placed = place(numbered)
        assert placed is not None
        assert set(placed.nodes) == {node.id for node in scene.nodes}


EVIL = 'a"b\\c]; } <b> `x` |{}|\n%% --> end'


def test_hostile_labels_stay_labels():
    scene = Scene("s", EVIL, EVIL, 360, 100)
    scene.nodes = [Node(EVIL, "io", "box", 1, 1, 9, 9, EVIL, EVIL, EVIL), Node("b", "odd", "box", 1, 1, 9, 9)]
    scene.edges = [Edge(EVIL, "b", "flow", [(1, 1), (1, 9)]), Edge("b", "b", "flow", [(1, 1), (1, 9)])]
    placed = place(dot.render(scene).decode().replace("  edge [", '  edge [id="0", '))
    assert placed is not None
    assert len(placed.nodes) == 2
    text = mermaid.render(scene).decode()
    assert all(re.match(r'(---|title: "|flowchart|  n\d|  classDef)', line) for line in text.splitlines())
    assert '\\"' not in text
    ET.fromstring(html.render(scene).decode().split("<body>")[1].split("</body>")[0])


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_bytes_again(suffix, scenes):
    assert render(scenes[0], suffix, "light") == render(scenes[0], suffix, "light")


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_takes_an_empty_scene(suffix):
    assert render(Scene("s", "t", "d", 360, 100), suffix, "light")


def test_unknown_formats_and_themes_are_refused(scenes):
    with pytest.raises(OutputError, match="unknown format"):
        render(scenes[0], ".gif")
    with pytest.raises(OutputError, match="unknown theme"):
        render(scenes[0], ".svg", "sepia")
