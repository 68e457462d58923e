"""What figures say of towers, positions, reduced keys, transposed convolutions and single values."""

import re

import pytest

from irgen.ir.architecture import Architecture, Block, Embedding, Head, Link, Part, Port, Stack
from irgen.renderers.svg import render
from irgen.views import block, overview
from irgen.views.captions import caption
from irgen.views.heads import output_pill
from irgen.views.numbers import shape
from irgen.views.summary import subtitle_of
from irgen.views.towers import name, split
from irgen.views.words import Words
from tests.figures.architectures import ALL
from tests.figures.checker import check

EN = Words("en")


def attention(**facts):
    return Part("self-attention", {"heads": 12, "kv_heads": 12, "head_dim": 64, "mask": "bidirectional", **facts})


def stack(title, role, reads, *sublayers):
    return Stack(title, role, 768, [Block([0, 1], "pre-norm", "layernorm", list(sublayers))], reads)


def speech_maker():
    """A codec that listens, a text encoder with a relative bias, a decoder, a codec that speaks."""
    lift = Part("convolution", {"channels": 64, "kernel": [8], "stride": [4], "transposed": True})
    stacks = [
        stack("codec1", "codec", ["input:1"], Part("convolution", {"channels": 64, "kernel": [7]})),
        stack("encoder", "encoder", ["embedding:0"], attention(position="relative-bias")),
        stack("decoder", "decoder", ["embedding:1", "codec1"], attention(mask="causal")),
        stack("codec2", "codec", ["embedding:2", "decoder"], lift),
    ]
    embeddings = [Embedding("token", 999, 768, 0), Embedding("codebook", 99, 768, 0), Embedding("token", 99, 768, 0)]
    inputs = [Port("a", "int64", ("batch", "seq")), Port("b", "float32", ("batch", 1, 4000))]
    outputs = [Port("y", "float32", ("batch", 1, 4000))]
    return Architecture(
        "composite", 9, 9, 9, inputs, outputs, embeddings, stacks, [], Head("none", None, None, "codec2")
    )


def drawn(found, **options):
    scene = overview.VIEW(found, title="x", **options)
    assert check(render(scene)) == []
    return [f"{node.title} {node.caption}".replace("\n", " ") for node in scene.nodes]


def test_towers_are_called_by_their_role():
    found = speech_maker()
    towers = split(found)
    name(found, towers, EN)
    assert [tower.label for tower in towers] == ["Codec encoder", "Text encoder", "Decoder", "Codec decoder"]


def test_positions_of_one_tower_are_not_said_of_the_whole_model():
    found = speech_maker()
    assert "relative" not in subtitle_of(found, EN)
    found.stacks[2].blocks[0].sublayers[0].facts["position"] = "relative-bias"
    assert "relative position bias" in subtitle_of(found, EN)


def test_target_tokens_need_an_encoder_that_reads_tokens():
    assert not any("Target tokens" in said for said in drawn(ALL["idefics2"]()))
    assert any("Target tokens" in said for said in drawn(ALL["t5"]()))


def test_interleaved_streams_are_scattered_tokens():
    found = ALL["idefics2"]()
    found.links = [Link(link.source, link.target, "interleave" if link.target == "decoder" else link.kind)
                   for link in found.links]  # fmt: skip
    said = drawn(found)
    assert any("Token scatter" in one for one in said)
    assert not any("Concat" in one for one in said)


@pytest.mark.parametrize("width", [360, 720, 1080])
def test_reduced_keys_and_convolutions_inside_are_drawn(width):
    found = ALL["segformer"]()
    for one in found.stacks:
        for part in one.blocks[0].sublayers:
            part.facts |= {"kv_reduction": 8} if part.kind == "self-attention" else {"conv_kernel": 3}
    said = " | ".join(drawn(found, width=width))
    assert "K, V ÷ 8²" in said
    if width > 360:
        assert "Spatial reduction" in said
        assert re.search(r"Depthwise conv\s3 × 3", said)


def test_transposed_convolutions_say_so():
    part = Part("convolution", {"channels": 64, "kernel": [8], "stride": [4], "transposed": True})
    said = caption(part, None, EN)
    assert said.title == "Transposed conv"
    assert "upsample × 4" in said.note
    assert "stride" not in said.note
    assert "upsample × 4" in " ".join(drawn(speech_maker()))


def test_a_single_value_is_a_scalar():
    assert shape(()) == "scalar"


def test_hidden_states_need_a_stack():
    found = speech_maker()
    assert output_pill(found, EN).title == "Hidden states"
    found.stacks = []
    assert output_pill(found, EN).title == "Output"


def test_panels_of_stages_say_which_stage_they_show():
    labels = [group.label for group in overview.VIEW(ALL["segformer"](), title="x").groups if group.label]
    panels = [label for label in labels if label.startswith(("Block", "Self-attention", "Feed-forward"))]
    assert panels
    assert all("stage" in label for label in panels)


def test_a_residual_tap_stands_clear_of_the_fork_of_keys_and_queries():
    scene = block.VIEW(ALL["bert"](), title="x")
    tap = max(edge.points[0][1] for edge in scene.edges if edge.tap)
    fork = max(edge.points[1][1] for edge in scene.edges if len(edge.points) == 4 and not edge.tap)
    assert tap - fork >= 12
