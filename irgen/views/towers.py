"""Towers: the stacks that stand on one stream, with their foot below and what follows them above."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from irgen.ir.architecture import Architecture, Stack
from irgen.scene import literal
from irgen.views.layers import Opened
from irgen.views.layout.tree import Chain, Leaf
from irgen.views.sources import index_of
from irgen.views.words import Words

ROLES = {
    "encoder": "Encoder", "decoder": "Decoder", "resampler": "Resampler", "codec": "Codec", "stage": "Backbone",
    "tower": "Tower", "head": "Head",
}  # fmt: skip

MODES = {"patch": "Vision encoder", "tubelet": "Video encoder", "frame": "Audio encoder", "token": "Text encoder"}


@dataclass(slots=True)
class Tower:
    """One column of the overview."""

    number: int
    stacks: list[int]
    label: str = ""
    chain: Chain = field(default_factory=lambda: Chain([]))
    entry: Leaf | None = None
    """Where the streams of other towers come in."""
    opened: list[Opened] = field(default_factory=list[Opened])
    wants: list[Want] = field(default_factory=list["Want"])
    flat: bool = False
    """Streams that join its foot one after the other are drawn as one sum."""

    @property
    def top(self) -> Leaf:
        """What other towers read."""
        return self.chain.outs()[0]


def readers(found: Architecture, name: str) -> int:
    """How many stacks read this one by plain succession."""
    return sum(name in stack.reads for stack in found.stacks)


def split(found: Architecture) -> list[Tower]:
    """The stacks as towers: one that reads only the stack before it, which nobody else reads, stands on top of it."""
    towers: list[Tower] = []
    at: dict[str, Tower] = {}
    for number, stack in enumerate(found.stacks):
        below = at.get(stack.reads[0]) if len(stack.reads) == 1 else None
        last = found.stacks[below.stacks[-1]] if below else None
        if (
            below
            and last
            and last.name == stack.reads[0]
            and last.role == stack.role
            and readers(found, last.name) == 1
        ):
            below.stacks.append(number)
            at[stack.name] = below
        else:
            towers.append(Tower(len(towers), [number]))
            at.setdefault(stack.name, towers[-1])
    return towers


def name(found: Architecture, towers: list[Tower], words: Words) -> None:
    """Give every tower its label: its role; what it encodes, or a number, where several have one role."""
    labels = [_role(found, tower) for tower in towers]
    common = Counter(labels)
    labels = [
        _mode(found, tower, label)
        if common[label] > 1 or (found.family == "composite" and label == "Encoder")
        else label
        for tower, label in zip(towers, labels, strict=True)
    ]
    common = Counter(labels)
    seen: Counter[str] = Counter()
    ports = [(label, _port_read(found, tower)) for tower, label in zip(towers, labels, strict=True)]
    for tower, (label, port) in zip(towers, ports, strict=True):
        seen[label] += 1
        alone = port and ports.count((label, port)) == 1
        more = f" · {port}" if alone else f" {seen[label]}"
        tower.label = words(label) + (more if common[label] > 1 else "")


def _port_read(found: Architecture, tower: Tower) -> str:
    """The name of the input that a tower starts from, if it is one."""
    reads = found.stacks[tower.stacks[0]].reads
    direct = {i for read in reads if (i := index_of(read, "input")) is not None}
    embedded = [i for read in reads if (i := index_of(read, "embedding")) is not None]
    direct |= {at for i in embedded if i < len(found.embeddings) and (at := found.embeddings[i].input) is not None}
    known = [found.inputs[at].name for at in direct if at < len(found.inputs)]
    return literal(known[0], 16) if len(known) == 1 else ""


def _role(found: Architecture, tower: Tower) -> str:
    return ROLES.get(found.stacks[tower.stacks[0]].role, "Tower")


def _mode(found: Architecture, tower: Tower, label: str) -> str:
    if label == "Codec":
        return "Codec encoder" if _measured(found, found.stacks[tower.stacks[0]]) else "Codec decoder"
    for read in found.stacks[tower.stacks[0]].reads:
        index = index_of(read, "embedding")
        if index is not None and index < len(found.embeddings):
            return MODES.get(found.embeddings[index].kind, label)
    return label


def _measured(found: Architecture, stack: Stack) -> bool:
    """Whether a stream starts from measured values: an input of numbers that are not ids."""
    numbers = [index_of(read, "input") for read in stack.reads]
    embedded = [i for read in stack.reads if (i := index_of(read, "embedding")) is not None]
    numbers += [found.embeddings[i].input for i in embedded if i < len(found.embeddings)]
    return any("float" in found.inputs[i].dtype for i in numbers if i is not None and i < len(found.inputs))


@dataclass(frozen=True, slots=True)
class Want:
    """An arrow that a tower wants from another one: the stack it comes from, the box it enters, what it carries."""

    stack: str
    leaf: Leaf
    kind: str = "flow"
    label: str = ""


def memory_of(found: Architecture, opened: Opened) -> str | None:
    """The stack that a cross-attention reads: its own fact, or the only link into its stack."""
    if opened.part.kind != "cross-attention":
        return None
    memory = opened.part.facts.get("memory")
    if isinstance(memory, str) and memory:
        return memory
    links = {link.source for link in found.links if link.target == opened.stack and link.kind == "cross-attention"}
    return links.pop() if len(links) == 1 else None
