"""Token mixing by learned weights: contractions over the tokens of a stream instead of its features.

MLP-Mixer: Tolstikhin et al. 2021, equation 1. ResMLP: Touvron et al. 2021, equation 2. Spatial gating: Liu et al. 2021,
equation 3.
"""

from __future__ import annotations

from irgen.ir.architecture import Evidence, Fact
from irgen.match.axes import runs_over_tokens, stream_axis
from irgen.match.experts import Expert, contractions, find_experts
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.patterns.shapes import is_pointwise


def prove(branch: Branch) -> list[Finding] | Refusal:
    """One finding for the contractions of a branch that sum over tokens; a perceptron of two with its hidden width."""
    analysis, root = branch.analysis, branch.root
    if root is None or len(analysis[root].shape) < 3:
        return Refusal("the branch reads no stream of tokens")
    points = [n for n in branch.free("linear", "conv") if is_pointwise(analysis, n)]
    axis = stream_axis(analysis, root, branch.outs[0], branch.axis)
    if axis is None:
        return Refusal("which axis of the stream holds its features is not told")
    along = [n for n in points if runs_over_tokens(analysis, n, root, axis) and not _is_explained(branch, n)]
    if not along:
        return Refusal(f"none of the {len(points)} contractions with a matrix sums over tokens")
    nodes = _around(branch, along)
    facts: dict[str, Fact] = {"width": analysis[root].shape[axis]}
    check = f"along the axis over which {len(along)} contractions sum the features of the stream do not change"
    evidence = [Evidence("mixer", check, tuple(along))]
    pairs = find_experts(analysis, contractions(analysis, nodes), branch.region)
    pair = next((p for p in pairs if {u.node for u in p.ups} <= set(along)), None)
    if pair is not None and not _turns(branch, pair):
        facts["hidden"] = pair.hidden
        if (act := pair.activation(analysis)) is not None:
            facts["activation"] = act.name
            evidence.append(Evidence("activation", act.check, (pair.down.node,)))
    return [Finding("mixer", facts, nodes, {"x": root, "mix": along[0]}, evidence)]


def _turns(branch: Branch, pair: Expert) -> bool:
    """Whether the second contraction sums over something else than what the first one made."""
    up = pair.ups[0].node
    return runs_over_tokens(branch.analysis, pair.down.node, up, len(branch.analysis[up].shape) - 1)


def _is_explained(branch: Branch, name: str) -> bool:
    """Whether something that is explained already reads a contraction (keys of attention, projected over tokens)."""
    stack, seen = [name], {name}
    while stack:
        for user in branch.analysis.users[stack.pop()]:
            if user in branch.claimed:
                return True
            if user in branch.region and user not in seen:
                seen.add(user)
                stack.append(user)
    return False


def _around(branch: Branch, along: list[str]) -> set[str]:
    """Everything unclaimed of the branch in front of the contractions or behind them."""
    analysis = branch.analysis
    left = branch.region - branch.claimed
    behind: set[str] = set(along)
    for name in sorted(left, key=analysis.place.__getitem__):
        if any(s in behind for s in analysis[name].inputs):
            behind.add(name)
    ahead: set[str] = set()
    stack = list(behind & left)
    while stack:
        name = stack.pop()
        if name in ahead or name not in left:
            continue
        ahead.add(name)
        stack.extend(analysis.inputs(name))
    return ahead


PATTERN = Pattern(
    label="mixer",
    prove=prove,
    mixes=True,
    after=("self-attention", "cross-attention", "moe", "selective-scan", "linear-recurrence", "rnn", "fourier"),
)
