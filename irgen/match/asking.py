"""What a cone is asked: its output on probe values, with the values of streams changed at some tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irgen.match.memory import Floats, Mixing, Stream
from irgen.match.probe import Probe

_CHANGED = 1e-12


@dataclass(slots=True)
class Asking:
    """One probe run of a cone: the values of its leaves, and its output under other values."""

    mixing: Mixing
    probe: Probe
    values: dict[str, Floats]
    _silent: Asking | None = None
    _rest: Floats | None = None

    def silent(self, stream: Stream) -> Asking:
        """The run with the stream at zero, kept (one stream a run is asked for)."""
        if self._silent is None:
            self._silent = self.replaced(self.with_stream(stream, None, 0.0))
        return self._silent

    @property
    def rest(self) -> Floats | None:
        """The output of this run as it is, kept."""
        if self._rest is None:
            self._rest = self.output()
        return self._rest

    @staticmethod
    def of(mixing: Mixing, probe: Probe) -> Asking | None:
        """Leaves as drawn by the probe; leaves that are no stubs are drawn here."""
        chance = np.random.default_rng(17 + probe.draw)
        values: dict[str, Floats] = {}
        fresh = probe.another(probe.draw)
        for leaf in mixing.leaves:
            shape = mixing.analysis[leaf].shape
            drawn = fresh.value(leaf) if fresh.is_stub(leaf) else chance.standard_normal(shape)
            if drawn is None:
                return None
            values[leaf] = np.asarray(drawn, dtype=np.float64)
        own = {leaf: value for leaf, value in values.items() if not fresh.is_stub(leaf)}
        ask = Asking(mixing, fresh.override(own) if own else fresh, values)
        if ask.output() is not None:
            return ask
        # A decay may have its sign folded into a vector of weights, which the probe draws positive.
        flipped = {name: -value for name in _vectors(mixing) if (value := fresh.value(name)) is not None}
        return Asking(mixing, fresh.override({**own, **flipped}), values) if flipped else ask

    def output(self, changed: Mapping[str, Floats] | None = None) -> Floats | None:
        """The output as [batch, token, channel] under the leaves' values, some of them changed."""
        value = (self.probe.override(changed) if changed else self.probe).value(self.mixing.out)
        if value is None or np.iscomplexobj(value):
            return None
        rows = as_rows(np.asarray(value, dtype=np.float64), self.mixing)
        return rows if rows is None or np.isfinite(rows).all() else None

    def at(
        self, stream: Stream, token: int | None, features: Iterable[int] | None = None
    ) -> dict[str, NDArray[np.bool_]]:
        """Where a stream stands in its leaves at one token (None: at all)."""
        found: dict[str, NDArray[np.bool_]] = {}
        wanted = list(stream.features if features is None else features)
        for leaf in stream.leaves:
            node = self.mixing.analysis[leaf]
            axis = self.mixing.axes[leaf]
            moved = np.zeros([n for i, n in enumerate(node.shape) if i != axis] + [node.shape[axis]], dtype=bool)
            flat = moved.reshape(-1, node.shape[axis])
            rows = slice(None)
            if token is not None:
                places = self.mixing.token_of(leaf)
                if places is None:
                    continue
                rows = places == token
            picked = np.zeros(node.shape[axis], dtype=bool)
            picked[wanted] = True
            flat[rows] = picked
            found[leaf] = np.moveaxis(flat.reshape(moved.shape), -1, axis)
        return found

    def with_stream(
        self, stream: Stream, token: int | None, value: float | Floats, *, add: bool = False
    ) -> dict[str, Floats]:
        """The stream's leaves with its entries at one token (None: all) set to a value, or changed by it."""
        changed: dict[str, Floats] = {}
        for leaf, mask in self.at(stream, token).items():
            new = self.values[leaf].copy()
            new[mask] = new[mask] + value if add else value
            changed[leaf] = new
        return changed

    def replaced(self, changed: Mapping[str, Floats]) -> Asking:
        """The same run with other values of some leaves."""
        return Asking(self.mixing, self.probe.override(changed), {**self.values, **changed})


def _vectors(mixing: Mixing) -> list[str]:
    """The learned vectors that the cone reads."""
    analysis = mixing.analysis
    read = {s for name in mixing.nodes for s in analysis.inputs(name) if analysis.op(s) == "param"}
    return sorted((s for s in read if sum(n > 1 for n in analysis[s].shape) <= 1), key=analysis.place.__getitem__)


def output_width(mixing: Mixing) -> int | None:
    """The number of channels of a cone's output."""
    shape = mixing.analysis[mixing.out].shape
    if any(size < 0 for size in shape):
        return None
    rows = as_rows(np.broadcast_to(np.zeros(()), shape), mixing)
    return None if rows is None else rows.shape[-1]


def token_and_channel_axes(mixing: Mixing) -> tuple[int, tuple[int, ...]] | None:
    """The axis of a cone's output along which its tokens run, and those of its channels; None where they are joined."""
    shape = mixing.analysis[mixing.out].shape
    axes = list(range(len(shape)))
    taken: list[int] = []
    for size in (mixing.batch, mixing.tokens):
        found = next((axis for axis in axes if shape[axis] == size), None)
        if found is None:
            return None
        axes.remove(found)
        taken.append(found)
    return (taken[1], tuple(axes)) if axes else None


def as_rows(value: Floats, mixing: Mixing) -> Floats | None:
    """An output as [batch, token, channel]: channels last, or in axis 1 behind convolutions; batch or tokens first."""
    tokens, batch = mixing.tokens, mixing.batch
    shape = value.shape
    if value.ndim < 2 or value.size % (tokens * batch):
        return None
    if value.ndim >= 3 and shape[0] == tokens and shape[1] == batch and tokens != batch:
        return np.moveaxis(value.reshape(tokens, batch, -1), 0, 1)
    rows = value.size // shape[-1]
    if rows % (tokens * batch) == 0 and shape[-1] != tokens:
        if shape[0] == batch and value.ndim >= 4 and shape[1] != tokens and tokens in shape:
            axis = shape.index(tokens, 1)
            return np.moveaxis(value, axis, 1).reshape(batch, tokens, -1)
        return value.reshape(batch, tokens, -1)
    if shape[-1] == tokens and shape[0] == batch:
        return np.moveaxis(value, -1, 1).reshape(batch, tokens, -1)
    return None


def changed_tokens(one: Floats, other: Floats) -> NDArray[np.bool_]:
    """For each token whether two outputs differ there."""
    scale = np.abs(one).max() or 1.0
    return np.asarray((np.abs(one - other) > _CHANGED * scale).any(axis=(0, 2)), dtype=np.bool_)
