"""Routers told by behaviour: feed-forwards alike in form whose shares in the result follow learned scores of the token.

No selection need stand in the graph: what is asked is the table of shares. It tells how many experts a token has
(all of them in a dense mixture, a varying number where a threshold decides), and raising one score must raise the
share of one expert.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.match.alike import structure_of
from irgen.match.analysis import Analysis
from irgen.match.combining import Result, join_of, results_of, table_of
from irgen.match.experts import Expert
from irgen.match.probe import Probe
from irgen.match.weighted import Weighted

Floats = NDArray[np.float64]

_TOLERANCE = 1e-6
_STEPS = (1.0, 8.0)
"""By how much a score is raised; more where that changes nothing."""
_FAVOUR = 40.0
"""So far above and below zero scores are set that one of them takes all."""
_FIXED_FROM = 3
"""So many feed-forwards at least must share the tokens where no score does: two may be told apart by a mask."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of experts on two draws, one table [token, expert] each, and where they were read off."""

    results: tuple[Result, ...]
    experts: int
    join: str
    axis: int
    tables: tuple[Floats, Floats]

    @property
    def routed(self) -> tuple[int, ...]:
        """The experts whose share is not the same for all tokens (or is nothing, by chance of the draws)."""
        both = np.concatenate(self.tables)
        scale = np.abs(both).max(initial=0.0) * _TOLERANCE
        if not (np.ptp(both, axis=0) > scale).any():
            return ()
        return tuple(
            int(i) for i in np.flatnonzero((np.ptp(both, axis=0) > scale) | (np.abs(both).max(axis=0) <= scale))
        )

    @property
    def top_k(self) -> int | None:
        """How many experts each token has, where it is the same number for all."""
        counts = {int(n) for n in np.unique(self._counts())}
        return counts.pop() if len(counts) == 1 else None

    @property
    def most(self) -> int:
        """How many experts a token has at most."""
        return int(self._counts().max(initial=0))

    @property
    def flat(self) -> bool:
        """Whether every share is nothing or one and the same number: what is weighed is then not the results."""
        both = np.concatenate(self.tables)[:, list(self.routed)]
        held = both[np.abs(both) > _TOLERANCE * np.abs(both).max(initial=0.0)]
        return not held.size or bool(np.ptp(held) <= _TOLERANCE * np.abs(held).max())

    @property
    def normalized(self) -> bool:
        """Whether the shares sum to one constant, for each token that has as many experts as any."""
        counts = self._counts()
        sums = np.concatenate([table[:, list(self.routed)].sum(axis=-1) for table in self.tables])
        sums = sums[counts > 0] if self.top_k is None else sums[counts == self.most]
        return bool(sums.size and np.ptp(sums) <= _TOLERANCE * np.abs(sums).max())

    def _counts(self) -> NDArray[np.int64]:
        both = np.concatenate(self.tables)[:, list(self.routed)]
        return np.asarray((np.abs(both) > _TOLERANCE * np.abs(both).max(initial=0.0)).sum(axis=-1), dtype=np.int64)

    def on(self, analysis: Analysis, probe: Probe) -> Floats | None:
        """The table in another run."""
        return table_of(analysis, probe, self.results, self.experts, self.join, self.axis)


@dataclass(frozen=True, slots=True)
class _Told:
    """The tables of the experts (by the places of their results) of a part of a graph, known by its structure."""

    key: int
    ends: tuple[int, ...]
    tables: tuple[Floats, Floats]


def shares_of(
    analysis: Analysis, experts: Sequence[Expert], region: set[str], out: str, known: list[object]
) -> Shares | str:
    """The shares of experts in the result of a branch, or why they cannot be told.

    Parts of a graph with the same structure are asked once: `known` holds the answers.
    """
    found = results_of(analysis, [e.down for e in experts], [e.ups[0].x for e in experts])
    if found is None:
        return "whose result is whose cannot be told"
    results, count = found
    if count < 2:
        return "the feed-forwards share one set of weights"
    join = join_of(analysis, [r.node for r in results], region, analysis[out].size)
    if join is None:
        return f"the results of {count} alike feed-forwards do not come together in one sum"
    wide = [i for i, n in enumerate(analysis[join].shape) if n == experts[0].down.fan_out]
    if not wide:
        return "the sum of the results has other features than they have"
    place = wide[-1]
    nodes = sorted(region, key=analysis.place.__getitem__)
    key, index = structure_of(analysis, nodes), {name: i for i, name in enumerate(nodes)}
    ends = (index[join], *(index.get(r.node, -1) for r in results))
    for told in known:
        if isinstance(told, _Told) and told.key == key and told.ends == ends:
            return Shares(tuple(results), count, join, place, told.tables)
    tables = [table_of(analysis, probe, results, count, join, place) for probe in analysis.probes]
    if tables[0] is None or tables[1] is None:
        return f"the shares have no probe values: {analysis.probes[0].why(join) or 'sizes depend on the run'}"
    known.append(_Told(key, ends, (tables[0], tables[1])))
    return Shares(tuple(results), count, join, place, (tables[0], tables[1]))


@dataclass(frozen=True, slots=True)
class Weighing:
    """A router without a selection: its score (None: the place or id of a token decides), and what the shares are."""

    router: Weighted | None
    shares: Shares
    scoring: str | None
    check: str


def weighing_of(analysis: Analysis, shares: Shares, scores: Sequence[Weighted]) -> Weighing | str:
    """The router among contractions that are no experts, by which of them move the shares; or why there is none."""
    routed = shares.routed
    if len(routed) < 2:
        return f"{shares.experts} alike feed-forwards are summed, what each counts is the same for all tokens"
    first = shares.tables[0][:, list(routed)]
    if (first < -_TOLERANCE * np.abs(first).max()).any():
        return "what the alike feed-forwards count may be negative: no shares of experts"
    movers = [w for w in scores if w.fan_out >= len(routed) and _moves(analysis, shares, w)]
    if not movers:
        return _by_place(shares)
    why = {w.node: _raised(analysis, shares, w) for w in movers}
    router = next((w for w in reversed(movers) if why[w.node] is None), None)
    if router is None:
        return why[movers[-1].node] or ""
    scoring = _scoring(analysis, shares, router)
    share = f"each token has {shares.top_k}" if shares.top_k is not None else "how many a token has varies"
    sums = "sum to one constant" if shares.normalized else "do not sum to a constant"
    words = f"raising one score raises the share of one of {len(routed)} experts; {share}; shares {sums}"
    return Weighing(router, shares, scoring, words)


def _by_place(shares: Shares) -> Weighing | str:
    """Tokens that are dealt out by place or id: each has one expert, whole."""
    tables = [table[:, list(shares.routed)] for table in shares.tables]
    whole = all(bool((np.isclose(t, 0) | np.isclose(t, t.max())).all()) for t in tables)
    if shares.top_k != 1 or not whole or len(shares.routed) < _FIXED_FROM:
        return "no learned score moves what the alike feed-forwards count"
    return Weighing(None, shares, None, f"each token passes one of {len(shares.routed)} experts, chosen by no score")


def _moves(analysis: Analysis, shares: Shares, score: Weighted) -> bool:
    """Whether other values of a score change the shares."""
    probe = analysis.probes[0]
    value = probe.value(score.node)
    if value is None:
        return False
    other = np.random.default_rng(11).standard_normal(value.shape)
    table = shares.on(analysis, probe.override({score.node: other}))
    return table is not None and bool(np.abs(table - shares.tables[0]).max() > _TOLERANCE)


def _raised(analysis: Analysis, shares: Shares, score: Weighted) -> str | None:
    """Why raising one score for all tokens does not raise the share of just one expert, or None if it does."""
    probe = analysis.probes[0]
    value = probe.value(score.node)
    if value is None or score.fan_out not in value.shape:
        return "the scores have no probe values"
    axis = len(value.shape) - 1 - value.shape[::-1].index(score.fan_out)
    own: set[int] = set()
    for column in sorted({0, score.fan_out // 2, score.fan_out - 1}):
        for step in _STEPS:
            raised = np.moveaxis(np.array(value, dtype=np.float64), axis, -1)
            raised[..., column] += step
            table = shares.on(analysis, probe.override({score.node: np.moveaxis(raised, -1, axis)}))
            if table is None:
                return "the shares have no value under other scores"
            gain = (table - shares.tables[0]).sum(axis=0)
            up = np.flatnonzero(gain > _TOLERANCE * np.abs(shares.tables[0]).sum())
            if len(up) > 1:
                return f"raising one score raises the shares of {len(up)} of the alike feed-forwards: no router"
            if len(up):
                own.add(int(up[0]))
                break
    return None if len(own) > 1 else "no two scores raise the shares of two of the alike feed-forwards: no router"


def empty_columns(analysis: Analysis, shares: Shares, score: Weighted) -> int:
    """How many columns of a score belong to no expert but hand the token on.

    With one of them far above all others no expert's mark comes out, and the branch still gives something else than
    where an expert is chosen.
    """
    probe = analysis.probes[0]
    value = probe.value(score.node)
    tokens = len(shares.tables[0])
    if value is None or value.shape[-1:] != (score.fan_out,) or value.size != tokens * score.fan_out:
        return 0
    quiet = {r.node: np.zeros(analysis[r.node].shape) for r in shares.results}
    empty = 0
    known: Floats | None = None
    for first in range(0, score.fan_out, tokens):
        columns = np.arange(first, first + tokens) % score.fan_out
        favoured = np.full((tokens, score.fan_out), -_FAVOUR)
        favoured[np.arange(tokens), columns] = _FAVOUR
        under = probe.override({score.node: favoured.reshape(value.shape)})
        table = shares.on(analysis, under)
        rest = probe.override({score.node: favoured.reshape(value.shape), **quiet}).value(shares.join)
        if table is None or rest is None or rest.shape != analysis[shares.join].shape:
            return 0
        rows = np.moveaxis(np.asarray(rest, dtype=np.float64), shares.axis, -1).reshape(tokens, -1)
        real = np.abs(table).max(axis=-1) > _TOLERANCE
        if known is None and real.any():
            known = np.asarray(rows[int(np.flatnonzero(real)[0])], dtype=np.float64)
        if known is None:
            return 0
        other = np.abs(rows - known).max(axis=-1) > _TOLERANCE * max(float(np.abs(rows).max()), 1.0)
        fresh = np.arange(tokens) < score.fan_out - first
        empty += int((~real & other & fresh).sum())
    return empty


def _scoring(analysis: Analysis, shares: Shares, score: Weighted) -> str | None:
    """Which function of the scores the shares are, up to a factor for each token, on both draws."""
    named: set[str | None] = set()
    for probe, table in zip(analysis.probes, shares.tables, strict=True):
        value = probe.value(score.out if analysis[score.out].shape == analysis[score.node].shape else score.node)
        part = table[:, list(shares.routed)]
        if value is None or value.size % part.size:
            return None
        slots = value.size // part.size
        rows = np.asarray(value, dtype=np.float64).reshape(len(part), -1)
        soft = np.exp(rows - rows.max(axis=-1, keepdims=True))
        soft /= soft.sum(axis=-1, keepdims=True)
        summed = soft.reshape(len(part), part.shape[1], slots).sum(axis=-1)
        references = {"softmax": summed} | ({"sigmoid": 1 / (1 + np.exp(-rows))} if slots == 1 else {})
        named.add(next((word for word, ref in references.items() if _follows(part, ref)), None))
    return named.pop() if len(named) == 1 else None


def _follows(table: Floats, reference: Floats) -> bool:
    """Whether the shares that are not zero are the reference's entries, times one factor a token."""
    kept = np.abs(table) > _TOLERANCE * np.abs(table).max()
    ratio = np.where(kept, table / reference, np.nan)
    several = kept.sum(axis=-1) > 1
    if not several.any():
        single = ratio[kept]
        return bool(single.size and np.ptp(single) <= _TOLERANCE * np.abs(single).max())
    rows = ratio[several]
    spread = np.nanmax(rows, axis=-1) - np.nanmin(rows, axis=-1)
    return bool((spread <= _TOLERANCE * np.nanmax(np.abs(rows))).all())
