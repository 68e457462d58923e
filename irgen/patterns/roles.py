"""What each stack of a model is to the others, told by dataflow, and its name."""

from __future__ import annotations

from irgen.match.analysis import Analysis
from irgen.patterns.runs import Run

_CONVOLUTIONAL = frozenset({"convolution", "unknown", "pooling"})


def assign_roles(analysis: Analysis, runs: list[Run]) -> None:
    """Give each run its role from dataflow, and a name that is unique."""
    feeds: set[int] = {id(m) for run in runs for m in run.memories}
    for run in runs:
        run.role = _role(analysis, run, runs, feeds)


def assign_names(runs: list[Run]) -> None:
    """Give each run a name that is unique: its role, numbered where several have it."""
    counts: dict[str, int] = {}
    total = {run.role: sum(r.role == run.role for r in runs) for run in runs}
    for run in runs:
        counts[run.role] = counts.get(run.role, 0) + 1
        run.name = run.role if total[run.role] == 1 else f"{run.role}{counts[run.role]}"
    known = [f.facts for run in runs for s in run.sublayers for f, _ in s.found]
    known += [part.facts for run in runs for parts in run.parts.values() for part in parts]
    for facts in known:
        memory = facts.get("memory")
        if isinstance(memory, Run):
            facts["memory"] = memory.name


def _role(analysis: Analysis, run: Run, runs: list[Run], feeds: set[int]) -> str:
    kinds = {f.label for s in run.sublayers for f, _ in s.found}
    causal = _is_causal(run)
    crosses = "cross-attention" in kinds
    if crosses and not analysis.live(run.first.sum.root) and not causal:
        reads_query = "self-attention" in kinds or len(run.memory_sums) > 1
        return "decoder" if reads_query else "resampler"
    if id(run) in feeds and not crosses:
        return "encoder"
    if any(run in m.memories for m in run.memories):
        return "tower"
    if causal or crosses or kinds & {"selective-scan", "linear-recurrence"}:
        return "decoder"
    attending = [r for r in runs if "self-attention" in _kinds(r)]
    behind = run.behind
    if kinds <= _CONVOLUTIONAL and any(r in behind for r in attending):
        return "stage" if any(_kinds(r) <= _CONVOLUTIONAL for r in behind) else "head"
    if kinds <= {"convolution", "rnn", "unknown"} and attending and not any(run in r.behind for r in attending):
        return "codec"
    neighbours = [r for r in runs if r is not run and (_follows(r, run) or _follows(run, r))]
    if any(_resized(run, other) for other in neighbours) or kinds <= {"convolution", "unknown", "pooling"}:
        return "stage"
    return "encoder"


def _is_causal(run: Run) -> bool:
    """Whether some self-attention of a run lets no token see a later one."""
    return any(f.causal for s in run.sublayers for f, _ in s.found if f.label == "self-attention")


def _kinds(run: Run) -> set[str]:
    return {f.label for s in run.sublayers for f, _ in s.found}


def _follows(later: Run, run: Run) -> bool:
    """Whether a run continues another one and nothing else, without being causal."""
    given = {e.kind for e in later.entry.embeddings.values()} - {"learned-position", "sinusoidal-position"}
    fewer = later.first.sum.tokens < run.first.sum.tokens or _kinds(later) == {"convolution"}
    return later.reads == [run] and not given and not later.entry.inputs and fewer and not _is_causal(later)


def _resized(run: Run, other: Run) -> bool:
    a, b = run.first.sum, other.first.sum
    return (a.width != b.width or a.tokens != b.tokens) and {f.label for s in run.sublayers for f, _ in s.found} >= (
        {f.label for s in other.sublayers for f, _ in s.found} & {"self-attention", "convolution"}
    )
