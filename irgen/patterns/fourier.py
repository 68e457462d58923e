"""Fourier mixing: tokens are mixed by a discrete Fourier transform (Lee-Thorp et al. 2021, section 3.2)."""

from __future__ import annotations

from irgen.ir.architecture import Evidence
from irgen.match.pattern import Branch, Finding, Pattern, Refusal


def prove(branch: Branch) -> list[Finding] | Refusal:
    """A Fourier transform of the stream without any learned contraction in the branch."""
    transforms = branch.free("fft")
    if not transforms:
        return Refusal("the branch holds no Fourier transform")
    if branch.free("linear", "matmul", "einsum", "conv"):
        return Refusal("learned contractions stand beside the Fourier transform: a filter, not plain mixing")
    analysis = branch.analysis
    width = analysis[branch.outs[0]].shape[branch.axis]
    check = "the branch is a discrete Fourier transform and its real part"
    evidence = [Evidence("fourier", check, tuple(transforms))]
    nodes = {n for n in branch.region if analysis.is_data(n)}
    return [Finding("fourier", {"width": width}, nodes, {"x": branch.root or transforms[0]}, evidence)]


PATTERN = Pattern(label="fourier", prove=prove, mixes=True, after=("self-attention",))
