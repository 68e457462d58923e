"""One space: stacks that read nothing of one another and end as unit vectors of one size.

What is compared are the cosines of these vectors (Radford et al. 2021, figure 3; Girdhar et al. 2023, equation 1).
"""

from __future__ import annotations

from irgen.match.analysis import Analysis
from irgen.patterns.head import behind_last_sum
from irgen.patterns.runs import Run


def name_towers(analysis: Analysis, runs: list[Run]) -> None:
    """Call the stacks that lead into one space towers, whatever their masks."""
    owner = {n: run for run in runs for n in run.nodes}
    inside = set[str]().union(*(run.region for run in runs)) if runs else set[str]()
    spaces: dict[int, dict[int, Run]] = {}
    for name in analysis.order:
        node = analysis[name]
        if node.op != "l2_norm" or name in inside or len(node.shape) != 2:
            continue
        _, reads = behind_last_sum(analysis, name, set(owner))
        ends = {id(owner[n]): owner[n] for n in reads}
        if len(ends) == 1:
            spaces.setdefault(node.shape[-1], {}).update(ends)
    for towers in spaces.values():
        if len(towers) > 1 and not any(_reads(one, other) for one in towers.values() for other in towers.values()):
            for run in towers.values():
                run.role = "tower"


def _reads(one: Run, other: Run) -> bool:
    return other in one.reads or other in one.memories
