"""What a model is trained on, where one of its outputs is a loss: known by how the loss answers to what is compared.

The states that a loss compares (scores, predictions, targets) are the last ones behind it that more than arithmetic
made. The loss is evaluated as a function of them, and held against the losses that the vocabulary has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.ir.architecture import Evidence, Objective, Region
from irgen.ir.attrs import integers
from irgen.ir.ops import ELEMENTWISE, MOVES, REDUCTIONS
from irgen.match.analysis import SAME_ELEMENTS, Analysis
from irgen.match.probe import Probe

Floats = NDArray[np.float64]

_LIGHT = ELEMENTWISE | REDUCTIONS | MOVES | frozenset({
    "softmax", "log_softmax", "gather", "gather_elements", "gather_nd", "one_hot", "stop_gradient", "layer_norm",
    "l2_norm",
})  # fmt: skip
_MOST = 4096
"""So many compared numbers are tried one by one."""
_LARGEST = 4_000_000
"""Classes times places of the largest loss that is evaluated."""
_CLOSE = 1e-6
_COUNTS = (0.5, 1.0, 2.0, 10.0, 50.0, 1e3, 1e6)
"""Where a weighting function is looked at."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss with the states that it compares, each with random values, and the nodes between."""

    analysis: Analysis
    output: str
    leaves: tuple[str, ...]
    nodes: frozenset[str]
    probe: Probe

    def __call__(self, values: Mapping[str, Floats]) -> float:
        """The loss where some of the states have these values; NaN where it cannot be told."""
        found = self.probe.override(values).value(self.output)
        return float(np.asarray(found).reshape(-1)[0]) if found is not None else float("nan")

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a state."""
        return self.analysis[name].shape


def find_objective(analysis: Analysis) -> tuple[Objective, set[str]] | None:
    """The first output that is a loss, as an objective, and the nodes that compute it from what it compares."""
    for index, output in enumerate(analysis.graph.outputs):
        node = analysis[output]
        if not node.is_float or node.size != 1 or len(node.shape) > 1 or not analysis.is_data(output):
            continue
        loss = _loss(analysis, output)
        few = sum(max(analysis[n].size, 0) for n in loss.leaves) <= _MOST
        for prove in (_negative_sampling, _squares, _cross_entropy) if few and loss.leaves else (_cross_entropy,):
            found = prove(loss)
            if found is not None:
                found.output = index
                return found, set(loss.nodes)
    return None


def region_of(analysis: Analysis, aim: Objective, nodes: set[str], others: list[Region]) -> Region:
    """The region of a loss: what computes it, back to what other regions hold."""
    held = {n for region in others for n in region.nodes}
    found: set[str] = set()
    stack = [analysis.graph.outputs[aim.output], *nodes]
    while stack:
        name = stack.pop()
        if name not in held and name not in found and analysis.is_data(name) and analysis.op(name) != "input":
            found.add(name)
            stack.extend(analysis.data(name))
    ordered = tuple(sorted(found, key=analysis.place.__getitem__))
    return Region("objective", "objective", ordered, facts={"kind": aim.kind, **aim.facts}, evidence=aim.evidence)


def _loss(analysis: Analysis, output: str) -> Loss:
    leaves: list[str] = []
    nodes: set[str] = set()
    stack = [output]
    while stack:
        name = stack.pop()
        if name in nodes or name in leaves or not analysis.is_data(name):
            continue
        node = analysis[name]
        if node.op == "input":
            continue
        looked_up = node.op.startswith("gather") and not analysis.is_data(node.inputs[0])
        if node.op not in _LIGHT or looked_up or _is_product(analysis, name):
            leaves.append(name)
            continue
        nodes.add(name)
        stack.extend(analysis.data(name))
    leaves.sort(key=analysis.place.__getitem__)
    probe = analysis.probes[0].override(_positive(analysis, output))
    return Loss(analysis, output, tuple(leaves), frozenset(nodes), probe)


def _positive(analysis: Analysis, output: str) -> dict[str, Floats]:
    """Float inputs of one number an entry (counts, ratings) as positive numbers."""
    random = np.random.default_rng(5)
    names = [n for n in analysis.graph.inputs if analysis[n].is_float and analysis.reaches(n, output)]
    return {n: 1.0 + 9.0 * random.random(analysis[n].shape) for n in names}


def _is_product(analysis: Analysis, name: str) -> bool:
    """Whether a sum is the inner product of two states that more than arithmetic made."""
    node = analysis[name]
    if node.op != "reduce_sum" or len(integers(node, "axes")) != 1:
        return False
    mul = analysis[node.inputs[0]]
    if mul.op != "mul" or mul.inputs[0] == mul.inputs[1]:
        return False
    return all(_is_made(analysis, source) for source in mul.inputs)


def _is_made(analysis: Analysis, name: str) -> bool:
    while analysis.op(name) in SAME_ELEMENTS | {"expand", "reduce_mean", "reduce_sum", "slice"}:
        name = analysis.inputs(name)[0]
    return analysis.is_data(name) and analysis.op(name) not in ELEMENTWISE


def _negative_sampling(loss: Loss) -> Objective | None:
    """Σ −log σ(s) over what is there and Σ −log σ(−s) over what was drawn (Mikolov et al. 2013b, equation 4)."""
    scores = [n for n in loss.leaves if _compares_lookups(loss.analysis, n)]
    if not scores or len(scores) != len(loss.leaves):
        return None
    zero = {n: np.zeros(loss.shape(n)) for n in scores}
    signs = {n: _each(loss, zero, n, lambda up, _, down: np.sign(up - down)) for n in scores}
    positive = sum(int((s < 0).sum()) for s in signs.values())
    negative = sum(int((s > 0).sum()) for s in signs.values())
    if not positive or not negative or positive + negative != sum(s.size for s in signs.values()):
        return None
    scale = loss(zero) / ((positive + negative) * np.log(2.0))
    for draw in (1, 2):
        random = np.random.default_rng(draw)
        values = {n: 2 * random.standard_normal(loss.shape(n)) for n in scores}
        told = scale * sum(float(np.logaddexp(0.0, signs[n] * values[n]).sum()) for n in scores)
        if not np.isclose(loss(values), told, rtol=_CLOSE):
            return None
    drawn = negative / positive
    facts = {"negatives": int(drawn) if drawn == int(drawn) else None}
    check = f"the loss is {scale:.4g} Σ log(1 + exp(±s)) with − at {positive} scores and + at {negative}, on two draws"
    return Objective("negative-sampling", facts, evidence=[Evidence("objective", check, (loss.output, *scores))])


def _compares_lookups(analysis: Analysis, name: str) -> bool:
    """Whether a score is the product of two looked-up states."""
    node = analysis[name]
    sources = analysis[node.inputs[0]].inputs if node.op == "reduce_sum" else node.inputs[:2]
    if node.op not in {"reduce_sum", "matmul", "einsum"} or len(sources) < 2:
        return False
    found: set[str] = set()
    for source in sources:
        at = source
        while analysis.op(at) in MOVES | {"reduce_mean", "reduce_sum", "cast", "neg"}:
            at = analysis.inputs(at)[0]
        if analysis.op(at) not in {"embedding", "gather"}:
            return False
        found.add(at)
    return len(found) == 2


def _cross_entropy(loss: Loss) -> Objective | None:
    """Σ log Σ exp(x) − x at the right class, a mean or a sum over the places that have one."""
    analysis = loss.analysis
    for name in loss.leaves if len(loss.leaves) == 1 else ():
        shape = loss.shape(name)
        if len(shape) < 2 or not 1 < analysis[name].size <= _LARGEST:
            continue
        random = np.random.default_rng(1)
        ids = {
            n: random.integers(0, shape[-1], analysis[n].shape)
            for n in analysis.graph.inputs
            if analysis[n].dtype == "int64" and analysis.reaches(n, loss.output)
        }
        probe = loss.probe.override(ids)
        value = random.standard_normal(shape)
        told = probe.override({name: value}).value(loss.output)
        rows = value.reshape(-1, shape[-1])
        for labels in _labels(analysis, loss.output, len(rows)) if told is not None else ():
            right = probe.value(labels)
            place = None if right is None else np.asarray(right).reshape(-1).astype(np.int64)
            if place is None or not ((place >= 0) & (place < shape[-1])).any():
                continue
            kept = np.flatnonzero((place >= 0) & (place < shape[-1]))
            cost = np.logaddexp.reduce(rows[kept], axis=-1) - rows[kept, place[kept]]
            if any(np.isclose(float(np.asarray(told).reshape(-1)[0]), c, rtol=1e-5) for c in (cost.mean(), cost.sum())):
                check = f"the loss is log Σ exp(x) − x at the class of each of {len(kept)} places"
                evidence = [Evidence("objective", check, (loss.output, name, labels))]
                return Objective("cross-entropy", {"classes": shape[-1]}, evidence=evidence)
    return None


def _labels(analysis: Analysis, output: str, rows: int) -> list[str]:
    """Whole numbers behind a loss that may be the right classes of so many places."""
    behind = analysis.back(output, 0)
    found = [
        n for n in behind if analysis[n].dtype == "int64" and analysis[n].size == rows and analysis.op(n) != "const"
    ]
    return sorted(found, key=analysis.place.__getitem__, reverse=True)


def _squares(loss: Loss) -> Objective | None:
    """Σ w (p − t)² of a prediction p, each with its own weight, and a target t that does not depend on it."""
    for name in sorted(loss.leaves, key=lambda n: _compares_lookups(loss.analysis, n), reverse=True):
        fitted = _fit(loss, loss.probe, name)
        if fitted is None:
            continue
        weights, _ = fitted
        if np.allclose(weights, weights.flat[0], rtol=_CLOSE):
            stopped = any(loss.analysis.op(n) == "stop_gradient" for n in loss.nodes | set(loss.leaves))
            check = f"the loss is {float(weights.flat[0]):.4g} Σ (p − t)² in every one of {weights.size} numbers"
            facts: dict[str, object] = {"stop_gradient": True} if stopped else {}
            return Objective("squares", facts, evidence=[Evidence("objective", check, (loss.output, name))])
        weighted = _weighting(loss, name)
        if weighted is not None:
            check = "the loss is Σ w (p − t)², w and t as functions of an input looked at from ½ to 10⁶"
            if _compares_lookups(loss.analysis, name):
                scalars = [n for n in loss.leaves if loss.analysis[n].op == "embedding" and loss.shape(n)[-1:] == (1,)]
                weighted["biases"] = len(scalars)
            return Objective("weighted-squares", weighted, evidence=[Evidence("objective", check, (loss.output, name))])
    return None


def _fit(loss: Loss, probe: Probe, name: str) -> tuple[Floats, Floats] | None:
    """Weight and target of each number of a state in which a loss is a sum of squares."""
    at = Loss(loss.analysis, loss.output, loss.leaves, loss.nodes, probe)
    start = {name: np.random.default_rng(3).standard_normal(loss.shape(name))}
    weights = _each(at, start, name, lambda up, rest, down: (up + down - 2 * rest) / 2)
    slopes = _each(at, start, name, lambda up, _, down: (up - down) / 2)
    if not np.isfinite(weights).all() or weights.min(initial=1.0) <= 0:
        return None
    targets = start[name] - slopes / (2 * weights)
    rest = at(start) - float((weights * (start[name] - targets) ** 2).sum())
    for draw in (1, 2):
        value = 3 * np.random.default_rng(draw).standard_normal(loss.shape(name))
        told = rest + float((weights * (value - targets) ** 2).sum())
        if not np.isclose(at({name: value}), told, rtol=_CLOSE) or abs(rest) > _CLOSE * abs(told):
            return None
    return weights, targets


def _weighting(loss: Loss, name: str) -> dict[str, object] | None:
    """The input whose value decides the weights: min((x / most)^power, 1), and whether its logarithm is the target."""
    inputs = [n for n in loss.analysis.graph.inputs if loss.analysis[n].is_float and loss.shape(n) == loss.shape(name)]
    for source in inputs:
        fits = [_fit(loss, loss.probe.override({source: np.full(loss.shape(source), x)}), name) for x in _COUNTS]
        told = [(float(f[0].flat[0]), float(f[1].flat[0])) for f in fits if f is not None]
        if len(told) < len(_COUNTS):
            continue
        weights, targets = np.array([w for w, _ in told]), np.array([t for _, t in told])
        power = float(np.log2(weights[2] / weights[1]))
        if not power > 0:
            continue
        most = float((weights[-1] / weights[1]) ** (1 / power))
        curve = weights[-1] * np.minimum((np.array(_COUNTS) / most) ** power, 1.0)
        logarithm = np.allclose(targets - targets[1], np.log(_COUNTS), rtol=1e-4)
        if np.allclose(weights, curve, rtol=1e-4):
            index = loss.analysis.graph.inputs.index(source)
            facts: dict[str, object] = {"power": float(f"{power:.4g}"), "most": float(f"{most:.4g}"), "input": index}
            return {**facts, "target": "logarithm" if logarithm else None}
    return None


def _each(loss: Loss, start: Mapping[str, Floats], name: str, tell: Callable[[float, float, float], float]) -> Floats:
    """What a step of 1 up and down does to the loss, number by number of one state."""
    rest = loss(start)
    found = np.zeros(loss.shape(name))
    for place in np.ndindex(found.shape):
        values: list[float] = []
        for step in (1.0, -1.0):
            moved = start[name].copy()
            moved[place] += step
            values.append(loss({**start, name: moved}))
        found[place] = tell(values[0], rest, values[1])
    return found
