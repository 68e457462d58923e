"""Recurrent cells written out step by step where no residual sum holds the stream: each loop is a block of its own."""

from __future__ import annotations

from irgen.match.analysis import Analysis
from irgen.match.cells import Cell, find_cells
from irgen.patterns.sums import Sum


def find_loops(analysis: Analysis, component: list[str]) -> list[Sum]:
    """The loops among connected nodes (in order), from what feeds the first step to where the steps come together."""
    cells = find_cells(analysis, set(component), set())
    place = analysis.place
    ends = sorted(max(place[n] for n in cell.steps[-1]) for cell in cells if _is_whole(analysis, cell))
    inside = set(component)
    blocks: list[Sum] = []
    start, reach = 0, -1
    for i, name in enumerate(component):
        if ends and place[name] > ends[0] and reach <= place[name]:
            blocks.append(_block(analysis, component[start : i + 1]))
            start = i + 1
            ends = [end for end in ends if end > place[name]]
        reach = max(reach, max((place[u] for u in analysis.users[name] if u in inside), default=-1))
    return blocks


def _is_whole(analysis: Analysis, cell: Cell) -> bool:
    return cell.variant is not None and all(analysis.is_data(n) for step in cell.steps for n in step)


def _block(analysis: Analysis, nodes: list[str]) -> Sum:
    own = set(nodes)
    sources = [s for n in nodes for s in analysis.data(n) if s not in own]
    block = Sum(nodes[-1], sources[0] if sources else nodes[0], nodes[-1], [nodes[-1]], own, residual=False)
    block.shape = analysis[nodes[-1]].shape
    block.axis = len(block.shape) - 1
    return block
