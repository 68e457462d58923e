"""Recurrent network: h ← cell(x, h) with the same weights at every token and a nonlinearity between the steps.

LSTM: Hochreiter and Schmidhuber 1997 with forget gate (Gers 2000). GRU: Cho et al. 2014. Elman 1990.
"""

from __future__ import annotations

from irgen.ir.architecture import Evidence, Fact
from irgen.match.analysis import Analysis
from irgen.match.cells import Cell, find_cells
from irgen.match.pattern import Branch, Finding, Pattern, Refusal

VARIANTS = {"lstm": "lstm", "gru": "gru", "tanh": "elman", "relu": "elman"}
"""The facts record's word for each variant of the operator."""


def prove(branch: Branch) -> list[Finding] | Refusal:
    """Every recurrent operator of the branch, and every cell written out step by step."""
    found = [_operator(branch, name) for name in branch.free("rnn")]
    cells = find_cells(branch.analysis, branch.region, branch.claimed)
    found.extend(_written_out(branch, cells))
    return found or Refusal("no recurrent operator, and no chain of contractions with one weight that read one another")


def _operator(branch: Branch, name: str) -> Finding:
    analysis = branch.analysis
    node = analysis[name]
    layers = node.attrs.get("layers", 1)
    facts: dict[str, Fact] = {
        "hidden": node.attrs.get("hidden"),
        "variant": VARIANTS.get(str(node.attrs.get("variant"))),
        "bidirectional": bool(node.attrs.get("bidirectional")),
    }
    if isinstance(layers, int) and layers > 1:
        facts["layers"] = layers
    nodes = {name, *(u for u in analysis.users[name] if u in branch.region)}
    evidence = [Evidence("rnn", f"a recurrent operator of kind {node.attrs.get('variant')}", (name,))]
    return Finding("rnn", facts, nodes, {"x": node.inputs[0], "out": name}, evidence)


def _written_out(branch: Branch, cells: list[Cell]) -> list[Finding]:
    """Cells; two that do not depend on one another are the two directions of one layer."""
    analysis = branch.analysis
    findings: list[Finding] = []
    waiting = list(cells)
    while waiting:
        cell = waiting.pop(0)
        twin = next((c for c in waiting if _other_direction(analysis, cell, c)), None)
        if twin is not None:
            waiting.remove(twin)
        pair = [cell] if twin is None else [cell, twin]
        nodes: set[str] = set()
        for each in pair:
            nodes |= _nodes(branch, each)
        facts: dict[str, Fact] = {"hidden": cell.hidden, "variant": cell.variant, "bidirectional": twin is not None}
        evidence = [Evidence("rnn", c.check, tuple(step[0] for step in c.steps[:4])) for c in pair]
        findings.append(Finding("rnn", facts, nodes, {"out": cell.steps[-1][0]}, evidence))
    return findings


def _other_direction(analysis: Analysis, one: Cell, two: Cell) -> bool:
    if one.hidden != two.hidden or one.variant != two.variant or len(one.steps) != len(two.steps):
        return False
    return not analysis.reaches(one.steps[0][0], two.steps[-1][0]) and not analysis.reaches(
        two.steps[0][0], one.steps[-1][0]
    )


def _nodes(branch: Branch, cell: Cell) -> set[str]:
    """All steps, what they read in the branch, and the last state."""
    analysis = branch.analysis
    nodes = analysis.between(cell.steps[0][0], branch.outs) | set(cell.steps[0])
    for name in cell.steps[-1]:
        nodes |= analysis.back(name, analysis.place[branch.root] if branch.root is not None else 0)
    return (nodes & branch.region) - branch.claimed


PATTERN = Pattern(
    label="rnn", prove=prove, mixes=True,
    after=("self-attention", "cross-attention", "moe", "selective-scan", "linear-recurrence"),
)  # fmt: skip
