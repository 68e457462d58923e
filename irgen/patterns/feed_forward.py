"""Feed-forward: down(act(up(x))), or down(act(gate(x)) · up(x)).

Vaswani et al. 2017, section 3.3; gated forms: Shazeer 2020, equation 6.
"""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.architecture import Evidence, Fact
from irgen.ir.ops import ELEMENTWISE, MOVES
from irgen.match.activations import Activation, activation_of
from irgen.match.analysis import NORMS
from irgen.match.axes import pools_tokens, runs_over_tokens, stream_axis
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.patterns.shapes import in_features, is_depthwise, is_pointwise, kernel_of

_BETWEEN = ELEMENTWISE | MOVES | NORMS | {"pick"}
CHANNEL_CONTRACTIONS = frozenset({"linear", "grouped_linear", "conv"})


@dataclass(slots=True)
class Pair:
    """Up-projections, a nonlinearity and a down-projection; `nodes` are all of them and what lies between."""

    down: str
    ups: list[str]
    hidden: int
    activation: Activation
    nodes: set[str]


def find_pairs(branch: Branch) -> list[Pair] | str:
    """Every up–act–down among the unclaimed contractions of a branch, or why there is none."""
    analysis = branch.analysis
    downs = [n for n in branch.free(*CHANNEL_CONTRACTIONS) if is_pointwise(analysis, n)]
    if len(downs) < 2:
        return (
            f"an up- and a down-projection are needed, {len(downs)} unclaimed contractions over the features are there"
        )
    pairs: list[Pair] = []
    used: set[str] = set()
    reason = "no nonlinearity stands between two contractions over the features"
    for down in reversed(downs):
        if down in used:
            continue
        z = analysis[down].inputs[0]
        ups, nodes = _sources(branch, z)
        if not ups or not set(ups) <= set(downs):
            continue
        if (why := _mixes_tokens(branch, ups, nodes)) is not None:
            reason = why
            continue
        spatial = [n for n in nodes if analysis.op(n) == "conv"]
        if spatial and in_features(analysis, down) <= branch.width:
            reason = "a convolution of single channels stands between projections that do not widen the stream"
            continue
        activation = activation_of(analysis, z, ups)
        if activation is None:
            continue
        if activation.name in {None, "identity"} and _convolved(branch):
            reason = "a product without a nonlinearity beside spatial convolutions is a modulation, not a feed-forward"
            continue
        pairs.append(Pair(down, ups, in_features(analysis, down), activation, nodes | {down, *ups}))
        used |= {down, *ups}
    return _merged(branch, pairs) or reason


def _mixes_tokens(branch: Branch, ups: list[str], nodes: set[str]) -> str | None:
    """Why what lies between root and down-projection is not the same function of each token alone, or None."""
    analysis, root = branch.analysis, branch.root
    if any(analysis.op(n) in {"pad", "roll"} for n in nodes):
        return "tokens are shifted between the two contractions"
    if root is None:
        return None
    axis = stream_axis(analysis, root, branch.outs[0], branch.axis)
    if axis is not None and any(runs_over_tokens(analysis, up, root, axis) for up in ups):
        return "the up-projection runs over the tokens, not over the features"
    if all(pools_tokens(analysis, analysis[up].inputs[0], root) for up in ups):
        return "the up-projection reads a summary of all tokens: a gate on channels, no feed-forward"
    return None


def _merged(branch: Branch, pairs: list[Pair]) -> list[Pair]:
    """Pairs that are parts of one feed-forward as one: chunks with the same weights, side paths of one hidden state."""
    analysis = branch.analysis
    kept: list[Pair] = []
    for pair in pairs:
        weights = [analysis[n].inputs[1] for n in (pair.down, *pair.ups)]
        for one in kept:
            same = weights == [analysis[n].inputs[1] for n in (one.down, *one.ups)]
            if same or set(pair.ups) == set(one.ups):
                if analysis[pair.down].size > analysis[one.down].size:
                    one.down = pair.down
                one.nodes |= pair.nodes
                break
        else:
            kept.append(pair)
    return kept


def _convolved(branch: Branch) -> bool:
    """Whether the branch holds a convolution that looks beyond one position."""
    return any(
        max(kernel_of(branch.analysis, n), default=1) > 1 for n in branch.region if branch.analysis.op(n) == "conv"
    )


def _sources(branch: Branch, z: str) -> tuple[list[str], set[str]]:
    """The pointwise contractions that a hidden activation comes from, and the nodes between.

    Nothing where the way leaves the branch or meets a mixer of tokens other than a depthwise convolution.
    """
    analysis = branch.analysis
    ups: list[str] = []
    nodes: set[str] = set()
    stack = [z]
    while stack:
        name = stack.pop()
        if name in nodes or not analysis.is_data(name):
            continue
        if name not in branch.region:
            return [], set()
        if is_pointwise(analysis, name):
            ups.append(name)
            continue
        if name in branch.claimed:
            return [], set()
        if analysis.op(name) not in _BETWEEN and not is_depthwise(analysis, name):
            return [], set()
        if _joins_tokens(branch, name):
            return [], set()
        nodes.add(name)
        stack.extend([analysis[name].inputs[0]] if analysis.op(name) == "conv" else analysis.data(name))
    return list(dict.fromkeys(ups)), nodes


def _joins_tokens(branch: Branch, name: str) -> bool:
    """Whether a node puts several results together along another axis than that of the features: steps of a loop."""
    node = branch.analysis[name]
    rank = len(branch.analysis[branch.root].shape) if branch.root is not None else -1
    if len(node.shape) != rank or node.op not in {"concat", "write"}:
        return False
    if node.op == "write":
        return True
    return node.attrs.get("axis") != branch.axis % rank and len(branch.analysis.data(name)) > 1


def prove(branch: Branch) -> list[Finding] | Refusal:
    """One feed-forward for each up–act–down of the branch."""
    pairs = find_pairs(branch)
    if isinstance(pairs, str):
        return Refusal(pairs)
    analysis = branch.analysis
    findings: list[Finding] = []
    for pair in pairs:
        act = pair.activation
        facts: dict[str, Fact] = {"hidden": pair.hidden, "activation": act.name, "gated": act.gated}
        spatial = [n for n in pair.nodes if analysis.op(n) == "conv" and max(kernel_of(analysis, n), default=1) > 1]
        if spatial:
            facts["conv_kernel"] = max(kernel_of(analysis, spatial[0]))
        evidence = [Evidence("feed-forward", act.check, (pair.down, *pair.ups))]
        findings.append(Finding("feed-forward", facts, pair.nodes, {"down": pair.down, "up": pair.ups[0]}, evidence))
    return findings


PATTERN = Pattern(
    label="feed-forward",
    prove=prove,
    mixes=False,
    after=("self-attention", "moe", "selective-scan", "linear-recurrence", "rnn", "mixer", "convolution"),
)
