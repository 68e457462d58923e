"""Selective scan: h ← exp(Δ A) h + Δ B x, y = C h, with Δ, B and C computed from each token.

S6: Gu and Dao 2023, algorithm 2 (each channel's state entries have decays of their own). SSD: Dao and Gu 2024,
section 6 (one decay a head).
"""

from __future__ import annotations

from irgen.ir.architecture import Evidence
from irgen.match.memories import Memory, memories
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.match.recurrence import Recurrence

VARIANTS = {"several": "s6", "single": "ssd"}
"""By how many rates of decay one channel has."""


def not_selective(found: Recurrence) -> str | None:
    """Why a recurrence is no selective scan, or None if it is one."""
    if found.state is None:
        return "each channel carries one state entry that is not read through a computed vector"
    if found.decay != "selective":
        return "the decay is not computed from the tokens"
    if found.delta:
        return "a token's key changes what earlier tokens left: a delta rule"
    if not found.tied:
        return "the stream that sets the decay does not scale what enters"
    return None


def prove(branch: Branch) -> list[Finding] | Refusal:
    """Every selective scan of the branch."""
    found = memories(branch)
    if isinstance(found, str):
        return Refusal(found)
    refused = [not_selective(m.recurrence) for m in found]
    kept = [m for m, why in zip(found, refused, strict=True) if why is None]
    return merged([_finding(m) for m in kept]) or Refusal(next(why for why in refused if why))


def merged(findings: list[Finding]) -> list[Finding]:
    """Findings with equal facts as one: the directions of one bidirectional recurrence."""
    kept: list[Finding] = []
    for finding in findings:
        same = next((f for f in kept if f.facts == finding.facts), None)
        if same is None:
            kept.append(finding)
        else:
            same.nodes |= finding.nodes
            same.evidence.extend(finding.evidence)
    return kept


def _finding(memory: Memory) -> Finding:
    found = memory.recurrence
    facts = {
        "state": found.state,
        "inner": found.inner,
        "conv_kernel": memory.conv_kernel,
        "variant": VARIANTS.get(found.rates or ""),
    }
    evidence = [Evidence("selective-scan", check, (memory.mixing.out,)) for check in (*found.checks, memory.form)]
    ports = {"out": memory.mixing.out, "x": memory.mixing.leaves[0]}
    return Finding("selective-scan", facts, memory.nodes, ports, evidence)


PATTERN = Pattern(label="selective-scan", prove=prove, mixes=True, after=("self-attention", "cross-attention", "moe"))
