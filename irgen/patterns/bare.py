"""What a model without layers is made of: the tables that it looks words up in, each under what it reads."""

from __future__ import annotations

from irgen.ir.architecture import Embedding, Evidence, Region
from irgen.ir.attrs import integers
from irgen.match.analysis import Analysis
from irgen.patterns.entry import lookup
from irgen.patterns.parameters import weight_size


def find_tables(analysis: Analysis) -> dict[str, Embedding]:
    """Every look-up of a learned table by its node, with the input that it reads."""
    inputs = {n: i for i, n in enumerate(analysis.graph.inputs)}
    found: dict[str, Embedding] = {}
    for name in analysis.order:
        node = analysis[name]
        if node.op not in {"embedding", "gather"} or analysis.is_data(node.inputs[0]) or not analysis.is_data(name):
            continue
        behind = analysis.back(name, 0)
        read = next((i for n, i in inputs.items() if n in behind), None)
        known = next((e for n, e in found.items() if analysis[n].inputs[0] == node.inputs[0]), None)
        if known is not None:
            known.facts["inputs"] = [*known.facts.get("inputs", [known.input]), read]
        embedding = known or lookup(analysis, name)
        if known is None:
            embedding.input = read
        if (pooled := _pooled(analysis, name)) is not None:
            embedding.facts["pooled"] = pooled
        found[name] = embedding
    return found


def distinct(tables: dict[str, Embedding]) -> list[Embedding]:
    """Each table once."""
    return list({id(embedding): embedding for embedding in tables.values()}.values())


def _pooled(analysis: Analysis, name: str) -> str | None:
    """How the words that one entry of the batch looks up become one state: mean, sum or max."""
    user = analysis.single_user(name)
    reduced = user is not None and analysis.op(user) in {"reduce_mean", "reduce_sum", "reduce_max"}
    if user is None or not reduced or len(analysis[name].shape) - 1 in integers(analysis[user], "axes"):
        return None
    return analysis.op(user).removeprefix("reduce_")


def regions_of(tables: dict[str, Embedding]) -> list[Region]:
    """A region for each look-up."""
    regions: list[Region] = []
    for name, embedding in tables.items():
        embedding.region = f"embedding{len(regions)}"
        facts = {"kind": embedding.kind, "size": embedding.size, "width": embedding.width}
        check = f"a table of {embedding.size} × {embedding.width}, looked up by an input"
        regions.append(
            Region(
                embedding.region, "embedding", (name,), facts=facts, evidence=[Evidence("embedding", check, (name,))]
            )
        )
    return regions


def size_of(analysis: Analysis, tables: dict[str, Embedding]) -> int:
    """Learned numbers in the tables, each counted once."""
    return weight_size(analysis, {analysis[n].inputs[0] for n in tables})
