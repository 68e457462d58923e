"""What stands at the foot of a tower: input pills, embeddings, and the sum or fusion that makes the first stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from irgen.ir.architecture import Architecture, Embedding, Port, Stack
from irgen.scene import literal
from irgen.views.layers import joint
from irgen.views.layout.tree import Chain, Leaf, Par, Piece
from irgen.views.numbers import SYMBOLS, shape, size, times, whole
from irgen.views.words import Words


@dataclass(frozen=True, slots=True)
class Kind:
    """How an embedding kind is drawn: full and short title, what it reads, and its colour."""

    title: str
    short: str
    reads: str
    role: str = "embed"


KINDS: dict[str, Kind] = {
    "token": Kind("Token embedding", "Token", "Token ids"),
    "learned-position": Kind("Position embedding", "Position", "Positions"),
    "sinusoidal-position": Kind("Sinusoidal positions", "Sinusoidal", "Positions"),
    "segment": Kind("Segment embedding", "Segment", "Segment ids"),
    "patch": Kind("Patch embedding", "Patch", "Image", "conv"),
    "tubelet": Kind("Tubelet embedding", "Tubelet", "Video", "conv"),
    "bbox": Kind("Box embedding", "Box", "Boxes"),
    "frame": Kind("Frame embedding", "Frame", "Audio", "conv"),
    "graph-centrality": Kind("Degree embedding", "Degree", "Degrees"),
    "graph-spatial": Kind("Spatial encoding", "Spatial encoding", "Distances"),
    "graph-edge": Kind("Edge encoding", "Edge encoding", "Edges"),
    "codebook": Kind("Codebook embedding", "Codebook", "Codebook tokens"),
    "latents": Kind("Latents", "Latents", "Input"),
    "linear": Kind("Linear embedding", "Linear", "Input"),
}

SECOND = {"learned-position": "learned positions", "sinusoidal-position": "sinusoidal positions", "segment": "segments"}
"""Embeddings that can be said beside the arrow where there is no room for their boxes."""

UNKNOWN = Kind("Embedding", "Embedding", "Input")


@dataclass(slots=True)
class Foot:
    """The foot of a tower, and the inputs that it shows."""

    pieces: list[Piece]
    label: str = ""
    """What else is added to the stream, in words."""
    inputs: set[int] = field(default_factory=set[int])


def pill(name: str, title: str, note: str = "", tooltip: str = "") -> Leaf:
    """An input or output."""
    return Leaf(name, "io", title, note, shape="pill", tooltip=tooltip)


def port_note(port: Port | None, kind: str, short: Mapping[str, str] = SYMBOLS) -> str:
    """The shape of an input as its caption; of an image only the picture size."""
    if port is None or len(port.shape) > 5:
        return ""
    if kind in ("Image", "Video") and len(port.shape) >= 4:
        high, across = port.shape[-2:]
        return times(high, across) if isinstance(high, int) and isinstance(across, int) else shape(port.shape, short)
    return shape(port.shape, short)


def note(embedding: Embedding, words: Words, tied: bool = False) -> str:
    """`50,257 × 768`."""
    kernel = embedding.facts.get("kernel") or embedding.facts.get("patch")
    if embedding.kind in ("patch", "tubelet", "frame") and kernel and embedding.width:
        return f"{size(kernel)} · {whole(embedding.width)}"
    sizes = embedding.size if isinstance(embedding.size, list) else [embedding.size]
    if all(sizes) and embedding.width:
        said = times(*sizes, embedding.width)
    else:
        said = whole(embedding.width) if embedding.width else ""
    return f"{said} · {words('shared')}" if tied and said else said


def port_title(found: Architecture, embedding: Embedding, words: Words, target: str) -> str:
    """What an embedding reads, in words."""
    kind = KINDS.get(embedding.kind, UNKNOWN)
    if kind.reads == "Token ids" and target:
        return words(target)
    if kind.reads == "Input" and embedding.input is not None and embedding.input < len(found.inputs):
        return literal(found.inputs[embedding.input].name, 22) or words("Input")
    return words(kind.reads)


def letters(found: Architecture) -> dict[str, str]:
    """Short names of dimensions: T is the sequence, or S where there is a target sequence beside it."""
    used = {size for port in (*found.inputs, *found.outputs) for size in port.shape if isinstance(size, str)}
    return {**SYMBOLS, "seq": "S" if "target" in used else "T"}


def _port(found: Architecture, index: int | None) -> Port | None:
    return found.inputs[index] if index is not None and 0 <= index < len(found.inputs) else None


def index_of(name: str, kind: str) -> int | None:
    """The number in `embedding:3` or `input:0`."""
    head, _, tail = name.partition(":")
    return int(tail) if head == kind and tail.isdigit() else None


def quantised(stack: Stack) -> bool:
    """Whether the one lookup that a stack starts from reads values turned into codes."""
    lookups = [read for read in stack.reads if index_of(read, "embedding") is not None]
    return bool(stack.before) and stack.before[0].kind == "quantizer" and len(lookups) == 1


@dataclass(slots=True)
class FootView:
    """Builds the foot of one tower."""

    found: Architecture
    stack: Stack
    prefix: str
    words: Words
    target: str = ""
    shared: frozenset[int] = frozenset()
    roomy: int = 3
    fused: bool = False
    """The first part of the tower joins the branches, so that no sum does."""
    quantiser: Leaf | None = None
    """What turns the values of the input into the codes that are looked up."""

    def build(self) -> Foot:
        """The pieces below the first layer that this tower does not share with another tower."""
        numbers = [i for r in self.stack.reads if (i := index_of(r, "embedding")) is not None]
        numbers = [i for i in dict.fromkeys(numbers) if i < len(self.found.embeddings)]
        direct = [i for r in self.stack.reads if (i := index_of(r, "input")) is not None]
        direct = [i for i in dict.fromkeys(direct) if i < len(self.found.inputs)]
        inputs = {e.input for n in numbers if (e := self.found.embeddings[n]).input is not None} | set(direct)
        foot = Foot([], inputs=inputs)
        kinds = [self.found.embeddings[n].kind for n in numbers]
        if "codebook" in kinds and kinds.count("codebook") > 1:
            foot.label = self._added([kind for kind in kinds if kind in SECOND])
            numbers = [n for n, kind in zip(numbers, kinds, strict=True) if kind not in SECOND]
        elif self.roomy == 1 and not direct and sum(kind not in SECOND for kind in kinds) == 1:
            added = [kind for kind in kinds if kind in SECOND]
            foot.label = self._added(added)
            numbers = [n for n, kind in zip(numbers, kinds, strict=True) if kind not in SECOND]
        if (row := self._codebooks(numbers, direct)) is not None:
            foot.pieces = row
            return foot
        branches = self._branches(numbers, len(numbers) + len(direct))
        branches += [self.direct(i) for i in direct]
        if not branches:
            return foot
        if len(branches) == 1:
            foot.pieces = [branches[0]]
        elif len(branches) > self.roomy and (len(numbers) > 1 or len(branches) > 4):
            foot.pieces = self.gathered(numbers, direct)
        elif self.fused:
            foot.pieces = [Par(branches)]
        else:
            foot.pieces = [Par(branches), joint(f"{self.prefix}.sum", self.words, tooltip="Sum")]
        return foot

    def _added(self, kinds: list[str]) -> str:
        """`+ learned positions`; only `+ positions` where there is little room."""
        if not kinds:
            return ""
        if self.roomy < 2 and all(kind.endswith("position") for kind in kinds):
            return "+ " + self.words("positions")
        return "+ " + ", ".join(self.words(SECOND[kind]) for kind in dict.fromkeys(kinds))

    def _codebooks(self, numbers: list[int], direct: list[int]) -> list[Piece] | None:
        """Two to five codebooks of one size, looked up side by side and summed: a row of chips."""
        found = [self.found.embeddings[n] for n in numbers]
        sizes = {(e.kind, str(e.size), e.width) for e in found}
        if (
            self.roomy < 2
            or not 1 < len(found) <= 5
            or len(sizes) != 1
            or found[0].kind != "codebook"
            or direct
            or self.quantiser
        ):
            return None
        words, size = self.words, found[0].size
        note = whole(size) if isinstance(size, int) else ""
        chips: list[Piece] = []
        for at, (number, one) in enumerate(zip(numbers, found, strict=True), 1):
            tip = f"{words('Codebook embedding')} {at}: {times(size, one.width) if note and one.width else note}"
            chip = Leaf(f"{self.prefix}.e{number}", "embed", f"E_{{{at}}}", note, "chip", tooltip=tip, fixed=41.0)
            chips.append(chip)
        start = pill(f"{self.prefix}.i", words("Codebook tokens"))
        start.wide = True
        return [start, Par(chips, gap=6, equal=False), joint(f"{self.prefix}.sum", words, tooltip="Sum")]

    def _branches(self, numbers: list[int], count: int) -> list[Piece]:
        return [self.branch(number, count) for number in numbers]

    def branch(self, number: int, count: int) -> Piece:
        """The pill and the box of one of `count` embeddings."""
        found = self.found.embeddings[number]
        kind = KINDS.get(found.kind, UNKNOWN)
        title = f"{self.words(kind.title)}\n{self.words(kind.short)}" if count < 3 else self.words(kind.short)
        box = Leaf(
            f"{self.prefix}.e{number}", kind.role, title, note(found, self.words, number in self.shared),
            tooltip=f"{self.words(kind.title)} — {note(found, self.words)}",
        )  # fmt: skip
        if found.kind in ("sinusoidal-position", "latents") and found.input is None:
            return box
        port = _port(self.found, found.input) if number not in self.shared or found.kind != "token" else None
        short = letters(self.found)
        reads = port_title(self.found, found, self.words, self.target if found.kind == "token" else "")
        said = port_note(port, kind.reads, short) if count < 2 else ""
        if self.quantiser is not None and (port := port or _port(self.found, found.input)) is not None:
            reads = literal(port.name, 22) or self.words("Input")
        tip = f"{reads}: {literal(port.name, 60)} {shape(port.shape, short)}" if port else reads
        start = pill(f"{self.prefix}.i{number}", reads, said, tip)
        return Chain([start, box] if self.quantiser is None else [start, self.quantiser, box])

    def direct(self, number: int) -> Piece:
        """The pill of an input that is read as it is."""
        port = self.found.inputs[number]
        title = literal(port.name, 22) or self.words("Input")
        tip = f"{literal(port.name, 60)} {shape(port.shape)}"
        return pill(f"{self.prefix}.d{number}", title, port_note(port, "", letters(self.found)), tip)

    def gathered(self, numbers: list[int], direct: list[int], at: str = "") -> list[Piece]:
        """More embeddings than fit side by side: one box that lists them."""
        words = self.words
        found = [self.found.embeddings[n] for n in numbers]
        short = [words(KINDS.get(e.kind, UNKNOWN).short) for e in found]
        counts = {name: short.count(name) for name in dict.fromkeys(short)}
        said = " + ".join(f"{n} × {name}" if n > 1 else name for name, n in counts.items())
        ports = [literal(self.found.inputs[i].name, 22) for i in direct]
        if not found:
            return [pill(f"{self.prefix}.i{at}", ", ".join(ports))]
        said = " + ".join([said, *ports])
        tip = "; ".join(f"{name} {note(e, words)}" for name, e in zip(short, found, strict=True))
        box = Leaf(
            f"{self.prefix}.e{at}",
            "embed",
            f"{words('{n} embeddings', n=len(found))}\n{words('Embedding')}" if len(found) > 1 else words("Embedding"),
            said,
            tooltip=tip,
            cards=2,
        )
        reads = dict.fromkeys(words(KINDS.get(e.kind, UNKNOWN).reads) for e in found)
        return [pill(f"{self.prefix}.i{at}", ", ".join(reads)), box]
