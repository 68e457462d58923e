"""Changes that only follow from another one are told with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from irgen.diff.changes import Change

FOLLOWS: dict[str, tuple[str, ...]] = {
    "heads": ("kv_heads", "head_dim", "variant"),
    "kv_heads": ("variant",),
    "mask": ("window",),
    "family": (),
    "width": ("reads",),
}
"""A fact, and the facts beside it that change because of it."""


def gathered(changes: Sequence[Change], unpaired: Iterable[str] = ()) -> list[Change]:
    """The changes with those that follow from others put into them."""
    return _totals(_family(_with_stacks(_beside(list(changes)), frozenset(unpaired))))


def _totals(changes: list[Change]) -> list[Change]:
    """Where all parameters are active, their number is told once."""
    whole = next((c for c in changes if c.kind == "total" and c.key == "parameters"), None)
    active = next((c for c in changes if c.kind == "total" and c.key == "active"), None)
    if whole is None or active is None or (whole.old, whole.new) != (active.old, active.new):
        return changes
    kept = [c for c in changes if c is not active]
    kept[kept.index(whole)] = replace(whole, parts=(*whole.parts, active))
    return kept


def _beside(changes: list[Change]) -> list[Change]:
    """Facts of one item: `variant` follows from the number of heads, the window from the mask."""
    kept = list(changes)
    for key, followers in FOLLOWS.items():
        for change in [c for c in kept if c.key == key and c.kind == "fact"]:
            mine = [c for c in kept if _same_place(c, change) and c.key in followers and _follows(change, c, kept)]
            if mine and change in kept:
                kept = [c for c in kept if c not in mine]
                kept[kept.index(change)] = replace(change, parts=(*change.parts, *mine))
    return kept


def _same_place(c: Change, change: Change) -> bool:
    return c is not change and c.kind == "fact" and (c.a, c.b) == (change.a, change.b)


def _follows(change: Change, c: Change, kept: list[Change]) -> bool:
    """One number of key/value heads and heads follows the other; so does a head's width where the product stays."""
    if change.key != "heads":
        return True
    if c.key == "kv_heads":
        return (c.old, c.new) == (change.old, change.new)
    if c.key == "head_dim":
        numbers = [n for n in (change.old, c.old, change.new, c.new) if isinstance(n, int)]
        return len(numbers) == 4 and numbers[0] * numbers[1] == numbers[2] * numbers[3]
    return not any(_same_place(other, change) and other.key == "kv_heads" and other.old == change.old for other in kept)


def _with_stacks(changes: list[Change], unpaired: frozenset[str]) -> list[Change]:
    """References and links to a stack that is only on one side come and go with it."""
    kept = list(changes)
    for change in changes:
        if change.kind in ("added", "removed") and _slot(change) == "stack":
            mine = [c for c in kept if c is not change and _about(c, change.where, unpaired)]
            kept = [c for c in kept if c not in mine]
            kept[kept.index(change)] = replace(change, parts=(*change.parts, *mine))
    return kept


def _slot(change: Change) -> str:
    path = change.a if change.a is not None else change.b
    return path[-1][0] if path else ""


def _about(change: Change, stack: str, unpaired: frozenset[str]) -> bool:
    if change.kind == "rewired":
        differing = set(_names(change.old)) ^ set(_names(change.new))
        return stack in differing and differing <= unpaired
    if change.kind in ("added", "removed") and _slot(change) == "link":
        item: Any = change.new if change.old is None else change.old
        return stack in (item.facts["from"], item.facts["to"])
    return False


def _names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(entry) for entry in cast("list[Any]", value)]
    return [] if value is None else [str(value)]


def _family(changes: list[Change]) -> list[Change]:
    """The family is a word for what the stacks are: it goes with the stack that came or went."""
    family = next((c for c in changes if c.where == "model" and c.key == "family"), None)
    stack = next((c for c in changes if c.kind in ("added", "removed") and _slot(c) == "stack"), None)
    if family is None or stack is None:
        return changes
    kept = [c for c in changes if c is not family]
    kept[kept.index(stack)] = replace(stack, parts=(*stack.parts, family))
    return kept
