"""A stream whose residual is cut somewhere is still one stack: its pieces are joined before they are compared.

Where a sublayer is not added to the stream, recognition sees the stream end and another one begin behind it. For a
comparison the sublayer belongs to its layer, with no residual around it, and the layers go on.
"""

from __future__ import annotations

from dataclasses import replace

from irgen.ir.architecture import Architecture, Block, Fact, Part, Stack


def joined(found: Architecture) -> Architecture:
    """The architecture with the pieces of cut streams joined."""
    made = found
    for stack in found.stacks:
        made = _with_last_sublayer(made, stack)
    at = 0
    while at + 1 < len(made.stacks):
        first, second = made.stacks[at], made.stacks[at + 1]
        one = _one(made, first, second)
        if one is None:
            at += 1
        else:
            rest = [*made.stacks[:at], one, *made.stacks[at + 2 :]]
            made = _called(replace(made, stacks=rest), {first.name: one.name, second.name: one.name})
    return made


def _with_last_sublayer(found: Architecture, stack: Stack) -> Architecture:
    """A feed-forward behind the last layer that the other layers have inside is the last layer's own."""
    kinds = [part.kind for part in stack.after[:4]]
    if kinds != ["norm", "linear", "activation", "linear"] or _missing(stack) != ["feed-forward"]:
        return found
    norm, up, act, down = stack.after[:4]
    if up.facts.get("out") != down.facts.get("in") or norm.facts.get("norm") != stack.blocks[-1].norm:
        return found
    facts: dict[str, Fact] = {
        "hidden": up.facts.get("out"), "activation": act.facts.get("activation"), "gated": False,
    }  # fmt: skip
    parameters = sum(part.parameters for part in stack.after[:4])
    whole = _grown(stack, Part("feed-forward", facts, None, parameters, "none"))
    head = found.head
    if head.reads == stack.name and _said(head.parts[:4]) == _said(stack.after[:4]):
        head = replace(head, parts=head.parts[4:])
    stacks = [replace(whole, after=stack.after[4:]) if s is stack else s for s in found.stacks]
    return replace(found, stacks=stacks, head=head)


def _said(parts: list[Part]) -> list[tuple[str, dict[str, Fact]]]:
    return [(part.kind, part.facts) for part in parts]


def _one(found: Architecture, first: Stack, second: Stack) -> Stack | None:
    """Two stacks as one, where the second reads the first through just the sublayer that its last layer lacks."""
    before = [part for part in second.before if part.kind != "norm"]
    if (
        second.reads != [first.name]
        or (first.width, first.role, first.shared) != (second.width, second.role, second.shared)
        or first.after
        or [part.kind for part in before] != _missing(first, second)
        or len(before) != 1
        or len(second.before) > 2
        or _read_elsewhere(found, first, second)
    ):
        return None
    facts = {key: value for key, value in before[0].facts.items() if key not in ("in", "out")}
    whole = _grown(first, replace(before[0], facts=facts, form="none"))
    later = [replace(block, at=[n + first.layers for n in block.at]) for block in second.blocks]
    blocks = list(whole.blocks)
    for block in later:
        same = next((b for b in blocks if _alike(b, block)), None)
        if same is None:
            blocks.append(block)
        else:
            blocks[blocks.index(same)] = replace(same, at=sorted([*same.at, *block.at]))
    alone = sum(stack.role == first.role for stack in found.stacks) == 2
    name = first.role if alone else first.name
    total = first.parameters + second.parameters
    return replace(whole, name=name, blocks=blocks, after=second.after, parameters=total)


def _alike(a: Block, b: Block) -> bool:
    mine, other = ([(p.kind, p.facts, p.form) for p in block.sublayers] for block in (a, b))
    return (a.residual, a.norm, mine) == (b.residual, b.norm, other)


def _missing(*stacks: Stack) -> list[str]:
    """The kinds of sublayers that the last layer of the first stack lacks and another layer has."""
    last = next((b for b in stacks[0].blocks if stacks[0].layers - 1 in b.at), None)
    own = [part.kind for part in last.sublayers] if last else []
    for stack in stacks:
        for block in stack.blocks:
            kinds = [part.kind for part in block.sublayers]
            if last and len(kinds) > len(own) and kinds[: len(own)] == own:
                return kinds[len(own) :]
    return []


def _grown(stack: Stack, part: Part) -> Stack:
    """The stack with one more sublayer in its last layer."""
    at = stack.layers - 1
    blocks: list[Block] = []
    for block in stack.blocks:
        if at not in block.at:
            blocks.append(block)
            continue
        rest = [n for n in block.at if n != at]
        blocks += [replace(block, at=rest)] if rest else []
        blocks.append(replace(block, at=[at], sublayers=[*block.sublayers, part]))
    return replace(stack, blocks=blocks)


def _read_elsewhere(found: Architecture, first: Stack, second: Stack) -> bool:
    """Whether something else than the second stack reads the first."""
    others = [stack for stack in found.stacks if stack is not second]
    memories = {part.facts.get("memory") for stack in found.stacks for b in stack.blocks for part in b.sublayers}
    linked = {end for link in found.links for end in (link.source, link.target)}
    return (
        any(first.name in stack.reads for stack in others)
        or first.name in memories
        or first.name in linked
        or found.head.reads == first.name
    )


def _called(found: Architecture, names: dict[str, str]) -> Architecture:
    """The architecture with stacks called by other names."""

    def part(one: Part) -> Part:
        memory = one.facts.get("memory")
        return replace(one, facts={**one.facts, "memory": names[memory]}) if memory in names else one

    stacks = [
        replace(
            stack,
            reads=[names.get(read, read) for read in stack.reads],
            blocks=[replace(block, sublayers=[part(p) for p in block.sublayers]) for block in stack.blocks],
        )
        for stack in found.stacks
    ]
    links = [
        replace(k, source=names.get(k.source, k.source), target=names.get(k.target, k.target)) for k in found.links
    ]
    reads = found.head.reads
    head = replace(found.head, reads=names.get(reads, reads) if reads else reads)
    return replace(found, stacks=stacks, links=links, head=head)
