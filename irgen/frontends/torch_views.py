"""Writes in place made functional: each storage has versions, and views are taken anew after a write."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from irgen.frontends.torch_build import Builder, Val
from irgen.frontends.torch_record import Call, Ref

NEW_GEOMETRY = frozenset(
    [
        "unsqueeze",
        "squeeze",
        "t",
        "transpose",
        "swapaxes",
        "swapdims",
        "as_strided",
        "detach",
        "requires_grad",
        "resize",
    ]
)
"""In-place functions that change how a tensor looks at its memory, not what is there."""

Source = tuple[Ref, Call | None, tuple[int, ...]]


class Views:
    """The current value of every tensor. `again(call, path)` lowers a view's call once more."""

    def __init__(self, build: Builder, again: Callable[[Call, tuple[int, ...]], Val]) -> None:
        self._build = build
        self._again = again
        self._values: dict[Ref, Val] = {}
        self._seen: dict[Ref, int] = {}
        self._sources: dict[Ref, Source] = {}
        self._version: dict[int, int] = {}

    def __contains__(self, ref: object) -> bool:
        return ref in self._values

    def bind(
        self, ref: Ref, value: Val, source: Ref | None = None, call: Call | None = None, path: tuple[int, ...] = ()
    ) -> None:
        """The value of a new tensor; a view says of what (`source`) and how (`call`; None: the same elements)."""
        self._values[ref] = value
        self._seen[ref] = self._version.get(ref.storage, 0)
        if source is not None:
            self._sources[ref] = (source, call, path)

    def read(self, ref: Ref) -> Val:
        """The value now: as it was made, or taken anew if its memory was written since."""
        now = self._version.get(ref.storage, 0)
        if self._seen[ref] != now and ref in self._sources:
            source, call, path = self._sources[ref]
            self._values[ref] = self.read(source) if call is None else self._again(call, path)
            self._seen[ref] = now
        return self._values[ref]

    def write(self, ref: Ref, value: Val) -> None:
        """Replace all of `ref`, and with it the part of what it is a view of."""
        chain: list[Ref] = [ref]
        while chain[-1] in self._sources and self._sources[chain[-1]][0].storage == ref.storage:
            chain.append(self._sources[chain[-1]][0])
        before = [self.read(part) for part in chain]
        now = self._version[ref.storage] = self._version.get(ref.storage, 0) + 1
        for i, part in enumerate(chain):
            if i:
                value = self._written(before[i], before[i - 1], value, part, chain[i - 1])
            self._values[part], self._seen[part] = value, now

    def _written(self, old: Val, view: Val, value: Val, whole: Ref, part: Ref) -> Val:
        """`old` with `value` where `view` was taken from it."""
        steps: list[str] = []
        place = view.id
        nodes = self._build.graph.nodes
        while place != old.id:
            node = nodes[place]
            if node.op not in ("reshape", "transpose", "slice", "stop_gradient") or len(node.inputs) != 1:
                return self._scattered(old, value, whole, part)
            steps.append(place)
            place = node.inputs[0]
        return self._unwound(old, value, steps)

    def _unwound(self, old: Val, value: Val, steps: list[str]) -> Val:
        build = self._build
        for step in steps:
            node = build.graph.nodes[step]
            above = build.graph.nodes[node.inputs[0]]
            if node.op == "reshape":
                value = build.reshape(value, above.shape)
            elif node.op == "transpose":
                order: list[int] = list(node.attrs["perm"])  # pyright: ignore
                value = build.transpose(value, [order.index(i) for i in range(len(order))])
            elif node.op == "slice":
                base = (
                    old if node.inputs[0] == old.id else Val(above.id, above.shape, above.dtype, old.data, old.learned)
                )
                axis = int(node.attrs["axis"])  # pyright: ignore
                box = [(0, n, 1) for n in above.shape]
                box[axis] = tuple(node.attrs[k] for k in ("start", "stop", "step"))  # pyright: ignore
                value = written(build, base, value, box)
        return value

    def _scattered(self, old: Val, value: Val, whole: Ref, part: Ref) -> Val:
        """Through any other view: by the positions of its elements in the memory of what it looks at."""
        if whole.stride != tuple(math.prod(whole.shape[i + 1 :]) for i in range(len(whole.shape))):
            return self._build.emit("opaque", [old, value], old.shape, old.dtype, name="write through a view")
        places = np.lib.stride_tricks.as_strided(
            np.arange(2 * old.size + 1), part.shape, [8 * s for s in part.stride]
        ) + (part.offset - whole.offset)
        build = self._build
        flat = build.reshape(old, (-1,))
        index = build.const(np.ascontiguousarray(places.reshape(-1)))
        put = build.emit(
            "scatter_nd", [flat, build.reshape(value, (-1,)), index], flat.shape, old.dtype, axes=(0,), reduce="none"
        )
        return build.reshape(put, old.shape)


def written(build: Builder, old: Val, update: Val, box: list[tuple[int, int, int]]) -> Val:
    """`old` with `update` put into the box of (start, stop, step), one triple an axis."""
    if all((start, stop, step) == (0, n, 1) for (start, stop, step), n in zip(box, old.shape, strict=True)):
        return update
    starts, stops, steps = zip(*box, strict=True)
    return build.emit(
        "write", [old, update], old.shape, old.dtype, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps)
    )
