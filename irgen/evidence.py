"""Why a label is there, or is not, as text: what `irgen explain` prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from irgen.errors import IrgenError
from irgen.ir.architecture import Region
from irgen.ir.graph import Graph


def walk(regions: Sequence[Region]) -> Iterator[Region]:
    """Every region of the trees, parents first."""
    for region in regions:
        yield region
        yield from walk(region.children)


def overview(regions: Sequence[Region], unknown: Mapping[str, int]) -> str:
    """All regions as an indented list with the rules of each, and what lies outside of them."""
    lines = list(_listed(regions, ""))
    if unknown:
        lines.append("in no region: " + ", ".join(f"{count} {op}" for op, count in unknown.items()))
    return "\n".join(lines) + "\n"


def _listed(regions: Sequence[Region], indent: str) -> Iterator[str]:
    """Regions with their children; a run of regions that are alike is opened once."""
    for _, run in groupby(regions, key=_likeness):
        first, *others = run
        yield f"{indent}{first.id}  {first.label}{_brief(first)}"
        yield from _listed(first.children, indent + "  ")
        if others:
            yield f"{indent}… {others[-1].id}  {len(others)} more like {first.id}"


def _likeness(region: Region) -> str:
    """Equal for regions that have the same labels, facts and reasons all the way down."""
    return repr((region.label, region.facts, _brief(region), [_likeness(child) for child in region.children]))


def _brief(region: Region) -> str:
    if region.evidence:
        return f"  (by {', '.join(dict.fromkeys(proof.rule for proof in region.evidence))})"
    return f"  (nearest: {region.rejected[0][0]})" if region.rejected else ""


def of(regions: Sequence[Region], name: str, graph: Graph) -> str:
    """The evidence of the region with this id, or of all with this label; equal ones are told once.

    Raises `IrgenError` where there is no such region.
    """
    found = [region for region in walk(regions) if name in (region.id, region.label)]
    if not found:
        labels = list(dict.fromkeys(region.label for region in walk(regions)))
        near = difflib.get_close_matches(name, [*labels, *(region.id for region in walk(regions))], n=2)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise IrgenError(f"there is no region {name!r}", fix=f"{hint}labels here: {', '.join(labels) or 'none'}")
    told: dict[str, list[str]] = {}
    for region in found:
        told.setdefault(_reasons(region, graph), []).append(region.id)
    return "\n".join(f"{_heading(ids)}: {text}" for text, ids in told.items())


def _heading(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more like it"


def _reasons(region: Region, graph: Graph) -> str:
    """The label, ports, facts, proofs and refusals of a region, a line each."""
    lines = [region.label]
    lines += [f"  port   {role}: {_said(port, graph)}" for role, port in region.ports.items()]
    lines += [f"  fact   {key} = {value}" for key, value in region.facts.items() if value is not None]
    for proof in region.evidence:
        lines.append(f"  proof  {proof.rule}: {proof.check}")
    lines += [f"  not    {rule}: {reason}" for rule, reason in region.rejected]
    if not region.evidence and not region.rejected:
        parts = ", ".join(dict.fromkeys(child.label for child in region.children))
        lines.append(f"  made of {parts}" if parts else "  no rule came near")
    return "\n".join(lines) + "\n"


def _said(node: str, graph: Graph) -> str:
    """What a port reads or gives: operator and type, which are the same in every instance."""
    return f"{graph[node].op} {graph[node].type}" if node in graph else node
