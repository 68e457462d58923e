"""Towers: the stacks that stand on one stream, with their foot below and what follows them above."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from irgen.ir.architecture import Architecture, Head, Part, Stack
from irgen.scene import literal
from irgen.views.captions import Caption
from irgen.views.layers import Drawn, Opened, box, joint, part_box
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece
from irgen.views.numbers import arrow, shape, times, whole
from irgen.views.sources import FootView, index_of, letters, pill, quantised
from irgen.views.stacks import StackView, folded
from irgen.views.words import Words

HEADS = {
    "lm": ("LM head", "Logits"),
    "classification": ("Classifier", "Class logits"),
    "regression": ("Regression head", "Prediction"),
    "segmentation": ("Segmentation head", "Class map"),
    "pooling": ("Projection head", "Embedding vector"),
}

ROLES = {
    "encoder": "Encoder", "decoder": "Decoder", "resampler": "Resampler", "codec": "Codec", "stage": "Backbone",
    "tower": "Tower", "head": "Head",
}  # fmt: skip

MODES = {"patch": "Vision encoder", "tubelet": "Video encoder", "frame": "Audio encoder", "token": "Text encoder"}

FUSIONS = {"fusion-concat": "Concat", "interleave": "Token scatter"}


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
    for tower, label in zip(towers, labels, strict=True):
        seen[label] += 1
        tower.label = words(label) + (f" {seen[label]}" if common[label] > 1 else "")


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


def _reads_tokens(found: Architecture, role: str) -> bool:
    """Whether a stack of this role has token ids of its own."""
    numbers = [
        i for s in found.stacks if s.role == role for r in s.reads if (i := index_of(r, "embedding")) is not None
    ]
    return any(found.embeddings[i].kind == "token" for i in numbers if i < len(found.embeddings))


def head_caption(head: Head, width: int | None, words: Words) -> Caption | None:
    """The last contraction before an output."""
    if head.kind not in HEADS:
        return None
    at = own(head)
    into = head.parts[at].facts.get("in") if at is not None else None
    if not isinstance(into, int):
        ahead = head.parts[:at] if at is not None else head.parts
        given = [p.facts.get("out") or p.facts.get("channels") for p in ahead if p.kind in ("linear", "convolution")]
        into = given[-1] if given and isinstance(given[-1], int) else width
    path = arrow(into, head.width) if into and head.width else whole(head.width) if head.width else ""
    note = " · ".join(x for x in (path, words("tied") if head.tied else "") if x)
    return Caption("head", words(HEADS[head.kind][0]), note)


def output_pill(found: Architecture, words: Words) -> Leaf:
    """What the model gives."""
    title = words(
        HEADS[found.head.kind][1] if found.head.kind in HEADS else "Hidden states" if found.stacks else "Output"
    )
    out = found.outputs[0] if found.outputs else None
    tip = "; ".join(f"{literal(o.name, 60)} {shape(o.shape, letters(found))}" for o in found.outputs[:6])
    return pill("out", title, shape(out.shape, letters(found)) if out and len(out.shape) <= 5 else "", tip or title)


@dataclass(slots=True)
class TowerView:
    """Builds the chain of one tower; `near` are the towers whose arrows can be drawn, `many` says there are others."""

    found: Architecture
    tower: Tower
    drawn: Drawn
    labels: dict[str, str]
    near: set[str]
    alone: bool
    paired: bool
    crowned: bool
    roomy: int = 3
    pieces: list[Piece] = field(default_factory=list[Piece])

    def build(self) -> None:
        """Foot, stacks, crown."""
        start = len(self.drawn.opened)
        first = self.found.stacks[self.tower.stacks[0]]
        labels = self._foot(first)
        for number in self.tower.stacks:
            self._stack(number, self.found.stacks[number])
        self._crown(self.found.stacks[self.tower.stacks[-1]])
        labels = {at: text for at, text in labels.items() if 0 < at < len(self.pieces)}
        self.tower.chain = Chain(self.pieces, labels=labels)
        self.tower.opened = self.drawn.opened[start:]
        self._memories()

    def _foot(self, first: Stack) -> dict[int, str]:
        words = self.drawn.words
        shared = Counter(r for stack in self.found.stacks for r in set(stack.reads))
        both = frozenset(i for r, n in shared.items() if n > 1 and (i := index_of(r, "embedding")) is not None)
        both_read = _reads_tokens(self.found, "encoder") and _reads_tokens(self.found, "decoder")
        target = {"decoder": "Target tokens", "encoder": "Input tokens"}.get(first.role, "") if both_read else ""
        fused = (
            first.before[0].kind if first.before and first.before[0].kind in ("concat", "scatter", "interleave") else ""
        )
        prefix = f"t{self.tower.number}"
        quantiser = part_box(f"{prefix}.q", first.before[0], None, self.drawn, first.name) if quantised(first) else None
        foot = FootView(self.found, first, prefix, words, target, both, self.roomy, bool(fused), quantiser).build()
        self.pieces += foot.pieces
        foreign = [read for read in first.reads if read in self.labels]
        if foreign and (not self.pieces or not fused):
            self._joining(first, foreign)
        if not self.pieces and not foreign:
            self._source(first)
        if foot.label:
            return {len(self.pieces): foot.label}
        worded = any("seq" in port.shape for port in self.found.inputs)
        if len(foot.pieces) > 1 and self.alone and worded:
            return {len(self.pieces): shape(("batch", "seq", first.width), letters(self.found))}
        return {}

    def _source(self, first: Stack) -> None:
        """The foot of a stream that reads nothing known: its learned latents, or only that it has an input."""
        words = self.drawn.words
        prefix = f"t{self.tower.number}.in"
        if first.latents:
            self.pieces.append(Leaf(prefix, "embed", words("Latents"), times(first.latents, first.width)))
        else:
            self.pieces.append(pill(prefix, words("Input")))

    def _joining(self, first: Stack, foreign: list[str]) -> None:
        """Where the streams of other towers join this one's foot, or are its foot."""
        words = self.drawn.words
        known = ", ".join(dict.fromkeys(self.labels[read] for read in foreign))
        prefix = f"t{self.tower.number}.in"
        if not self.pieces:
            if not (first.before and set(foreign) <= self.near):
                self.pieces.append(pill(prefix, words("from {n}", n=known)))
                self.tower.entry = self.pieces[-1] if isinstance(self.pieces[-1], Leaf) else None
            return
        kinds = {link.kind for link in self.found.links if link.target == first.name and link.source in foreign}
        title = next((FUSIONS[kind] for kind in kinds if kind in FUSIONS), "Add")
        if title == "Add" and set(foreign) <= self.near:
            self.tower.entry = joint(prefix, words, tooltip="Sum")
        else:
            note = "" if set(foreign) <= self.near else words("with {n}", n=known)
            self.tower.entry = Leaf(prefix, "norm", words(title), note)
        self.pieces.append(self.tower.entry)

    def _stage(self, number: int, stack: Stack) -> None:
        """One of many stacks of a tower: folded, in a frame of its own."""
        words = self.drawn.words
        before = [self._outer("b", number, at, p) for at, p in enumerate(merged(stack.before))]
        after = [self._outer("a", number, at, p) for at, p in enumerate(merged(stack.after))]
        inner = folded(stack, f"s{number}", self.drawn)
        label = words("Stage {n}", n=self.tower.stacks.index(number) + 1)
        if number == self.tower.stacks[-1]:
            self.pieces += [Frame(f"s{number}", Chain([*before, *inner]), label), *after]
        else:
            self.pieces.append(Frame(f"s{number}", Chain([*before, *inner, *after]), label))

    def _outer(self, side: str, number: int, at: int, part: Part) -> Leaf:
        """A part before or after the layers of a stack."""
        return part_box(f"{side}{number}.{at}", part, None, self.drawn, self.found.stacks[number].name)

    def _stack(self, number: int, stack: Stack) -> None:
        if len(self.tower.stacks) > 2:
            self._stage(number, stack)
            return
        scattered = any(link.target == stack.name and link.kind == "interleave" for link in self.found.links)
        before = merged(stack.before[1:] if quantised(stack) else stack.before)
        if scattered and before and before[0].kind in ("concat", "interleave"):
            before[0] = replace(before[0], kind="scatter")
        for at, part in enumerate(before):
            leaf = part_box(f"b{number}.{at}", part, None, self.drawn, stack.name)
            foreign = [read for read in stack.reads if read in self.labels]
            if not at and number == self.tower.stacks[0] and foreign and self.tower.entry is None:
                self.tower.entry = leaf
                if not set(foreign) <= self.near:
                    known = ", ".join(dict.fromkeys(self.labels[read] for read in foreign))
                    leaf.caption = self.drawn.words("with {n}", n=known)
            self.pieces.append(leaf)
        label = {"encoder": "Encoder block", "decoder": "Decoder block"}.get(stack.role, "Block")
        self.pieces += StackView(stack, f"s{number}", self.drawn, label if self.paired else "Block").pieces()
        self.pieces += [
            part_box(f"a{number}.{at}", part, None, self.drawn, stack.name)
            for at, part in enumerate(merged(stack.after[: len(stack.after) - self._twins(stack)]))
        ]

    def _crown(self, last: Stack) -> None:
        words = self.drawn.words
        if not self.crowned:
            top = self.pieces[-1] if self.pieces else None
            if not isinstance(top, Leaf) or top.joint or top.cards:
                self.pieces.append(pill(f"t{self.tower.number}.out", words("Hidden states")))
            return
        self.pieces += crown(self.found, last, self.drawn, self._twins(last))

    def _twins(self, last: Stack) -> int:
        """How many projections like the head's own stand behind the last stack, beside the head and not before it."""
        at = own(self.found.head)
        if at is None or not self.crowned:
            return 0
        head = self.found.head.parts[at]
        count = 0
        for part in reversed(last.after):
            if not beside(head, part):
                break
            count += 1
        return count

    def _memories(self) -> None:
        """Cross-attention whose memory stands where no arrow can come from says in words what it reads."""
        words = self.drawn.words
        for opened in self.tower.opened:
            memory = self.memory(opened)
            if memory and memory not in self.near and memory in self.labels:
                said = words("K, V from {n}", n=self.labels[memory])
                more = opened.leaf.caption.partition("\n")[0]
                opened.leaf.caption = f"{said} · {more}\n{said}" if more else said

    def memory(self, opened: Opened) -> str | None:
        """The stack that a cross-attention reads."""
        return memory_of(self.found, opened)


def memory_of(found: Architecture, opened: Opened) -> str | None:
    """The stack that a cross-attention reads: its own fact, or the only link into its stack."""
    if opened.part.kind != "cross-attention":
        return None
    memory = opened.part.facts.get("memory")
    if isinstance(memory, str) and memory:
        return memory
    links = {link.source for link in found.links if link.target == opened.stack and link.kind == "cross-attention"}
    return links.pop() if len(links) == 1 else None


def own(head: Head) -> int | None:
    """Which part of the head is the last contraction, the one that the head's box stands for."""
    for at in range(len(head.parts) - 1, -1, -1):
        part = head.parts[at]
        given = part.facts.get("out") or part.facts.get("channels")
        if part.kind in ("linear", "convolution") and head.kind in HEADS:
            return at if given is None or given == head.width else None
    return None


def after_stack(head: Head, last: Stack | None) -> list[Part]:
    """The parts between what stands behind the last stack and the last contraction, which is the head itself."""
    parts = list(head.parts)
    if (at := own(head)) is not None:
        parts = parts[:at]
    if last is None:
        return merged(parts)
    known = [(part.kind, part.facts) for part in last.after]
    inside = {part.kind for block in last.blocks for part in block.sublayers}
    for at in range(len(parts) - len(known) + 1):
        if known and [(part.kind, part.facts) for part in parts[at : at + len(known)]] == known:
            return merged(parts[at + len(known) :])
    if not known:
        posts = {part.form or block.residual for block in last.blocks for part in block.sublayers} & {
            "post-norm",
            "sandwich",
        }
        while parts and ((parts[0].kind == "norm" and posts) or parts[0].kind in inside):
            parts.pop(0)
    return merged(parts)


def merged(parts: list[Part]) -> list[Part]:
    """An activation behind a contraction, and a batch norm behind a convolution, are said in one box."""
    made: list[Part] = []
    for part in parts:
        before = made[-1] if made else None
        if (
            part.kind == "activation"
            and before
            and before.kind in ("linear", "convolution")
            and "activation" not in before.facts
        ):
            made[-1] = replace(before, facts={**before.facts, "activation": part.facts.get("activation")})
        elif before and beside(before, part):
            count = before.facts.get("count", 1)
            made[-1] = replace(before, facts={**before.facts, "count": count + 1 if isinstance(count, int) else 2})
        elif (
            part.kind == "norm" and part.facts.get("norm") == "batchnorm" and before and before.kind == "convolution"
            and not {"norm", "activation"} & set(before.facts)
        ):  # fmt: skip
            made[-1] = replace(before, facts={**before.facts, "norm": "batchnorm"})
        else:
            made.append(part)
    return made


def beside(before: Part, part: Part) -> bool:
    """Two equal projections that cannot follow each other, since one gives what the other does not take."""
    sizes = [(one.facts.get("in"), one.facts.get("out")) for one in (before, part)]
    return before.kind == part.kind == "linear" and sizes[0] == sizes[1] and sizes[0][0] != sizes[0][1]


def crown(found: Architecture, last: Stack | None, drawn: Drawn, twins: int = 0) -> list[Piece]:
    """Head parts, head (one of several that stand side by side) and output."""
    width = last.width if last else None
    parts = after_stack(found.head, last)
    pieces: list[Piece] = [part_box(f"h.{at}", part, None, drawn, "head") for at, part in enumerate(parts)]
    said = head_caption(found.head, width, drawn.words)
    if said:
        top = box("h", said)
        if twins:
            top.title = f"{top.title}\xa0×\xa0{twins + 1}"
        pieces.append(top)
        at = own(found.head)
        behind = merged(found.head.parts[at + 1 :]) if at is not None else []
        pieces += [part_box(f"h.z{i}", part, None, drawn, "head") for i, part in enumerate(behind)]
    pieces.append(output_pill(found, drawn.words))
    return pieces
