"""What two recognitions must have in common: the facts without names, and the shape of the region trees."""

from collections.abc import Sequence
from typing import Any

from irgen import passes, patterns
from irgen.ir import facts
from irgen.ir.architecture import Region
from irgen.ir.graph import Graph

Telling = dict[str, Any]


def told(graph: Graph) -> Telling:
    """Facts and regions of a graph as it was traced."""
    regions, found = patterns.label(passes.normalise(graph))
    record = facts.record(found, source="", frontend="")
    for port in (*record["inputs"], *record["outputs"]):
        del port["name"]
    return {**record, "regions": tree(regions), "unknown": found.unknown}


def tree(regions: Sequence[Region]) -> list[Any]:
    """Labels, facts and children of regions, nothing of their ids and nodes."""
    return [[region.label, region.facts, tree(region.children)] for region in regions]


def essence(telling: Telling) -> Telling:
    """A telling without the sizes that exporters bake into inputs and outputs."""
    return {key: value for key, value in telling.items() if key not in ("inputs", "outputs", "regions", "unknown")}
