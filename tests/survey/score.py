"""A facts record held against what the configuration implies: right, wrong, absent or unknown, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

from tests.survey.truth import Part, Truth

RIGHT, WRONG, ABSENT, UNKNOWN = "right", "wrong", "absent", "unknown"
ATTENTION = ("self-attention", "cross-attention")
FOR_SEARCH = 6  # stacks considered when stacks and parts are matched


@dataclass(frozen=True)
class Check:
    """One field of one part: what was expected, what the record says, and the verdict."""

    part: str
    field: str
    expected: Any
    found: Any
    verdict: str


def score(truth: Truth, record: dict[str, Any]) -> list[Check]:
    """Every field of the truth against the stack that fits its part best."""
    checks: list[Check] = []
    if truth.family is not None:
        found = record["family"]
        checks.append(Check("model", "family", truth.family, found, RIGHT if found == truth.family else WRONG))
    stages = [p for p in truth.parts if "stages" in p.facts]
    plain = [p for p in truth.parts if "stages" not in p.facts]
    for part in stages:
        found = [s["layers"] for s in record["stacks"]]
        verdict = RIGHT if _contains(found, part.facts["stages"]) else WRONG if found else ABSENT
        checks.append(Check(part.name, "stages", part.facts["stages"], found, verdict))
    for part, stack in _matched(plain, record["stacks"]):
        checks += _against(part, stack)
    return checks


def without_dark(checks: list[Check]) -> tuple[list[Check], list[str]]:
    """The checks without those of parts that gave nothing at all, and the names of these parts.

    For models whose inputs leave parameters unused: what never ran cannot be recognised.
    """
    lit = {c.part for c in checks if c.verdict != ABSENT}
    dark = list(dict.fromkeys(c.part for c in checks if c.part not in lit))
    return [c for c in checks if c.part in lit], dark


def _contains(found: list[int], run: list[int]) -> bool:
    return any(found[i : i + len(run)] == run for i in range(len(found)))


def _matched(parts: list[Part], stacks: list[dict[str, Any]]) -> list[tuple[Part, dict[str, Any] | None]]:
    """Parts paired with different stacks so that most fields agree."""
    pool: list[dict[str, Any] | None] = sorted(stacks, key=lambda s: -s["layers"])[:FOR_SEARCH]
    pool += [None] * max(0, len(parts) - len(pool))
    if len(parts) > FOR_SEARCH:
        return list(zip(parts, pool, strict=False))
    best = max(
        permutations(pool, len(parts)),
        key=lambda some: sum(c.verdict == RIGHT for p, s in zip(parts, some, strict=True) for c in _against(p, s)),
        default=(),
    )
    return list(zip(parts, best, strict=True))


def _against(part: Part, stack: dict[str, Any] | None) -> list[Check]:
    return [_check(part.name, name, expected, stack) for name, expected in part.facts.items()]


def _check(part: str, name: str, expected: Any, stack: dict[str, Any] | None) -> Check:
    found = _found(name, stack) if stack else []
    if expected in found:
        verdict = RIGHT
    elif found:
        verdict = WRONG
    else:
        verdict = UNKNOWN if stack and any(s["kind"] == "unknown" for s in _sublayers(stack)) else ABSENT
    return Check(part, name, expected, found, verdict)


def _found(name: str, stack: dict[str, Any]) -> list[Any]:
    """All values that a stack's record gives for a field."""
    sublayers = _sublayers(stack)
    if name in ("layers", "width"):
        values = [stack[name]]
    elif name == "norm":
        values = [block["norm"] for block in stack["blocks"]]
    elif name in ("heads", "kv_heads", "head_dim", "window"):
        values = [s.get(name) for s in sublayers if s["kind"] in ATTENTION]
    elif name in ("hidden", "activation"):
        values = [s.get(name) for s in sublayers if s["kind"] in ("feed-forward", "moe")]
    elif name == "expert_hidden":
        values = [s.get("hidden") for s in sublayers if s["kind"] == "moe"]
    else:
        values = [s.get(name) for s in sublayers if s["kind"] == "moe"]
    return [v for i, v in enumerate(values) if v is not None and v not in values[:i]]


def _sublayers(stack: dict[str, Any]) -> list[dict[str, Any]]:
    return [s for block in stack["blocks"] for s in block["sublayers"]]
