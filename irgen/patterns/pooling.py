"""Pooling as the mixer of tokens (Yu et al. 2022, MetaFormer, equation 4)."""

from __future__ import annotations

from irgen.ir.architecture import Evidence
from irgen.match.pattern import Branch, Finding, Pattern, Refusal


def prove(branch: Branch) -> list[Finding] | Refusal:
    """A pool that keeps the size of the stream, without any learned contraction in the branch."""
    pools = branch.free("avg_pool", "max_pool")
    if not pools:
        return Refusal("the branch holds no pooling")
    if branch.free("linear", "conv", "matmul", "einsum", "softmax"):
        return Refusal("learned contractions stand beside the pooling")
    analysis = branch.analysis
    nodes = {n for n in branch.region if analysis.is_data(n)}
    evidence = [Evidence("pooling", "the branch is a pool of the stream and arithmetic on it", tuple(pools))]
    return [Finding("pooling", {"width": branch.width}, nodes, {"x": branch.root or pools[0]}, evidence)]


PATTERN = Pattern(label="pooling", prove=prove, mixes=True, after=("self-attention", "convolution"))
