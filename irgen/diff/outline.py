"""An architecture as a tree without names: what is compared, and nothing that only follows from something else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from irgen.diff.cuts import joined
from irgen.ir.architecture import Architecture, Block, Embedding, Fact, Head, Part, Port, Stack

WIDTH = "as the stream"
VOCABULARY = "vocabulary"
AS_HEAD = "as the head"
BEFORE = "the stack before"
FIRST = "the first stack"
RELATIVE = ("in", "out", "width", "channels")
"""Facts that are said relative to the stream where they are as wide as that."""


@dataclass(frozen=True)
class Item:
    """One thing of an architecture: its kind, its facts, and what it holds by slot (`stack`, `layer`, `sublayer`)."""

    kind: str
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    slots: Mapping[str, tuple[Item, ...]] = field(default_factory=dict[str, "tuple[Item, ...]"])
    region: str | None = field(default=None, compare=False)
    """The region of one instance, for whoever wants to look it up; no part of what the item is."""
    origin: object = field(default=None, compare=False, repr=False)
    """The part, block, stack, embedding or head of the architecture that it was made from."""

    def plain(self) -> dict[str, Any]:
        """The item as a JSON value, equal for equal items."""
        slots = {slot: [child.plain() for child in held] for slot, held in sorted(self.slots.items()) if held}
        return {"kind": self.kind, **dict(sorted(self.facts.items())), **slots}

    @property
    def key(self) -> str:
        """Text that is equal for equal items and orders them."""
        return json.dumps(self.plain(), sort_keys=True, ensure_ascii=False, default=str)


def outline(found: Architecture) -> Item:
    """The tree of an architecture. Names of inputs and outputs, sizes that vary with the input, findings: left out."""
    found = joined(found)
    widths = {stack.name: stack.width for stack in found.stacks}
    readers = [[s.name for s in found.stacks if f"embedding:{i}" in s.reads] for i in range(len(found.embeddings))]
    order = [stack.name for stack in found.stacks]
    embeddings = [
        _embedding(e, [FIRST if name == order[0] else name for name in feeds], widths.get(feeds[0]) if feeds else None)
        for e, feeds in zip(found.embeddings, readers, strict=True)
    ]
    vocabulary = next((e.size for e in found.embeddings if e.kind == "token"), None)
    implied = {(_memory(part), stack.name) for stack in found.stacks for b in stack.blocks for part in b.sublayers}
    links = [
        Item(link.kind, {"from": link.source, "to": link.target})
        for link in found.links
        if link.kind != "cross-attention" or (link.source, link.target) not in implied
    ]
    slots = {
        "input": tuple(_port("input", port) for port in found.inputs),
        "embedding": tuple(embeddings[i] for i in _sorted(embeddings, [[order.index(n) for n in r] for r in readers])),
        "stack": tuple(
            _stack(stack, before)
            for stack, before in zip(found.stacks, [None, *(s.name for s in found.stacks)], strict=False)
        ),
        "link": tuple(sorted(links, key=lambda item: item.key)),
        "head": (_head(found, vocabulary),),
        "output": tuple(_port("output", port) for port in found.outputs),
    }
    facts = {
        "family": found.family, "parameters": found.total, "active": found.active,
        "embedding_parameters": found.embedding_parameters, "unknown": found.unknown or None,
    }  # fmt: skip
    return Item("model", _said(facts), slots)


def _sorted(items: list[Item], readers: list[list[int]]) -> list[int]:
    """The numbers of embeddings in an order that no name decides: by what they are, then by who reads them."""

    def key(number: int) -> tuple[str, list[int]]:
        item = items[number]
        bare = {key: value for key, value in item.facts.items() if key != "feeds"}
        return Item(item.kind, bare).key, readers[number]

    return sorted(range(len(items)), key=key)


def _said(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts that say something: a missing key and `None` are the same."""
    return {key: value for key, value in facts.items() if value is not None}


def _memory(part: Part) -> str | None:
    memory = part.facts.get("memory")
    return memory if isinstance(memory, str) else None


def _port(kind: str, port: Port) -> Item:
    return Item(kind, {"dtype": port.dtype, "axes": len(port.shape)})


def _embedding(e: Embedding, feeds: list[str], width: int | None) -> Item:
    wide = e.width if e.width is None or e.width != width else WIDTH
    shown = {
        key: value
        for key, value in e.facts.items()
        if key != "positions" and not (key in ("kernel", "stride") and value in (e.size, [e.size, e.size]))
    }
    return Item(e.kind, _said({**shown, "size": e.size, "width": wide, "feeds": feeds or None}), {}, e.region, e)


def _stack(stack: Stack, before: str | None) -> Item:
    reads = [read for read in stack.reads if not read.startswith("embedding:")]
    places = sorted((at, number) for number, block in enumerate(stack.blocks) for at in block.at)
    layers = [_layer(block, stack) for block in stack.blocks]
    slots = {
        "before": _parts(stack.before, stack.width),
        "layer": tuple(layers[number] for _, number in places),
        "after": _parts(stack.after, stack.width),
    }
    facts = {
        "role": stack.role, "width": stack.width, "shared": stack.shared or None, "latents": stack.latents,
        "reads": BEFORE if reads == [before] else reads or None,
    }  # fmt: skip
    return Item(stack.name, _said(facts), slots, stack.name, stack)


def _layer(block: Block, stack: Stack) -> Item:
    """A layer; the regions are those of its first instance, where a kind occurs twice only the first has one."""
    region = f"{stack.name}.{block.at[0]}" if block.at else None
    seen: set[str] = set()
    parts: list[Item] = []
    for part in block.sublayers:
        inside = f"{region}.{part.kind}" if region and part.kind not in seen else None
        parts.append(replace(_part(part, stack.width, block.residual), region=inside))
        seen.add(part.kind)
    return Item("layer", {"residual": block.residual, "norm": block.norm}, {"sublayer": tuple(parts)}, region, block)


def _parts(parts: list[Part], width: int | None) -> tuple[Item, ...]:
    return tuple(_part(part, width) for part in parts)


def _part(part: Part, width: int | None, residual: str | None = None) -> Item:
    facts = {key: WIDTH if key in RELATIVE and value == width else value for key, value in part.facts.items()}
    if facts.get("variant") in ("depthwise", "inverted-residual") and facts.get("groups") != 1:
        facts["groups"] = "depthwise"
    if residual is not None and part.form != residual:
        facts["form"] = part.form
    return Item(part.kind, _said(facts), {}, part.region, part)


def _head(found: Architecture, vocabulary: Fact) -> Item:
    head: Head = found.head
    stack = next((stack for stack in found.stacks if stack.name == head.reads), None)
    parts = _behind(head, stack)
    width = VOCABULARY if head.width is not None and head.width == vocabulary else head.width
    shown = tuple(
        Item(item.kind, {k: AS_HEAD if v == head.width else v for k, v in item.facts.items()}, {}, None, item.origin)
        for item in _parts(parts, stack.width if stack else None)
    )  # fmt: skip
    reads = None if stack in found.stacks[-1:] else head.reads
    return Item(
        head.kind, _said({"width": width, "tied": head.tied, "reads": reads}), {"part": shown}, head.region, head
    )


def _behind(head: Head, stack: Stack | None) -> list[Part]:
    """The parts of a head without those that stand behind its stack, or are the last norm of its last layer."""
    parts, after = list(head.parts), [(part.kind, part.facts) for part in stack.after] if stack else []
    posts = {part.form or block.residual for block in stack.blocks for part in block.sublayers} if stack else set[str]()
    places = range(len(parts) - len(after) + 1)
    for at in places[1::-1] if posts & {"post-norm", "sandwich"} else places:
        if after and [(part.kind, part.facts) for part in parts[at : at + len(after)]] == after:
            return parts[at + len(after) :]
    if not after and parts and parts[0].kind == "norm" and posts & {"post-norm", "sandwich"}:
        return parts[1:]
    return parts


def named(item: Item, names: Mapping[str, str]) -> Item:
    """The item with stacks called by other names, wherever they are named."""
    facts = {key: _renamed(value, names) if key in REFERENCES else value for key, value in item.facts.items()}
    slots: dict[str, tuple[Item, ...]] = {}
    for slot, held in item.slots.items():
        made = {id(child): named(child, names) for child in held}
        slots[slot] = tuple(made[id(child)] for child in held)
        if slot == "stack":
            slots[slot] = tuple(replace(stack, kind=names.get(stack.kind, stack.kind)) for stack in slots[slot])
    return Item(item.kind, facts, slots, item.region, item.origin)


REFERENCES = ("feeds", "reads", "memory", "from", "to")
"""Facts that name stacks."""


def _renamed(value: Fact, names: Mapping[str, str]) -> Fact:
    if isinstance(value, list):
        return [_renamed(entry, names) for entry in cast("list[Fact]", value)]
    return names.get(value, value) if isinstance(value, str) else value


def counted(items: tuple[Item, ...]) -> list[str]:
    """What each of some items is called among its neighbours: its kind, numbered where several are of that kind."""
    total, seen = Counter(item.kind for item in items), Counter[str]()
    called: list[str] = []
    for item in items:
        seen[item.kind] += 1
        called.append(item.kind if total[item.kind] == 1 else f"{item.kind} {seen[item.kind]}")
    return called
