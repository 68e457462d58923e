"""Branches put side by side along the channels: inception modules, fire modules, dense connections."""

from __future__ import annotations

from collections.abc import Iterable, Set

from irgen.match.analysis import NORMS, Analysis
from irgen.patterns.shapes import kernel_of

_POOLS = frozenset({"max_pool", "avg_pool"})
_BEHIND = NORMS | {"relu", "silu", "gelu", "leaky_relu", "elu", "max_pool", "avg_pool", "reshape", "transpose", "pad"}
"""What may stand behind the joint of a block's branches inside the block."""

_JOINED = 8
"""More states than this are not put beside one another by skips: they are steps or groups."""


def joint_of(analysis: Analysis, nodes: Iterable[str]) -> str | None:
    """The concatenation of channels in which a block ends, or None if it ends in something else."""
    for name in sorted(nodes, key=analysis.place.__getitem__, reverse=True):
        if analysis.op(name) == "concat":
            return name if joins_channels(analysis, name) else None
        if analysis.is_data(name) and analysis.op(name) not in _BEHIND:
            return None
    return None


def joins_channels(analysis: Analysis, name: str) -> bool:
    """Whether a node puts several maps together along their channels."""
    node = analysis[name]
    return node.op == "concat" and node.attrs.get("axis") == 1 and len(node.shape) > 2 and len(analysis.data(name)) > 1


def is_inception(analysis: Analysis, region: Set[str]) -> bool:
    """Whether branches with kernels of different sizes are computed from one state and put side by side.

    An operand without a convolution of its own must be a pool; a state that is put beside what was computed from it
    is a dense connection (Huang et al. 2016, equation 2).
    """
    for name in region:
        if not joins_channels(analysis, name):
            continue
        kernels = [_kernels(analysis, operand, region) for operand in analysis.data(name)]
        sizes = {max(ks) for ks in kernels if ks}
        pooled = all(ks or _pools(analysis, o, region) for ks, o in zip(kernels, analysis.data(name), strict=True))
        if len(sizes) > 1 and pooled:
            return True
    return False


def is_dense(analysis: Analysis, region: Set[str], root: str | None) -> bool:
    """Whether a state is put beside what a block computed from it."""
    joint = joint_of(analysis, region)
    return joint is not None and any(source == root or source not in region for source in analysis.data(joint))


def skipped(analysis: Analysis, joint: str) -> set[str]:
    """The operands of a joint from which another operand was computed through maps of another size.

    These are the skips of a U-Net (Ronneberger et al. 2015, figure 1).
    """
    operands = list(dict.fromkeys(analysis.data(joint)))
    found: set[str] = set()
    if len(operands) > _JOINED or len(analysis[joint].shape) < 3:
        return found
    for operand in operands:
        for other in operands:
            between = analysis.between(operand, [other]) if other != operand else set[str]()
            convs = [n for n in between if analysis.op(n) in {"conv", "conv_transposed"}]
            if any(1 < max(analysis[n].shape[2:]) != max(analysis[operand].shape[2:]) for n in convs):
                found.add(operand)
    return found


def _own(analysis: Analysis, operand: str, region: Set[str]) -> set[str]:
    """The nodes of the region behind an operand, up to the last joint."""
    found: set[str] = set()
    stack = [operand]
    while stack:
        name = stack.pop()
        if name in region and name not in found and not joins_channels(analysis, name):
            found.add(name)
            stack.extend(analysis.data(name))
    return found


def _kernels(analysis: Analysis, operand: str, region: Set[str]) -> list[int]:
    """The largest sides of the kernels of an operand's convolutions."""
    convs = [n for n in _own(analysis, operand, region) if analysis.op(n) == "conv"]
    return [max(kernel_of(analysis, n)) for n in convs]


def _pools(analysis: Analysis, operand: str, region: Set[str]) -> bool:
    return any(analysis.op(n) in _POOLS for n in _own(analysis, operand, region))
