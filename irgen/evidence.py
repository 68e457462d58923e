"""Why a label is there, or is not, as text: what `irgen explain` prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from irgen.errors import IrgenError
from irgen.ir.architecture import Region


def walk(regions: Sequence[Region], depth: int = 0) -> Iterator[tuple[int, Region]]:
    """Every region of the trees with its depth, parents first."""
    for region in regions:
        yield depth, region
        yield from walk(region.children, depth + 1)


def overview(regions: Sequence[Region], unknown: Mapping[str, int]) -> str:
    """All regions as an indented list with the rule of each, and what is outside of them."""
    lines = [f"{'  ' * depth}{region.id}  {region.label}{_brief(region)}" for depth, region in walk(regions)]
    if unknown:
        lines.append("in no region: " + ", ".join(f"{count} {op}" for op, count in unknown.items()))
    return "\n".join(lines) + "\n"


def _brief(region: Region) -> str:
    if region.evidence:
        return f"  ({region.evidence[0].rule})"
    return f"  (nearest: {region.rejected[0][0]})" if region.rejected else ""


def of(regions: Sequence[Region], name: str) -> str:
    """The evidence of the region with this id, or of all with this label; equal ones are told once.

    Raises `IrgenError` where there is no such region.
    """
    found = [region for _, region in walk(regions) if name in (region.id, region.label)]
    if not found:
        names = list(dict.fromkeys(word for _, region in walk(regions) for word in (region.label, region.id)))
        near = difflib.get_close_matches(name, names, n=2)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        labels = dict.fromkeys(region.label for _, region in walk(regions))
        raise IrgenError(f"there is no region {name!r}", fix=f"{hint}labels here: {', '.join(labels) or 'none'}")
    told: dict[str, list[str]] = {}
    for region in found:
        told.setdefault(_reasons(region), []).append(region.id)
    return "\n".join(f"{_heading(ids)}: {text}" for text, ids in told.items())


def _heading(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more like it"


def _reasons(region: Region) -> str:
    """The label, ports, facts, evidence and refusals of a region; node ids are left to the ports."""
    lines = [region.label]
    lines += [f"  fact  {key} = {value}" for key, value in region.facts.items() if value is not None]
    for proof in region.evidence:
        lines += [f"  rule  {proof.rule}", f"  check {proof.check}"]
    lines += [f"  not {rule}: {reason}" for rule, reason in region.rejected]
    if not region.evidence and not region.rejected:
        lines.append("  no rule came near")
    return "\n".join(lines) + "\n"
