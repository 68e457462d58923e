"""Convolutional blocks: plain, depthwise, bottleneck, inverted residual and inception branches.

He et al. 2015, figure 5; Sandler et al. 2018, section 3.3; Szegedy et al. 2014, figure 2.
"""

from __future__ import annotations

from irgen.ir.architecture import Evidence, Fact
from irgen.ir.graph import Attr
from irgen.ir.ops import ELEMENTWISE, MOVES
from irgen.match.analysis import Analysis
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.patterns.branching import is_dense, is_inception, joint_of
from irgen.patterns.shapes import channels_of, is_pointwise, kernel_of


def variant_of(analysis: Analysis, convs: list[str], region: set[str]) -> str:
    """The variant of a run of convolutions in order, which lie in `region`."""
    if is_inception(analysis, region):
        return "inception"
    spatial = [n for n in convs if max(kernel_of(analysis, n)) > 1]
    points = [n for n in convs if max(kernel_of(analysis, n)) == 1]
    depthwise = [n for n in spatial if analysis[n].attrs.get("groups", 1) == channels_of(analysis, n)[0] > 1]
    first, last = convs[0], convs[-1]
    if depthwise and last in points:
        middle = channels_of(analysis, depthwise[0])[0]
        wide = first in points and middle > channels_of(analysis, first)[0]
        return "inverted-residual" if wide or middle > channels_of(analysis, last)[1] else "depthwise"
    if depthwise:
        return "depthwise"
    if (
        len(convs) >= 3
        and first in points
        and last in points
        and channels_of(analysis, first)[1] <= channels_of(analysis, last)[1]
    ):
        return "bottleneck"
    return "plain"


def _numbers(attr: Attr) -> tuple[int, ...]:
    """The whole numbers of an attribute."""
    return tuple(int(str(n)) for n in attr) if isinstance(attr, tuple) else (1,)


def prove(branch: Branch) -> list[Finding] | Refusal:
    """One finding for the convolutions of a branch, if any of them looks beyond one position."""
    analysis = branch.analysis
    convs = branch.free("conv", "conv_transposed")
    spatial = [n for n in convs if max(kernel_of(analysis, n), default=1) > 1]
    if not spatial:
        return Refusal("no unclaimed convolution of the branch looks beyond one position")
    whole = branch.axis == 1 and not branch.free("linear", "softmax", "matmul", "einsum")
    if not whole:
        convs = spatial
        if all(_inside_feed_forward(branch, n) for n in spatial):
            return Refusal("each convolution stands between an up- and a down-projection: it belongs to a feed-forward")
    own = [n for n in convs if n not in _shortcut(branch)] or convs
    spatial = [n for n in spatial if n in own] or spatial
    main = max(spatial, key=lambda n: (max(kernel_of(analysis, n)), -analysis.place[n]))
    strides = [_numbers(analysis[n].attrs.get("stride")) for n in spatial]
    stride = max(strides, key=max)
    joint = joint_of(analysis, branch.region)
    facts: dict[str, Fact] = {
        "kernel": list(kernel_of(analysis, main)),
        "stride": list(stride),
        "channels": channels_of(analysis, own[-1])[1],
        "groups": analysis[main].attrs.get("groups", 1),
        "variant": variant_of(analysis, own, branch.region),
    }
    if facts["variant"] == "inception" and joint is not None:
        facts["channels"] = analysis[joint].shape[1]
    if analysis.op(main) == "conv_transposed":
        facts["transposed"] = True
    if (squeezed := _squeezed(branch)) is not None:
        facts["squeeze"] = squeezed
    if is_dense(analysis, branch.region, branch.root):
        facts["dense"] = True
    check = f"{len(convs)} convolutions, kernels {', '.join('×'.join(map(str, kernel_of(analysis, n))) for n in convs)}"
    nodes = set(branch.region - branch.claimed) if whole else set(convs)
    nodes |= _conditions(analysis, nodes) if whole else set()
    return [
        Finding(
            "convolution", facts, nodes, {"x": branch.root or convs[0]}, [Evidence("convolution", check, tuple(own))]
        )
    ]


def _squeezed(branch: Branch) -> int | None:
    """The hidden channels of a gate that a mean over the whole map decides (Hu et al. 2017, equations 2 and 3)."""
    analysis = branch.analysis
    for name in branch.free("mul"):
        shape = analysis[name].shape
        for gate in analysis.data(name):
            small = analysis[gate].shape
            if len(shape) < 3 or small[:2] != shape[:2] or max(small[2:], default=1) > 1 or small == shape:
                continue
            behind = analysis.back(gate, 0) & branch.region
            pooled = [n for n in behind if analysis.op(n) == "reduce_mean"]
            points = [n for n in behind if is_pointwise(analysis, n) and any(analysis.reaches(p, n) for p in pooled)]
            if len(points) == 2:
                first = min(points, key=analysis.place.__getitem__)
                return analysis[first].shape[1]
    return None


def _conditions(analysis: Analysis, nodes: set[str]) -> set[str]:
    """What nothing but these nodes reads and what does not come from the stream: projections of a time or a class."""
    found: set[str] = set()
    stack = [source for n in nodes for source in analysis.data(n) if source not in nodes]
    while stack:
        name = stack.pop()
        if name in found or analysis.op(name) == "input" or any(u not in nodes | found for u in analysis.users[name]):
            continue
        if analysis.op(name) in _PROJECTING:
            found.add(name)
            stack.extend(analysis.data(name))
    return found


_PROJECTING = ELEMENTWISE | MOVES | {"linear"}


def _shortcut(branch: Branch) -> set[str]:
    """What brings the stream itself to the sum: a projection is no part of the branch."""
    analysis = branch.analysis
    if branch.root is None or branch.trunk is None or branch.trunk in branch.outs:
        return set()
    return analysis.between(branch.root, [branch.trunk]) - analysis.between(branch.root, branch.outs)


def _inside_feed_forward(branch: Branch, name: str) -> bool:
    """Whether a convolution of single channels has a pointwise contraction of the branch both before and behind it."""
    analysis = branch.analysis
    if analysis[name].attrs.get("groups", 1) == 1:
        return False
    if analysis[name].shape[1] <= branch.width:
        return False
    before = any(analysis.op(n) in {"linear", "conv"} for n in analysis.back(name, 0) & branch.region - {name})
    behind = any(analysis.op(n) in {"linear", "conv"} for n in analysis.between(name, branch.outs) & branch.region)
    return before and behind


PATTERN = Pattern(
    label="convolution",
    prove=prove,
    mixes=True,
    after=("self-attention", "moe", "selective-scan", "linear-recurrence", "rnn"),
)
