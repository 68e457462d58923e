"""What a cone that carries a state does, told from its answers: memory, what adds up, decay, read-out, state size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from irgen.match.asking import Asking, Floats, output_width
from irgen.match.memory import SHORTEST, Mixing, Stream
from irgen.match.narrow import narrowed
from irgen.match.questions import (
    Effect,
    assign_roles,
    crosses,
    differs_from_rate,
    effect_of,
    effects_of,
    has_few_states,
    has_skip,
    is_additive,
    is_normalized,
    keeps_all,
    kernel_of,
    obeys_root_law,
    one_entry,
    rates_of,
    reads_later_tokens,
    state_size,
    window_of,
)

NOT_CAUSAL = "the mixing is not causal"
NOT_ADDITIVE = "what its streams leave in memory does not add up"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A causal recurrence that is linear in its input.

    `inner` channels leave. `state` is the number of state entries that one channel reads (None: one, its own).
    `decay` is `none`, `fixed` or `selective` (computed from the tokens); `rates` is how many rates of decay a channel
    has, `single` or `several`. `tied`: the stream that sets the decay also scales what enters (a discretised step).
    `delta`: a key also changes what earlier tokens left. `normalized`: the weights of all tokens sum to one.
    `root_law`: what enters is scaled by √(1 − decay²). `bonus`: a token's own weight is outside the decay's law.
    """

    inner: int
    state: int | None
    decay: str
    rates: str | None
    tied: bool
    delta: bool
    normalized: bool
    root_law: bool
    bonus: bool
    checks: tuple[str, ...]


def examine(mixing: Mixing) -> Recurrence | str:
    """The recurrence that a cone is, found on the first draw and confirmed on the second; or why it is none."""
    if mixing.tokens < SHORTEST:
        return f"{mixing.tokens} tokens are too few to tell a memory from a short window"
    channels = output_width(mixing)
    if channels is None:
        return "the axes of its output hold no tokens"
    narrow = narrowed(mixing)
    found = _judged(narrow) if narrow is not None else None
    if found is None:
        found = _judged(mixing)
    return replace(found, inner=channels) if isinstance(found, Recurrence) else found


def _judged(mixing: Mixing) -> Recurrence | str:
    first, second = (Asking.of(mixing, probe) for probe in mixing.analysis.probes)
    if first is None or second is None:
        return "the streams have no probe values"
    found = _examined(first)
    if isinstance(found, str):
        return found
    value, recurrence = found
    plain = second.output()
    again = effect_of(second, value, plain, _token(mixing)) if plain is not None else None
    if again is None or again.kind != "causal":
        return "a second draw disagrees: there the value stream is not remembered"
    return recurrence


def _token(mixing: Mixing) -> int:
    """The token that is changed: not the first, with at least three behind it."""
    return max(1, min(mixing.tokens // 3, mixing.tokens - 4))


def _examined(ask: Asking) -> tuple[Stream, Recurrence] | str:
    mixing, token = ask.mixing, _token(ask.mixing)
    plain = ask.output()
    if plain is None:
        return f"its output has no probe value: {ask.probe.why(mixing.out) or 'its axes hold no tokens'}"
    effects = effects_of(ask, plain, token)
    if any(e.kind == "acausal" for e in effects) or reads_later_tokens(ask, plain):
        return f"a token's change reaches earlier tokens: {NOT_CAUSAL}"
    causal = sorted((e for e in effects if e.kind == "causal"), key=lambda e: e.spread)
    if not causal:
        return "no stream's change at one token reaches beyond the next: there is no memory"
    value = next((e for e in causal if is_additive(ask, e.stream, plain, token)), None)
    if value is None:
        return NOT_ADDITIVE
    reads = [e for e in effects if e.kind == "own"]
    told = _told(ask, plain, token, value, causal, reads)
    return told if isinstance(told, str) else (value.stream, told)


def _told(
    ask: Asking, plain: Floats, token: int, value: Effect, effects: list[Effect], reads: list[Effect]
) -> Recurrence | str:
    inner = plain.shape[-1]
    others = [e for e in effects if e is not value]
    kernel, channel = kernel_of(ask, value.stream, token)
    if any(ask.mixing.analysis.op(n) == "fft" for n in ask.mixing.nodes) and not has_few_states(kernel):
        return "a convolution as long as the sequence: no state of a fixed size is shown"
    if (reach := window_of(kernel)) is not None:
        return f"what a token leaves ends after {reach} tokens: a window, no memory"
    assign_roles(ask, value.stream, others, token, channel)
    state = state_size(ask, reads, plain, token, channel)
    rates, factor, own_factor = rates_of(ask, value.stream, token, channel)
    normalized = is_normalized(ask, value.stream, others, token)
    selective = [e for e in others if e.between]
    keys = [e for e in others if e.enters and not e.between]
    wide_ties = [e for e in selective if e.enters and e.spread > 1]
    lone = (
        one_entry(ask, reads, plain, token, channel)
        if state is not None and (wide_ties or rates == "several")
        else None
    )
    delta = state is not None and not keys and bool(wide_ties) and not normalized
    if delta and lone is not None:
        delta = any(crosses(lone[0], value.stream, e, lone[1], token, channel) for e in wide_ties)
    tied = [e for e in selective if e.enters] if keys or state is None else []
    decay = "selective" if selective and not normalized else ("none" if rates == "none" else "fixed")
    if delta and keeps_all(ask, value.stream, wide_ties, token, channel):
        decay = "none"
    if rates == "several" and state is not None:
        # Entries that fade at different rates: a token's own weight is told on one entry alone, or not at all.
        single = rates_of(lone[0], value.stream, token, channel) if lone is not None else (None, None, None)
        factor, own_factor = (single[1], single[2]) if single[0] == "single" else (None, None)
    checks = (
        f"changed at token {token}, one stream changes the outputs of that token and later ones and of no earlier one; "
        f"what two tokens leave adds up (two draws)",
        _says(decay, rates, bool(tied), delta, state),
    )
    return Recurrence(
        inner,
        state,
        decay,
        None if rates == "none" else rates,
        bool(tied),
        delta,
        normalized,
        state is None and obeys_root_law(ask, value.stream, selective, token, channel),
        differs_from_rate(own_factor, factor) and not has_skip(ask, value.stream, reads, token, channel),
        checks,
    )


def _says(decay: str, rates: str | None, tied: bool, delta: bool, state: int | None) -> str:
    words = {"none": "nothing fades", "fixed": "fixed decay", "selective": "the decay is computed from the tokens"}[
        decay
    ]
    if rates in {"single", "several"}:
        words += f", {rates} rate{'s' if rates == 'several' else ''} a channel"
    if tied:
        words += ", and the same stream scales what enters"
    if delta:
        words += ", a token's key also changes what earlier tokens left"
    return words + (f"; each channel reads {state} state entries" if state else "; each channel has one state entry")
