"""The words of a change on the chip between two towers: what it was, what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irgen.diff.changes import Change
from irgen.diff.outline import Item
from irgen.diff.text import value
from irgen.views.captions import GATED, activation, norm
from irgen.views.words import Words

WORDS: dict[tuple[str, str], str] = {
    ("position", "none"): "no positions", ("position", "rope"): "RoPE", ("position", "relative-bias"): "relative bias",
    ("position", "alibi"): "ALiBi", ("variant", "mha"): "MHA", ("variant", "gqa"): "GQA", ("variant", "mqa"): "MQA",
    ("variant", "mla"): "MLA", ("mask", "sliding-window"): "sliding window", ("mask", "local-window"): "windows",
    ("mask", "shifted-window"): "shifted windows",
}  # fmt: skip

UNITS = {"experts": "experts", "top_k": "top", "heads": "heads", "kv_heads": "KV heads"}

FLAGS = {"bias": "bias", "qk_norm": "q/k norm", "sinks": "sinks", "gated": "gate", "tied": "tied"}

NOT = {"tied": "own weights", "gated": "not gated"}

UNSAID = ("reads", "feeds", "role")
"""What the arrows and labels of the figure show."""

Said = tuple[list[str], list[str]]


def said(changes: Sequence[Change], words: Words) -> Said:
    """Before and after, each in a few words; empty where only sizes changed."""
    old: list[str] = []
    new: list[str] = []
    todo = [c for c in changes if not c.is_size and c.kind != "total" and c.key not in UNSAID]
    if feed := _feed_forward(todo):
        todo = [c for c in todo if c.key not in ("activation", "gated")]
        old.append(feed[0])
        new.append(feed[1])
    for change in todo:
        before, after = _change(change, words)
        old += [before] if before else []
        new += [after] if after else []
    return list(dict.fromkeys(old)), list(dict.fromkeys(new))


def _change(change: Change, words: Words) -> tuple[str, str]:
    if change.kind == "removed":
        return _title(change.old, words), words("none")
    if change.kind == "added":
        return words("none"), _title(change.new, words)
    if isinstance(change.old, Item) and isinstance(change.new, Item):
        return _title(change.old, words), _title(change.new, words)
    variant = next((part for part in change.parts if part.key == "variant"), None)
    if variant is not None:
        return _word("variant", variant.old, words), _word("variant", variant.new, words)
    return _word(change.key, change.old, words), _word(change.key, change.new, words)


def _title(item: object, words: Words) -> str:
    if not isinstance(item, Item):
        return ""
    if item.kind == "norm":
        return norm(item.facts.get("norm"), words)
    if item.kind == "activation":
        return activation(item.facts.get("activation"))
    return item.kind.replace("-", " ")


def _word(key: str, found: Any, words: Words) -> str:
    if key == "norm":
        return norm(found, words)
    if key == "activation":
        return activation(found)
    if key in FLAGS:
        return FLAGS[key] if found else NOT.get(key, f"no {FLAGS[key]}")
    if key == "memory":
        return words("from {n}", n=value(found)) if found else ""
    if key == "groups":
        return "" if found == 1 or isinstance(found, str) else f"{value(found)} groups"
    if key == "top_k":
        return f"top-{value(found)}"
    if key in UNITS:
        return f"{value(found)} {UNITS[key]}"
    return WORDS.get((key, str(found)), value(found))


def _feed_forward(changes: Sequence[Change]) -> tuple[str, str] | None:
    """Activation and gate together have a name: SwiGLU."""
    about = [c for c in changes if c.key in ("activation", "gated") and c.kind == "fact"]
    both = {c.key: c for c in about}
    if set(both) != {"activation", "gated"}:
        return None
    act, gate = both["activation"], both["gated"]
    return _gated(act.old, gate.old), _gated(act.new, gate.new)


def _gated(name: Any, gated: Any) -> str:
    return GATED.get(str(name), f"{activation(name)}, gated") if gated else activation(name)
