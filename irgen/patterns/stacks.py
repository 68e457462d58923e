"""The stacks of the record, from runs whose parts, role and name are known."""

from __future__ import annotations

from irgen.ir.architecture import Block, Stack
from irgen.match.analysis import Analysis
from irgen.patterns.head import fold_feed_forwards
from irgen.patterns.layers import into_blocks
from irgen.patterns.parameters import weights_of
from irgen.patterns.runs import Run


def to_stack(analysis: Analysis, run: Run) -> Stack:
    """The stack of the record, from a run whose parts, role and name are known."""
    blocks: list[Block] = into_blocks(run.layers, run.parts)
    for block in blocks:
        layer = run.layers[block.at[0]]
        held = {n for s in layer for n in (*s.sum.region, *s.norms, *(m for f, _ in s.found for m in f.nodes))}
        block.parameters = sum(weights_of(analysis, held).values())
    weights = weights_of(analysis, run.region)
    return Stack(
        name=run.name,
        role=run.role,
        width=run.width,
        blocks=blocks,
        before=[p for _, p in fold_feed_forwards(analysis, run.entry.nodes, run.entry.parts)],
        shared=_shares(analysis, run),
        parameters=sum(weights.values()),
        positions=_positions(analysis, run),
        latents=_latents(analysis, run),
    )


def _positions(analysis: Analysis, run: Run) -> tuple[int | str, ...]:
    """Sizes of the stream between batch and features."""
    s = run.first.sum
    dims = analysis[s.node].tensor.dims if s.residual else s.shape
    return tuple(d for i, d in enumerate(dims) if 0 < i != s.axis % len(dims))


def _latents(analysis: Analysis, run: Run) -> int | None:
    """Learned states at the start of a stream that no input feeds."""
    root = run.first.sum.root
    if run.entry.sums or run.entry.embeddings or run.entry.inputs or analysis.live(root):
        return None
    learned = [
        n for n in analysis.back(root, 0) if analysis.op(n) == "param" and analysis[n].shape[-1:] == (run.width,)
    ]
    rows = max((analysis[n].size // run.width for n in learned), default=0)
    return rows if rows > 1 else None


def _shares(analysis: Analysis, run: Run) -> bool:
    """Whether the layers read the same weights."""
    if len(run.layers) < 2:
        return False
    first, second = (weights_of(analysis, {n for s in layer for n in s.sum.region}) for layer in run.layers[:2])
    matrices = {n for n in first if len(analysis[n].shape) >= 2}
    return bool(matrices) and matrices <= set(second)
