"""Linear recurrence: S ← decay · S + what a token adds, read by each token; linear in what is added, gated or not.

RG-LRU: De et al. 2024, section 2.4. RWKV: Peng et al. 2023, equation 16; 2024. Retention: Sun et al. 2023, equation 6.
Linear attention: Katharopoulos et al. 2020. Gated delta rule: Yang et al. 2024.
"""

from __future__ import annotations

from irgen.ir.architecture import Evidence
from irgen.match.memories import Memory, memories
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.match.recurrence import Recurrence
from irgen.patterns.selective_scan import merged, not_selective


def variant_of(found: Recurrence) -> str | None:
    """The name of a recurrence's law, or None where the law has no name."""
    if found.state is None:
        if found.root_law:
            return "rg-lru"
        return "rwkv" if found.normalized and found.decay == "fixed" else None
    if found.delta:
        return "gated-delta" if found.decay == "selective" else "delta"
    if found.normalized or found.decay == "none":
        return "linear-attention"
    if found.bonus:
        return "rwkv"
    return "retention" if found.decay == "fixed" and found.rates == "single" else None


def prove(branch: Branch) -> list[Finding] | Refusal:
    """Every linear recurrence of the branch that is no selective scan."""
    found = memories(branch)
    if isinstance(found, str):
        return Refusal(found)
    kept = [m for m in found if not_selective(m.recurrence) is not None]
    return merged([_finding(m) for m in kept]) or Refusal("the recurrences of the branch are selective scans")


def _finding(memory: Memory) -> Finding:
    found = memory.recurrence
    facts = {"inner": found.inner, "conv_kernel": memory.conv_kernel, "variant": variant_of(found)}
    evidence = [Evidence("linear-recurrence", check, (memory.mixing.out,)) for check in (*found.checks, memory.form)]
    ports = {"out": memory.mixing.out, "x": memory.mixing.leaves[0]}
    return Finding("linear-recurrence", facts, memory.nodes, ports, evidence)


PATTERN = Pattern(
    label="linear-recurrence",
    prove=prove,
    mixes=True,
    after=("self-attention", "cross-attention", "moe", "selective-scan"),
)
