"""Changes as text for people: grouped, most important first, one line a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, cast

from irgen.diff.changes import Change, Diff
from irgen.diff.order import HEADINGS, section
from irgen.diff.outline import AS_HEAD, WIDTH, Item

SIGNS = {"added": "+", "removed": "-"}

QUIET = frozenset(("variant",))
"""Facts that need no word where they follow from another one."""


def lines(changes: Iterable[Change]) -> list[str]:
    """Each change in a line; what happens alike in several places is said once."""
    places: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        sign, where, said = told(change)
        places.setdefault((sign, said), []).append(where)
    return [
        f"{sign} {place}{f': {said}' if said else ''}"
        for (sign, said), found in places.items()
        for place in ([", ".join(found)] if said else found)
    ]


def text(found: Diff, a: str, b: str) -> str:
    """The whole diff; a sentence where nothing differs."""
    if not found:
        return f"{a} and {b} are the same architecture\n"
    rows = [f"{a} → {b}"]
    for number, heading in enumerate(HEADINGS):
        mine = lines(change for change in found.changes if section(change) == number)
        if mine:
            rows += ["", heading, *(f"  {entry}" for entry in mine)]
    return "\n".join(rows) + "\n"


def markdown(found: Diff, a: str, b: str) -> str:
    """The diff as a table for a page: what, before, after."""
    if not found:
        return f"{a} and {b} are the same architecture.\n"
    rows = [("what", a, b), ("---", "---", "---")]
    rows += [(_what(change), *_sides(change)) for change in found.changes]
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in rows)


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ") or " "


def line(change: Change) -> str:
    """A change in a line: `~ decoder.block.self-attention: kv_heads 32 → 8`."""
    return lines([change])[0]


def told(change: Change) -> tuple[str, str, str]:
    """Sign, place and what happened there."""
    sign = SIGNS.get(change.kind, "~")
    if change.kind in SIGNS:
        item = cast("Item", change.new if change.old is None else change.old)
        places = spans(change.layers[change.kind == "added"]) if change.layers else ""
        return sign, _singular(change, places), described(item)
    places = f" {spans(change.layers[1])}" if change.layers else ""
    where = change.where.replace(".layer", f".layer{places}", 1) if places else change.where
    old, new = _sides(change)
    more = [p for p in change.parts if p.key not in QUIET and change.kind == "fact"]
    rest = f" ({', '.join(f'{p.key} {value(p.old, p.key)} → {value(p.new, p.key)}' for p in more)})" if more else ""
    return sign, where, f"{_key(change)}{old} → {new}{rest}"


def _singular(change: Change, places: str) -> str:
    if not places:
        return change.where
    many = change.layers is not None and len(change.layers[change.kind == "added"]) > 1
    return change.where.replace(".layer", f".layer{'s' if many else ''} {places}", 1)


def _key(change: Change) -> str:
    if change.kind == "repeated":
        return "layers "
    if change.kind == "operators":
        return ""
    if change.kind == "period":
        return ""
    if change.kind == "reordered":
        return "order of layers " if change.key else "place "
    return f"{change.key} " if change.key else ""


def _what(change: Change) -> str:
    key = _key(change).strip()
    at = f" (layers {spans(change.layers[1] or change.layers[0])})" if change.layers else ""
    return f"{change.where}{f', {key}' if key else ''}{at}"


def _sides(change: Change) -> tuple[str, str]:
    return value(change.old, change.key), value(change.new, change.key)


def value(found: Any, key: str = "") -> str:
    """A value of a fact as people write it."""
    if isinstance(found, Item):
        said = described(found)
        return f"{found.kind} ({said})" if said else found.kind
    if found is None and key == "form":
        return "as the block"
    if found is None:
        return "nothing" if key == "operators" else "none"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, int):
        return f"{found:,}"
    if isinstance(found, list):
        if key == "operators":
            return _operators(cast("list[str]", found))
        join = ", " if any(isinstance(entry, str) for entry in cast("list[Any]", found)) else "×"
        return join.join(value(entry, key) for entry in cast("list[Any]", found))
    if isinstance(found, dict):
        return ", ".join(f"{count} {name}" for name, count in cast("dict[str, Any]", found).items())
    return str(found)


def described(item: Item) -> str:
    """What an item is, in a few words: the facts that say something."""
    if item.kind == "layer" or "layer" in item.slots or "sublayer" in item.slots:
        return _held(item)
    telling = {key: known for key, known in item.facts.items() if key not in UNSAID and known not in (WIDTH, AS_HEAD)}
    said = [_fact(key, known) for key, known in telling.items()]
    return ", ".join(entry for entry in said if entry)


def _operators(found: list[str]) -> str:
    """A run of operators, at most eight of them."""
    return ", ".join(found[:8]) + (f", … ({len(found)} operators)" if len(found) > 8 else "")


UNSAID = ("variant", "feeds", "memory", "axis")


def _held(item: Item) -> str:
    if "layer" in item.slots:
        layers = item.slots["layer"]
        kinds = dict.fromkeys(part.kind for layer in layers for part in layer.slots["sublayer"])
        count = "1 layer" if len(layers) == 1 else f"{len(layers)} layers"
        return f"{count} of width {value(item.facts.get('width'))}, {' + '.join(kinds)}"
    return " + ".join(part.kind for part in item.slots["sublayer"])


def _fact(key: str, known: Any) -> str:
    if known is None or known is False or known == "none":
        return ""
    if known is True:
        return key
    if key in ("norm", "activation", "dtype", "mask"):
        return str(known)
    if key in ("experts", "heads", "kv_heads", "axes"):
        return f"{value(known, key)} {key.replace('_', ' ')}"
    return "" if known == 0 else f"{key} {value(known, key)}"


def spans(places: Sequence[int]) -> str:
    """Layers in brief: `0–3, 5`; regular steps as `0, 2, … 22`."""
    steps = {b - a for a, b in pairwise(places)}
    if len(steps) == 1 and steps != {1} and len(places) > 3:
        return f"{places[0]}, {places[1]}, … {places[-1]}"
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
