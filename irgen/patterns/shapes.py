"""What the shapes of a contraction's weight say: pointwise, depthwise, kernel, channels."""

from __future__ import annotations

from irgen.match.analysis import Analysis


def kernel_of(analysis: Analysis, name: str) -> tuple[int, ...]:
    """The kernel of a convolution."""
    return analysis[analysis[name].inputs[1]].shape[2:]


def channels_of(analysis: Analysis, name: str) -> tuple[int, int]:
    """Channels read and written by a convolution."""
    node = analysis[name]
    return analysis[node.inputs[0]].shape[1], node.shape[1]


def is_pointwise(analysis: Analysis, name: str) -> bool:
    """A contraction over features alone: a linear, or a convolution that looks at one position."""
    node = analysis[name]
    if node.op in {"linear", "grouped_linear"}:
        return True
    single = node.op == "conv" and max(kernel_of(analysis, name), default=1) == 1
    return single and node.attrs.get("groups", 1) != analysis[node.inputs[0]].shape[1]


def is_depthwise(analysis: Analysis, name: str) -> bool:
    """A convolution that treats each channel alone."""
    node = analysis[name]
    return node.op == "conv" and node.attrs.get("groups", 1) == analysis[node.inputs[0]].shape[1] > 1


def in_features(analysis: Analysis, name: str) -> int:
    """The number of features that a pointwise contraction reads."""
    node = analysis[name]
    return analysis[node.inputs[0]].shape[1 if node.op == "conv" else -1]
