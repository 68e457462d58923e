"""SVG: themes, escaping, and what other programs make of it."""

import re
import xml.etree.ElementTree as ET

import pytest
import resvg_py

from irgen.renderers import svg
from irgen.renderers.tokens import ROLES
from irgen.scene import Edge, Key, Node, Scene, Text
from irgen.views.overview import VIEW
from tests.figures.architectures import ALL


@pytest.fixture(scope="module")
def scene():
    return VIEW(ALL["mixtral"](), title="Mixtral")


def picture(data: bytes) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=data.decode(), width=360))


def test_a_renderer_without_variables_sees_the_light_theme(scene):
    assert picture(svg.render(scene, "auto")) == picture(svg.render(scene, "light"))
    assert picture(svg.render(scene, "auto")) != picture(svg.render(scene, "dark"))


def test_auto_holds_both_themes_and_names_every_colour(scene):
    text = svg.render(scene, "auto").decode()
    assert "prefers-color-scheme:dark" in text
    assert f"fill:var(--ir-attn-f,{ROLES['light']['attn'][0]})" in text
    assert f"--ir-attn-f:{ROLES['dark']['attn'][0]}" in text
    assert f".ir .attn{{fill:{ROLES['light']['attn'][0]}" in text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_baked_theme_has_no_variables(scene, theme):
    text = svg.render(scene, theme).decode()
    assert "var(" not in text
    assert "@" not in text
    assert ROLES[theme]["moe"][0] in text


def test_every_class_in_use_has_its_rule_and_no_other_is_written(scene):
    text = svg.render(scene, "light").decode()
    used = {name for value in re.findall(r'class="([^"]*)"', text) for name in value.split()} - {"ir"}
    ruled = set(re.findall(r"\.ir \.([\w-]+)\{", text))
    assert used == ruled


def test_the_background_can_be_left_out(scene):
    assert b'class="bg" x="0"' in svg.render(scene)
    assert b'class="bg" x="0"' not in svg.render(scene, background=False)


def test_text_cannot_become_markup():
    evil = "\"'><script>&\x00\ufffe\ud800"
    scene = Scene(evil, evil, evil, 360, 100, lang=evil)
    scene.nodes.append(Node(evil, "io", "box", 10, 10, 50, 20, tooltip=evil, texts=[Text(1, 2, evil, "t", "middle")]))
    scene.edges.append(Edge(evil, evil, "flow", [(1, 1), (1, 20)]))
    scene.legend.append(Key(1, 2, "io", evil))
    root = ET.fromstring(svg.render(scene))
    assert [el for el in root.iter() if "script" in el.tag] == []
    assert root[0].text == "\"'><script>&"


def test_sub_and_superscripts_return_to_the_line():
    scene = Scene("s", "t", "d", 360, 100)
    scene.texts.append(Text(0, 10, "h_{t−1} = QK^{T} / d", "t"))
    text = svg.render(scene).decode()
    shifts = [float(value) for value in re.findall(r'dy="([^"]*)"', text)]
    assert len(shifts) == 4
    assert abs(sum(shifts)) < 0.11
    assert 'dx="3.6">= QK' in text
