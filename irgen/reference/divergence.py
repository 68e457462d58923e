"""Where two runs of one model part: the first wrong value, the part that makes it wrong, and the proof by replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from onnx import ModelProto

from irgen.ir.graph import Graph
from irgen.ir.ops import MOVES
from irgen.reference import bounds, extract
from irgen.reference.bisect import Ancestry, behind, first_wrong
from irgen.reference.compare import Errors, errors
from irgen.reference.runs import Array, Output, Session

HIDDEN = 1e29
"""Entries beyond this are masked out, whatever number stands for that."""

ROUNDS = 6
"""How often a wrong value found before the first one starts the search again."""

Values = Callable[[Sequence[str], bool], list[Output]]
"""Values of nodes in PyTorch, in float64 (True) or in the module's own precision."""


@dataclass(frozen=True)
class Divergence:
    """The first wrong value and what makes it.

    `node` is its node in PyTorch's graph and `suspects` the nodes that compute it from right values; `value` is its
    name in the file, `operators` and `values` the operators in between there and what they give.
    `confirmed`: they give a wrong value from the
    float64 run's own values, so that the error is theirs. `runs` counts the comparisons on the way.
    """

    node: str
    suspects: tuple[str, ...]
    value: str
    operators: tuple[str, ...]
    values: frozenset[str]
    reason: str
    confirmed: bool
    runs: int
    regions: int
    found: Errors | None = None
    bound: float | None = None
    model: bytes = b""
    inputs: dict[str, Array] = field(default_factory=dict[str, Array])
    expected: dict[str, Array] = field(default_factory=dict[str, Array])


@dataclass
class Search:
    """The search for one divergence.

    `graph` is PyTorch's canonical graph, `pairs` the file's value for nodes of it, `values` gives PyTorch's values;
    `model` is the file (external tensors in `folder`), `feeds` its inputs, `precision` a key of `bounds.FLOORS`.
    """

    graph: Graph
    pairs: Mapping[str, str]
    values: Values
    model: ModelProto
    folder: Path
    feeds: Mapping[str, Array]
    precision: str
    optimised: bool = False
    runs: int = 0

    def run(self, goal: str, value: str) -> Divergence:
        """Search behind the wrong value `goal` of PyTorch's graph, which is `value` in the file.

        A wrong value from which only right ones follow is no cause (its rows stand in another order, say): it is left
        out and the search goes on.
        """
        names = dict(self.pairs) | {goal: value}
        for _ in range(ROUNDS):
            boundaries = [node.id for node in self.graph if node.id in names and node.id != goal]
            wrong = self._first(goal, boundaries, names)
            if wrong == goal or self._carried(wrong, names):
                break
            del names[wrong]
        else:
            wrong, boundaries = goal, []
        return self._proved(wrong, names, boundaries)

    def _first(self, goal: str, boundaries: Sequence[str], names: Mapping[str, str]) -> str:
        """The first wrong value, with right ones all around it."""
        wrong = goal
        for _ in range(ROUNDS):
            wrong = first_wrong(
                wrong, boundaries, self.graph, lambda node: bool(self._wrong([(node, names[node])]))
            ).node
            before = self._wrong([(node, names[node]) for node in self._around(wrong, names)[1]])
            if not before:
                break
            wrong = before[0]
        return wrong

    def _carried(self, node: str, names: Mapping[str, str]) -> bool:
        """Whether any of the next paired values behind a wrong one is wrong too."""
        users = self.graph.users()
        seen, found, stack = {node}, dict[str, None](), [node]
        while stack:
            for user in users[stack.pop()]:
                if user not in seen:
                    seen.add(user)
                    if user in names:
                        found[user] = None
                    else:
                        stack.append(user)
        return not found or bool(self._wrong([(one, names[one]) for one in found]))

    def _around(self, node: str, names: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """What computes a value from the nearest values that are paired, and those."""
        stops = {name: value for name, value in names.items() if name != node}
        suspects = behind(self.graph, node, stops)
        inside = set(suspects)
        read = {source for name in suspects for source in self.graph[name].inputs if source and source not in inside}
        return suspects, [one for one in self.graph.nodes if one in read and one in stops]

    def _wrong(self, places: Sequence[tuple[str, str]]) -> list[str]:
        """Which of these values the file has wrong, in order; one run of each side."""
        if not places:
            return []
        self.runs += 1
        nodes = [node for node, _ in places]
        exact, eager = self.values(nodes, True), self.values(nodes, False)
        given = self._file([value for _, value in places])
        return [
            node
            for (node, value), true, own in zip(places, exact, eager, strict=True)
            if judged(given[value], own, true, self.precision)[0]
        ]

    def _file(self, names: Sequence[str]) -> dict[str, Output]:
        """Values of the file on the whole model's inputs."""
        session = self._session(extract.part(self.model, names))
        takes = {slot.name for slot in session.inputs}
        return session.run({name: value for name, value in self.feeds.items() if name in takes}, names)

    def _session(self, model: ModelProto) -> Session:
        return Session(model.SerializeToString(), optimised=self.optimised, folder=self.folder)

    def _proved(self, node: str, names: Mapping[str, str], boundaries: Sequence[str]) -> Divergence:
        """The divergence, its part of the file run on the float64 run's values."""
        value = names[node]
        above = {names[one]: one for one in Ancestry(self.graph, boundaries).among(node, boundaries)}
        while wrong := self._wrong([(above[one], one) for one in extract.met(self.model, value, above)]):
            above = {one: name for one, name in above.items() if name not in wrong}
        met = extract.met(self.model, value, above)
        exact, eager = self.values([node, *(above[one] for one in met)], True), self.values([node], False)
        kinds = self._file(met) if met else {}
        cut = {one: _cast(true.values, kinds[one].values) for one, true in zip(met, exact[1:], strict=True)}
        suspects, _ = self._around(node, names)
        regions = len(self.pairs)
        small = extract.with_data(extract.part(self.model, [value], cut), self.folder)
        self.runs += 1
        feeds = dict(cut) | {k: v for k, v in self.feeds.items() if any(i.name == k for i in small.graph.input)}
        feeds = {k: v for k, v in feeds.items() if any(i.name == k for i in small.graph.input)}
        given = self._session(small).run(feeds, [value])[value]
        extract.typed(small, given.values)
        reason, found, allowed = judged(given, eager[0], exact[0], self.precision)
        if not reason:
            whole = judged(self._file([value])[value], eager[0], exact[0], self.precision)
            return self._made(node, suspects, small, value, whole, False, regions, feeds, exact[0])
        return self._made(node, suspects, small, value, (reason, found, allowed), True, regions, feeds, exact[0])

    def _made(
        self,
        node: str,
        suspects: list[str],
        small: ModelProto,
        value: str,
        verdict: tuple[str, Errors | None, float | None],
        confirmed: bool,
        regions: int,
        feeds: dict[str, Array],
        exact: Output,
    ) -> Divergence:
        computing = [name for name in suspects if self.graph[name].op not in MOVES and self.graph[name].inputs]
        return Divergence(
            node,
            tuple(computing or suspects),
            value,
            tuple(one.op_type for one in small.graph.node),
            frozenset(name for one in small.graph.node for name in one.output),
            verdict[0],
            confirmed,
            self.runs,
            regions,
            verdict[1],
            verdict[2],
            small.SerializeToString(),
            feeds,
            {value: exact.values},
        )


def _cast(value: Array, like: Array) -> Array:
    """PyTorch's value as the file holds it."""
    limit = np.finfo(like.dtype).max if like.dtype.kind == "f" else None
    held = value.reshape(like.shape) if value.size == like.size else value
    if limit is not None and held.dtype.kind == "f":
        finite = np.isfinite(held)
        held = np.where(finite, np.clip(held, -limit, limit), held)
    return held.astype(like.dtype)


def judged(given: Output, eager: Output, exact: Output, precision: str) -> tuple[str, Errors | None, float | None]:
    """Why a value inside the file is wrong (empty where it is right), its errors, and what they may be."""
    if given.values.size != exact.values.size:
        return f"its shape is {list(given.values.shape)}, PyTorch's is {list(exact.values.shape)}", None, None
    values, own, true = (one.values.reshape(exact.values.shape) for one in (given, eager, exact))
    if values.dtype.kind != "f" or true.dtype.kind != "f":
        away = int((values != true).sum())
        return (f"{away} of {values.size} entries are not PyTorch's" if away else ""), None, None
    shown = [np.isfinite(one) & (np.abs(one) < HIDDEN) for one in (values, own, true)]
    if not np.array_equal(shown[0], shown[1]):
        count = int((shown[0] != shown[1]).sum())
        return f"{count} of {values.size} entries are masked, infinite or no number on one side only", None, None
    kept = shown[0] & shown[2]
    found, ours = errors(values, true, kept), errors(own, true, kept)
    allowed = bounds.bound(ours, bounds.largest(true, kept), precision, int(kept.sum()))
    return allowed.exceeded(found) or "", found, allowed.rmse
