"""The family of a model, a table over its towers, its cross links and its masks."""

from __future__ import annotations

from irgen.ir.architecture import Embedding
from irgen.match.analysis import Analysis
from irgen.patterns.parameters import weights_of
from irgen.patterns.runs import Run

_ATTENTION = frozenset({"self-attention", "cross-attention"})


def family_of(analysis: Analysis, runs: list[Run], embeddings: list[Embedding]) -> str:
    """encoder-only, decoder-only, encoder-decoder, convolutional, recurrent, embedding, composite or other."""
    kinds = {f.label for run in runs for s in run.sublayers for f, _ in s.found}
    ops = {node.op for node in analysis.graph}
    if not runs:
        if "rnn" in ops:
            return "recurrent"
        if ops & {"conv", "conv_transposed"}:
            return "convolutional"
        return "embedding" if embeddings or "embedding" in ops else "other"
    if not kinds & (_ATTENTION | {"mixer", "fourier", "selective-scan", "linear-recurrence", "moe"}):
        if "rnn" in kinds:
            return "recurrent"
        if "convolution" in kinds or "conv" in ops:
            return "convolutional"
    if _is_convolutional(runs):
        return "convolutional"
    towers = [run for run in runs if not run.reads and (run.entry.embeddings or run.entry.inputs)]
    if any(run.role == "tower" for run in runs):
        return "composite"
    decoders = [run for run in runs if run.role == "decoder"]
    crossed = any(run.memories for run in decoders)
    if any(run.role in {"resampler", "codec"} for run in runs) or len(towers) > 2 or (len(towers) == 2 and not crossed):
        return "composite"
    if crossed and any(_is_itself(analysis, run) for run in decoders):
        return "decoder-only"
    if crossed:
        return "encoder-decoder"
    if decoders:
        return "decoder-only" if len(decoders) == len(runs) else "composite"
    return "encoder-only"


def _is_itself(analysis: Analysis, run: Run) -> bool:
    """Whether a stack is another one run again over a second stream (Yang et al. 2019, section 2.3)."""
    if not run.memories or any(f.label == "self-attention" for s in run.sublayers for f, _ in s.found):
        return False
    own = set(weights_of(analysis, run.region))
    others = ({n for n in weights_of(analysis, m.region) if len(analysis[n].shape) >= 2} for m in run.memories)
    return all(2 * len(matrices & own) > len(matrices) for matrices in others)


def _is_convolutional(runs: list[Run]) -> bool:
    """Whether a network begins and ends in convolutions, and has more of them than of attention between (a U-Net)."""
    kinds = [[f.label for f, _ in s.found] for run in runs for s in run.sublayers]
    attending = sum(bool(set(found) & _ATTENTION) for found in kinds)
    ends = {*kinds[0], *kinds[-1]}
    return (
        bool(kinds[0] and kinds[-1])
        and ends == {"convolution"}
        and sum("convolution" in found for found in kinds) > attending
    )
