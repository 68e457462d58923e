"""The figure of a diff: what changed has colour and a chip, what did not is quiet."""

from dataclasses import replace

from irgen.diff.compare import diff
from irgen.ir.architecture import Architecture
from irgen.scene import Scene
from irgen.views import changes
from tests.diff.golden import system


def drawn(a: str, b: str) -> Scene:
    return changes.draw(system(a), system(b), diff(system(a), system(b)), titles=(a, b))


def titles(scene: Scene, *roles: str) -> set[str]:
    return {node.title for node in scene.nodes if node.role in roles}


def test_what_changed_has_its_colour_and_what_did_not_is_quiet():
    scene = drawn("gpt2", "llama")
    assert {"Token embedding", "Logits", "Token ids"} <= titles(scene, "same")
    assert {
        "RMSNorm",
        "LayerNorm",
        "Masked self-attention",
        "Feed-forward",
        "Gated feed-forward",
        "Position embedding",
    } <= titles(scene, "norm", "attn", "ffn", "embed")
    assert not {"Masked self-attention", "RMSNorm"} & titles(scene, "same")


def test_chips_say_before_and_after():
    said = titles(drawn("llama", "mixtral"), "chg")
    assert said == {"feed forward → moe", "MHA → GQA"}


def test_a_norm_that_changes_everywhere_is_said_once_in_a_block():
    said = [n.title for n in drawn("gpt2", "llama").nodes if n.role == "chg"]
    assert said.count("LayerNorm → RMSNorm") == 2, "one for the block, one for the last norm"


def test_rows_stand_level():
    scene = drawn("gpt2", "llama")
    places = {n.id: n.y + n.h / 2 for n in scene.nodes}
    pairs = [("a.h", "b.h"), ("a.s0.0.p2", "b.s0.0.p2"), ("a.s0.0.p5", "b.s0.0.p5"), ("a.out", "b.out")]
    assert all(abs(places[a] - places[b]) < 0.5 for a, b in pairs)


def test_the_count_of_layers_that_changed_is_marked_on_the_new_side():
    badges = {g.id: g.badge for g in drawn("bert", "distilbert").groups if g.badge}
    assert {name[0]: badge.new for name, badge in badges.items() if badge} == {"a": False, "b": True}


def test_the_table_shows_both_models():
    texts = {(t.text, t.style) for t in drawn("llama", "mixtral").texts}
    assert ("6.74 B", "v") in texts
    assert ("46.7 B", "v new") in texts


def test_models_without_a_stack_have_a_column_each():
    bare: Architecture = replace(system("bert"), stacks=[], links=[])
    scene = changes.draw(bare, system("bert"), diff(bare, system("bert")), titles=("bare", "bert"))
    assert {node.id[:2] for node in scene.nodes if node.role != "chg"} == {"a.", "b."}


def test_a_chip_for_every_part_that_was_replaced():
    scene = drawn("mamba", "recurrentgemma")
    assert any(node.title.startswith("selective-scan") for node in scene.nodes if node.role == "chg")
