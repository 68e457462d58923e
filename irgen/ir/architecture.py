"""What recognition found, as plain typed data: the facts record, the figures and the diff are all made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Fact = Any
"""A JSON value: None, bool, int, float, str, or a list or dict of them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a label is there: the rule, the nodes it read, and the check that proved it."""

    rule: str
    check: str
    nodes: tuple[str, ...] = ()


@dataclass(slots=True)
class Region:
    """A labelled set of nodes; regions nest or are disjoint.

    `ports` names the nodes a region reads or gives by role (`q`, `k`, `v`, `memory`, `out`); `rejected` holds, for an
    unknown region, the nearest rules with the reason why each said no.
    """

    id: str
    label: str
    nodes: tuple[str, ...]
    ports: dict[str, str] = field(default_factory=dict[str, str])
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    rejected: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    children: list[Region] = field(default_factory=list["Region"])


@dataclass(slots=True)
class Part:
    """A piece outside the repeated blocks, or one sublayer inside them.

    `kind` is a word of the vocabulary: a sublayer kind of the facts record, or `norm`, `linear`, `activation`,
    `pooling`, `concat`, `add`, `scatter`, `unknown`. `facts` holds the keys that the facts record lists for the kind
    (for `norm`: `norm`; for `linear`: `in`, `out`, `bias`; for `unknown`: `ops`). `region` is the id of its region;
    `form` is the residual form of this one sublayer (`pre-norm`, `post-norm`, `sandwich`, `parallel`, `none`).
    """

    kind: str
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])
    region: str | None = None
    parameters: int = 0
    form: str | None = None


@dataclass(slots=True)
class Block:
    """One distinct layer of a stack and the places where it stands."""

    at: list[int]
    residual: str
    norm: str
    sublayers: list[Part]
    parameters: int = 0
    """Of one instance."""

    @property
    def count(self) -> int:
        """How many layers of the stack are this block."""
        return len(self.at)


@dataclass(slots=True)
class Stack:
    """A run of layers on one residual stream.

    `reads` names what feeds the stream: embeddings (`embedding:0`), other stacks by name, or inputs (`input:0`).
    `before` and `after` are the parts on the trunk ahead of the first layer (projection, embedding norm) and behind
    the last one (final norm, pooler) up to the head or the next stack. `shared` means that the layers use the same
    weights.
    """

    name: str
    role: str
    width: int
    blocks: list[Block]
    reads: list[str] = field(default_factory=list[str])
    before: list[Part] = field(default_factory=list[Part])
    after: list[Part] = field(default_factory=list[Part])
    shared: bool = False
    parameters: int = 0
    positions: tuple[int | str, ...] = ()
    """Sizes of the stream between the batch and the features: `("seq",)`, `(196,)`, `(56, 56)`."""
    latents: int | None = None
    """Number of learned states that the stream starts from (perceiver latents, object queries), or None."""

    @property
    def layers(self) -> int:
        """Number of layers."""
        return sum(block.count for block in self.blocks)


@dataclass(slots=True)
class Embedding:
    """What turns an input (index into `Architecture.inputs`, or None) into a first hidden state."""

    kind: str
    size: int | list[int] | None
    """Rows of a table, or the edge of a patch (a list where it is not square)."""
    width: int | None
    input: int | None = None
    region: str | None = None
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])


@dataclass(frozen=True, slots=True)
class Link:
    """Dataflow between two stacks other than plain succession."""

    source: str
    target: str
    kind: str


@dataclass(slots=True)
class Head:
    """The last contraction before an output."""

    kind: str
    width: int | None
    tied: bool | None
    reads: str | None = None
    """Name of the stack that it reads."""
    parts: list[Part] = field(default_factory=list[Part])
    region: str | None = None


@dataclass(slots=True)
class Objective:
    """What a model is trained on, where an output (its index) is a loss.

    `kind` is `negative-sampling` (`negatives`: draws for each positive), `weighted-squares` (`power`, `most`, `input`,
    `target` of the weighting function), `squares` (`stop_gradient`: the target hands no gradient on) or `cross-entropy`
    (`classes`).
    """

    kind: str
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])
    output: int = 0
    evidence: list[Evidence] = field(default_factory=list[Evidence])


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the model."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(slots=True)
class Architecture:
    """The whole: everything that is drawn, compared or printed comes from here and from the regions."""

    family: str
    total: int
    active: int | None
    embedding_parameters: int
    inputs: list[Port]
    outputs: list[Port]
    embeddings: list[Embedding]
    stacks: list[Stack]
    links: list[Link]
    head: Head
    unknown: dict[str, int] = field(default_factory=dict[str, int])
    """Operators that no region holds, by kind and count."""
    findings: list[str] = field(default_factory=list[str])
    auxiliary: list[Head] = field(default_factory=list[Head])
    """Heads on the side of stacks that go on (classifiers that help the gradient while training)."""
    objective: Objective | None = None
    """What an output that is a loss says, or None."""
