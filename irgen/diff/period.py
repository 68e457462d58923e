"""Sequences of layers folded: the shortest pattern that repeats, and how it is written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from irgen.diff.outline import Item
from irgen.ir.architecture import Fact

T = TypeVar("T", bound=Hashable)

SILENT = frozenset(("variant", "window"))
"""Facts that are said with another one."""


def period(sequence: Sequence[T]) -> tuple[T, ...]:
    """The shortest start of a sequence that, repeated (the last time perhaps cut short), gives it."""
    for length in range(1, len(sequence) + 1):
        if all(sequence[i] == sequence[i - length] for i in range(length, len(sequence))):
            if 2 * length <= len(sequence) or length == 1:
                return tuple(sequence[:length])
            break
    return tuple(sequence)


def shown(layers: Sequence[Item], among: Sequence[Item]) -> str:
    """A sequence of layers in a line: `(sliding-window 128, causal) × 12`, each layer by what tells it apart."""
    labels = _labels(layers, among)
    sequence = [labels[id(layer)] for layer in layers]
    if not sequence:
        return "none"
    found = period(sequence)
    if len(found) == 1:
        return f"{found[0]} × {len(sequence)}" if found[0] else f"× {len(sequence)}"
    times, rest = divmod(len(sequence), len(found))
    if times > 1:
        more = f" + {', '.join(_runs(sequence[-rest:]))}" if rest else ""
        return f"({', '.join(_runs(found))}) × {times}{more}"
    return ", ".join(_runs(sequence))


def runs(sequence: Sequence[T]) -> list[T]:
    """What follows what, in any number."""
    return [one for one, _ in groupby(sequence)]


def _runs(sequence: Sequence[str]) -> list[str]:
    found = [(label, len(list(same))) for label, same in groupby(sequence)]
    return [label if count == 1 else f"{label} × {count}" for label, count in found]


def _labels(layers: Sequence[Item], among: Sequence[Item]) -> dict[int, str]:
    """For each layer what sets it apart: the kinds that not all hold, then the facts that differ."""
    every = list({id(layer): layer for layer in [*layers, *among]}.values())
    here = list({id(layer): layer for layer in layers}.values())
    kinds = [{part.kind for part in layer.slots["sublayer"]} for layer in every]
    common = kinds[0].intersection(*kinds[1:]) if kinds else set[str]()
    if len(here) > 1:
        held = [{part.kind for part in layer.slots["sublayer"]} for layer in here]
        common |= held[0].intersection(*held[1:])
    varying = _varying(every, common)
    labels = {id(layer): _label(layer, common, varying) for layer in here}
    if len(set(labels.values())) < len(here):
        for number, layer in enumerate(here):
            labels[id(layer)] = f"{labels[id(layer)]} {chr(ord('A') + number % 26)}".strip()
    return labels


def _varying(every: Sequence[Item], common: set[str]) -> list[tuple[str, str]]:
    """The facts of common sublayers that take several values within one stack, the telling ones first."""
    values: dict[tuple[str, str], set[str]] = {}
    for layer in every:
        for part in layer.slots["sublayer"]:
            if part.kind in common:
                for key in part.facts.keys() - SILENT:
                    values.setdefault((part.kind, key), set())
    for layer in every:
        for part in layer.slots["sublayer"]:
            for (kind, key), seen in values.items():
                if kind == part.kind:
                    seen.add(repr(part.facts.get(key)))
    return sorted(
        (place for place, seen in values.items() if len(seen) > 1),
        key=lambda place: (TELLING.index(place[1]) if place[1] in TELLING else len(TELLING), place),
    )


TELLING = ("mask", "position", "axis", "kernel", "experts", "hidden", "activation")


def _label(layer: Item, common: set[str], varying: list[tuple[str, str]]) -> str:
    own = [part.kind for part in layer.slots["sublayer"] if part.kind not in common]
    if own:
        return " + ".join(dict.fromkeys(own))
    said: list[str] = []
    for part in layer.slots["sublayer"]:
        for kind, key in varying[:1]:
            if kind == part.kind:
                said.append(_word(key, part.facts))
    return " ".join(dict.fromkeys(word for word in said if word))


def _word(key: str, facts: Mapping[str, Fact]) -> str:
    value = facts.get(key)
    if key == "mask" and facts.get("window"):
        return f"{value} {facts['window']}"
    if isinstance(value, bool):
        return key if value else f"no {key}"
    return str(value) if isinstance(value, str) else f"{key} {value}"
