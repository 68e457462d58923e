"""Overviews of hand-written and random architectures: legal, true to the architecture, the same on every run."""

import os
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irgen.renderers.svg import render
from irgen.views import block, overview
from tests.figures.architectures import ALL
from tests.figures.checker import check, read
from tests.figures.strategies import architectures, names

FEW = ("gpt2", "bert", "t5", "mixtral", "gpt_oss", "swin", "idefics2")


@pytest.mark.parametrize("width", [360, 720, 1080])
@pytest.mark.parametrize("name", ALL)
def test_every_overview_is_legal(name, width):
    assert check(render(overview.VIEW(ALL[name](), title=name, width=width))) == []


@pytest.mark.parametrize("width", [360, 720])
@pytest.mark.parametrize("name", FEW)
def test_korean_overviews_are_legal(name, width):
    assert check(render(overview.VIEW(ALL[name](), title=name, lang="ko", width=width))) == []


@pytest.mark.parametrize("name", ALL)
def test_every_block_view_is_legal(name):
    assert check(render(block.VIEW(ALL[name](), title=name))) == []


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(architectures(), names, st.sampled_from([360, 720, 1080]), st.sampled_from(["en", "ko"]))
def test_any_architecture_gives_a_legal_figure(found, title, width, lang):
    assert check(render(overview.VIEW(found, title=title, width=width, lang=lang)), skip=("small",)) == []


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(architectures(3), names)
def test_any_block_gives_a_legal_figure(found, title):
    assert check(render(block.VIEW(found, title=title)), skip=("small",)) == []


def shown(svg: bytes) -> str:
    return "\n".join(word.shown for word in read(svg).words)


@pytest.mark.parametrize("name", ["gpt2", "bert", "llama", "starcoder2", "mixtral", "mamba", "t5"])
def test_numbers_in_the_figure_are_those_of_the_architecture(name):
    found = ALL[name]()
    text = shown(render(overview.VIEW(found, title=name)))
    for stack in found.stacks:
        assert f"× {stack.layers}" in text
        assert f"{stack.width:,}" in text
        for one in stack.blocks:
            for part in one.sublayers:
                for key in ("heads", "experts", "top_k", "hidden", "inner"):
                    if part.facts.get(key):
                        assert f"{part.facts[key]:,}" in text, (key, part.facts[key])
    for embedding in found.embeddings:
        assert f"{embedding.size:,}" in text


@pytest.mark.parametrize("name", ALL)
def test_every_layer_is_drawn_or_covered_by_a_badge(name):
    """Badges times what they enclose, and boxes that count themselves, add up to the layers of all stacks."""
    found = ALL[name]()
    scene = overview.VIEW(found, title=name)
    total = sum(stack.layers for stack in found.stacks)
    drawn = 0
    groups = {group.id: group for group in scene.groups}

    def times(parent):
        count = 1
        while parent:
            group = groups[parent]
            count *= int(group.badge.text.removeprefix("× ").replace(",", "")) if group.badge else 1
            parent = group.parent
        return count

    for group in scene.groups:
        if re.fullmatch(r"s\d+\.\d+", group.id):
            drawn += times(group.id)
    for node in scene.nodes:
        if re.fullmatch(r"(s\d+\.(\d+|r\d+|f\d+|s|s\d+)|g\d+\.s\d*)", node.id):
            label = re.search("×\xa0(\\d+)", node.title)
            drawn += (int(label[1]) if label else 1) * times(node.group)
        elif re.fullmatch(r"s\d+\.\d+\.a\d+", node.id) and not any(
            g.id == node.id.rpartition(".")[0] for g in scene.groups
        ):
            drawn += 1
    assert drawn == total


def test_the_badge_follows_the_number_of_layers():
    found = ALL["gpt2"]()
    found.stacks[0].blocks[0].at = list(range(7))
    assert "× 7" in shown(render(overview.VIEW(found, title="x")))


def test_two_runs_give_the_same_bytes():
    code = (
        "from tests.figures.architectures import ALL; from irgen.views.overview import VIEW;"
        "from irgen.renderers.svg import render; import hashlib;"
        "figures = [render(VIEW(ALL[n](), title=n)) for n in ('gpt_oss', 't5', 'swin')];"
        "print(hashlib.sha256(b''.join(figures)).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(runs) == 1


HOSTILE = '</text><script>alert("x")</script>\u202e\u200b\x00]]>&amp;\ud800'


def test_hostile_names_are_shown_and_nothing_more():
    found = ALL["gpt2"]()
    found.inputs[0] = type(found.inputs[0])(HOSTILE, "int64", (HOSTILE, 3))
    found.outputs[0] = type(found.outputs[0])(HOSTILE, "float32", (HOSTILE,))
    found.stacks[0].name = HOSTILE
    found.unknown = {HOSTILE: 3}
    for part in found.stacks[0].blocks[0].sublayers:
        part.facts["activation"] = part.facts["mask"] = HOSTILE
    svg = render(overview.VIEW(found, title=HOSTILE, subtitle=HOSTILE, note=HOSTILE))
    assert check(svg) == []
    assert b"<script" not in svg
    assert "\u202e" not in svg.decode()
    assert "\u200b" not in svg.decode()


def test_markup_in_a_name_stays_as_it_is_written():
    assert "a_{b}^{c}\\d" in shown(render(overview.VIEW(ALL["gpt2"](), title="a_{b}^{c}\\d")))


def test_what_was_not_recognised_is_named():
    text = shown(render(overview.VIEW(ALL["unknown"](), title="x")))
    assert "Unrecognised" in text
    assert "scatter 3" in text


def test_korean_figures_speak_korean():
    svg = render(overview.VIEW(ALL["t5"](), title="T5", lang="ko"))
    text = shown(svg)
    for word in ("교차 어텐션", "셀프 어텐션", "피드포워드", "잔차 연결", "임베딩", "인코더", "디코더", "파라미터"):
        assert word in text
    assert b'lang="ko"' in svg


def test_towers_under_one_another_are_joined_by_an_arrow_round_them():
    scene = overview.VIEW(ALL["t5"](), title="T5", width=360)
    assert [e.target for e in scene.edges if e.kind == "cross"] == [n.id for n in scene.nodes if n.role == "cross"]


def test_the_memory_of_a_tower_that_no_arrow_reaches_is_said(monkeypatch):
    monkeypatch.setattr("irgen.views.layout.harness.Harness.lay", lambda *_: False)
    text = shown(render(overview.VIEW(ALL["t5"](), title="T5", width=360)))
    assert "K, V from Encoder" in text.replace("\n", " ")


def test_an_arrow_carries_keys_and_values_between_neighbours():
    edges = {(e.source, e.target) for e in overview.VIEW(ALL["t5"](), title="T5").edges if e.kind == "cross"}
    assert len(edges) == 1
