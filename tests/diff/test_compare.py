"""Changes that are easier made in what recognition found than in a model: links, memories, stacks, towers renamed."""

from copy import deepcopy

from irgen.diff.apply import apply
from irgen.diff.compare import diff
from irgen.diff.outline import outline
from irgen.diff.text import lines
from irgen.ir.architecture import Architecture, Link, Part
from tests.diff.golden import system


def told(a: Architecture, b: Architecture) -> list[str]:
    found = diff(a, b)
    assert apply(found, outline(a)) == outline(b)
    assert diff(b, a) == found.mirrored()
    return lines(change for change in found.changes if change.kind != "total")


def test_a_new_skip_is_one_link():
    other = deepcopy(system("t5"))
    other.links.append(Link("encoder", "decoder", "skip"))
    assert told(system("t5"), other) == ["+ link: skip: from encoder, to decoder"]


def test_another_memory_is_rewired():
    other = deepcopy(system("t5"))
    other.stacks[1].blocks[0].sublayers[1].facts["memory"] = "decoder"
    other.links[0] = Link("decoder", "decoder", "cross-attention")
    (change,) = diff(system("t5"), other).changes
    assert change.kind == "rewired"
    assert told(system("t5"), other) == ["~ decoder.block.cross-attention: memory encoder → decoder"]


def test_a_stack_that_goes_takes_its_links_and_the_family_with_it():
    other = deepcopy(system("t5"))
    decoder = other.stacks.pop()
    other.links.clear()
    other.family, other.head.reads = "encoder-only", "encoder"
    found = told(system("t5"), other)
    assert decoder.name == "decoder"
    assert found[0] == "- decoder: 12 layers of width 768, self-attention + cross-attention + feed-forward"
    assert not any(line.startswith(("~ model: family", "- link", "~ token: feeds")) for line in found)


def test_stacks_of_other_names_are_the_same_stacks():
    other = deepcopy(system("bart"))
    for old, new in (("encoder", "first"), ("decoder", "second")):
        for stack in other.stacks:
            stack.name = new if stack.name == old else stack.name
            for block in stack.blocks:
                for part in block.sublayers:
                    if part.facts.get("memory") == old:
                        part.facts["memory"] = new
        other.head.reads = new if other.head.reads == old else other.head.reads
    other.links = [Link("first", "second", link.kind) for link in other.links]
    assert not diff(system("bart"), other)


def test_a_sublayer_put_elsewhere_changed_its_place():
    other = deepcopy(system("t5"))
    parts = other.stacks[1].blocks[0].sublayers
    parts.append(parts.pop(1))
    (change,) = diff(system("t5"), other).changes
    assert (change.kind, change.where, change.old, change.new) == (
        "reordered",
        "decoder.block.cross-attention",
        1,
        2,
    ) or (change.where == "decoder.block.feed-forward")
    assert len(told(system("t5"), other)) == 1


def test_an_inserted_sublayer_does_not_shift_what_follows():
    other = deepcopy(system("t5"))
    other.stacks[0].blocks[0].sublayers.insert(0, Part("fourier", {"width": 768}, form="pre-norm"))
    assert told(system("t5"), other) == ["+ encoder.block.fourier"]


def test_inputs_and_outputs_in_number_are_told_last():
    other = deepcopy(system("bert"))
    other.inputs.pop()
    other.stacks[0].blocks[0].sublayers[0].facts["mask"] = "causal"
    found = diff(system("bert"), other)
    assert [c.where.split()[0] for c in found.changes] == ["input", "encoder.block.self-attention"]


def test_unknown_operators_count():
    other = deepcopy(system("bert"))
    other.unknown = {"roll": 2}
    assert told(system("bert"), other) == ["~ model: unknown none → 2 roll"]
