"""Which axis of a stream a contraction runs over: that of its features, or that of its tokens."""

from __future__ import annotations

import numpy as np

from irgen.ir.graph import Array
from irgen.match.analysis import NORMS, SAME_ELEMENTS, Analysis
from irgen.match.trace import Trace

_KNOWN = frozenset({"linear", "grouped_linear", "conv", "embedding"})
"""Operators of whose results the axis of the features is known."""


def stream_axis(analysis: Analysis, root: str, like: str, axis: int) -> int | None:
    """The axis of a stream's features: that over which the norm runs that made it or reads it.

    Without such a norm it is `axis`, if the stream is laid out as the node `like` for which that is told; else None.
    """
    if analysis.op(root) in {"conv", "conv_transposed"}:
        return 1  # a patch embedding, its grid not yet a row of tokens
    if (own := _normed_axis(analysis, root)) is not None:
        return own
    for user in analysis.users[root]:
        node = analysis[user]
        if (over := _normed_axis(analysis, user)) is not None:
            return over
        behind = [n for u in analysis.users[user] if (n := _normed_axis(analysis, u)) is not None]
        perm = node.attrs.get("perm")
        if not behind:
            continue
        if node.op == "transpose" and isinstance(perm, tuple):
            return int(str(perm[behind[0]]))
        if node.op == "reshape" and behind[0] == len(node.shape) - 1 and node.shape[-1] == analysis[root].shape[-1]:
            return len(analysis[root].shape) - 1
    return axis % len(analysis[like].shape) if analysis[root].shape == analysis[like].shape else None


def _normed_axis(analysis: Analysis, name: str) -> int | None:
    node = analysis[name]
    axes = node.attrs.get("axes")
    if node.op not in {"layer_norm", "rms_norm", "l2_norm"} or not isinstance(axes, tuple) or len(axes) != 1:
        return None
    return int(str(axes[0])) % len(node.shape)


def contracted_axis(analysis: Analysis, name: str) -> int:
    """The axis of its operand that a linear or a pointwise convolution contracts."""
    node = analysis[name]
    return 1 if node.op == "conv" else len(analysis[node.inputs[0]].shape) - 1


def runs_over_tokens(analysis: Analysis, name: str, root: str, axis: int) -> bool:
    """Whether a linear or pointwise convolution contracts another axis of the stream than that of its features.

    Told by numbering the features of the stream (and of the contractions on the way) and asking where the numbers
    stand in the operand: along the contracted axis they must all be equal, along another one they must differ.
    """
    source = analysis[name].inputs[0]
    over = contracted_axis(analysis, name)
    if _stays(analysis, source, root):
        return over != axis % len(analysis[root].shape)
    trace = _numbers(analysis, root, axis)
    labels = trace.label(source)
    if any(analysis.op(n) not in _KNOWN for n in trace.sources):
        return False  # behind a product or a transform nobody knows which axis holds features
    if labels is None or labels.ndim <= over or labels.shape[over] < 2 or bool(np.less(labels, 0).any()):
        return False
    return not _differs(labels, over) and any(
        labels.shape[i] > 1 and _differs(labels, i) for i in range(labels.ndim) if i != over
    )


def _differs(labels: Array, axis: int) -> bool:
    """Whether the first two entries of an axis are not the same."""
    along = np.moveaxis(labels, axis, 0)
    return bool((along[0] != along[1]).any())


def _stays(analysis: Analysis, name: str, root: str) -> bool:
    """Whether an operand is the stream itself, normed or bent but not moved."""
    while name != root:
        node = analysis[name]
        below = analysis.main_input(name)
        moved = node.op not in NORMS and not analysis.is_arithmetic(name) and node.op != "cast"
        if below is None or moved or analysis[below].shape != node.shape:
            return False
        name = below
    return True


def _numbers(analysis: Analysis, root: str, axis: int) -> Trace:
    shape = analysis[root].shape
    place = axis % len(shape)
    column = np.arange(shape[place], dtype=np.float64).reshape([-1 if i == place else 1 for i in range(len(shape))])
    numbered: Array = np.broadcast_to(column, shape)
    return Trace(analysis, "feature", fixed={root: numbered})


def pools_tokens(analysis: Analysis, name: str, root: str) -> bool:
    """Whether an operand is a summary of many tokens: on the way from the stream a reduction made it smaller."""
    while name != root:
        node = analysis[name]
        below = analysis.main_input(name)
        if below is None:
            return False
        if node.op.startswith("reduce_") or node.op.endswith("_pool"):
            return analysis[name].size < analysis[below].size
        if node.op not in SAME_ELEMENTS | NORMS | {"expand"} and not analysis.is_arithmetic(name):
            return False
        name = below
    return False
