"""What reads what outside the stacks, from the graph itself: parts, embeddings, stacks and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from irgen.ir.architecture import Architecture, Part, Region
from irgen.ir.graph import Graph
from irgen.ir.ops import LEAVES

JOINS = {
    "add": "add", "sub": "add", "mul": "mul", "concat": "concat", "stack": "concat", "matmul": "matmul",
    "einsum": "matmul", "where": "scatter", "masked_scatter": "scatter", "scatter_nd": "scatter",
}  # fmt: skip
"""Operators that bring two streams together, by the word for what they do."""


@dataclass(slots=True)
class Wiring:
    """The dataflow between the things that a figure shows.

    Names: `stack:decoder`, `embedding:0`, `input:1`, `output:0`, `part:<node>`, `join:<node>`; what a name reads comes
    in the order of its operator's ports.
    """

    reads: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    joins: dict[str, str] = field(default_factory=dict[str, str])
    """What each join does: a word of `JOINS`."""

    def sources(self, name: str) -> list[str]:
        """What a thing reads directly."""
        return self.reads.get(name, [])

    def roots(self, name: str) -> set[str]:
        """The stacks and inputs behind a thing, without what is behind those."""
        found: set[str] = set()
        seen: set[str] = set()
        pending = [name]
        while pending:
            at = pending.pop()
            if at in seen:
                continue
            seen.add(at)
            if at != name and at.startswith(("stack:", "input:")):
                found.add(at)
            else:
                pending.extend(self.sources(at))
        return found

    def behind(self, name: str) -> set[str]:
        """Everything between a thing and the stacks, inputs and embeddings behind it, all of them included."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            at = pending.pop()
            if at not in seen:
                seen.add(at)
                if at == name or not at.startswith(("stack:", "input:", "embedding:")):
                    pending.extend(self.sources(at))
        return seen


def part_name(part: Part) -> str:
    """The name of a part in the wiring."""
    return f"part:{part.region}"


def wiring(found: Architecture, regions: Sequence[Region], graph: Graph | None) -> Wiring | None:
    """The dataflow around the stacks; None without a graph or where its parts are not known there."""
    if graph is None:
        return None
    claims = _claims(found, regions, graph)
    made = Wiring()
    values = frozenset(f"input:{at}" for at, port in enumerate(found.inputs) if "float" in port.dtype)
    origin: dict[str, str | None] = {}
    for name, node in graph.nodes.items():
        above = [origin[i] for i in node.inputs if i in origin]
        sources = list(dict.fromkeys(a for a in above if a is not None))
        mine = claims.get(name)
        if mine is not None:
            known = made.reads.setdefault(mine, [])
            known += [s for s in sources if s != mine and s not in known]
            origin[name] = mine
        elif node.op in LEAVES or not sources:
            origin[name] = None
        elif len(sources) == 1 or node.op not in JOINS:
            origin[name] = sources[0] if len(sources) == 1 else _main(made, sources)
        else:
            kept = _direct(sources, values if JOINS[node.op] == "concat" else frozenset())
            if len(kept) == 1:
                origin[name] = kept[0]
            else:
                origin[name] = f"join:{name}"
                made.reads[f"join:{name}"] = kept
                made.joins[f"join:{name}"] = JOINS[node.op]
    for at, name in enumerate(graph.outputs):
        source = origin.get(name)
        made.reads[f"output:{at}"] = [source] if source else []
    return made


def _claims(found: Architecture, regions: Sequence[Region], graph: Graph) -> dict[str, str]:
    claims: dict[str, str] = {name: f"input:{at}" for at, name in enumerate(graph.inputs)}
    stacks = {stack.name for stack in found.stacks}
    by_id = {region.id: region for region in regions}
    for region in regions:
        if region.id in stacks:
            claims.update(dict.fromkeys(region.nodes, f"stack:{region.id}"))
    for at, embedding in enumerate(found.embeddings):
        if embedding.region in by_id:
            claims.update(dict.fromkeys(by_id[embedding.region].nodes, f"embedding:{at}"))
    for part in outer_parts(found):
        if part.region in graph.nodes:
            claims[part.region] = part_name(part)
    return claims


def outer_parts(found: Architecture) -> Iterable[Part]:
    """The parts before, between and behind the stacks."""
    for stack in found.stacks:
        yield from stack.before
        yield from stack.after
    yield from found.head.parts


def _main(made: Wiring, sources: list[str]) -> str:
    """What passes on through an operator that is no join: the stream that was computed last."""
    return max(sources, key=lambda s: (not s.startswith("input:"), len(made.behind(s))))


def _direct(sources: list[str], values: frozenset[str]) -> list[str]:
    """Sources that are data: bare inputs beside something computed are masks and indices, if not known `values`."""
    computed = [s for s in sources if not s.startswith("input:") or s in values]
    return computed or sources
