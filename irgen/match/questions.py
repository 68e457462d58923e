"""Single questions to a cone that carries a state: reach, superposition, roles of streams, fading, read-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from irgen.match.asking import Asking, changed_tokens
from irgen.match.memory import Stream

Floats = NDArray[np.float64]

_EQUAL = 1e-6
_LINEAR = 1e-7
_FADED = 1e-9


@dataclass(slots=True)
class Effect:
    """What one feature of a stream, changed at one token, reaches: tokens by `kind`, and `spread` output channels.

    `enters`: the stream scales what its own token leaves. `between`: it changes what earlier tokens left.
    """

    stream: Stream
    kind: str
    spread: int
    enters: bool = False
    between: bool = False


def _noise(ask: Asking, stream: Stream, token: int) -> dict[str, Floats]:
    """The leaves with a stream changed at one token by the same random amounts each time."""
    changed: dict[str, Floats] = {}
    for leaf, mask in ask.at(stream, token).items():
        chance = np.random.default_rng(5)
        new = ask.values[leaf].copy()
        new[mask] += chance.uniform(0.3, 0.9, int(mask.sum()))
        changed[leaf] = new
    return changed


def _nudged(ask: Asking, stream: Stream, token: int, feature: int | None = None) -> dict[str, Floats]:
    """The leaves with one feature of a stream (None: the one that tells) changed at one token."""
    wanted = stream.features[0] if feature is None else feature
    return {
        leaf: np.where(mask, ask.values[leaf] + 0.7, ask.values[leaf])
        for leaf, mask in ask.at(stream, token, [wanted]).items()
    }


def effects_of(ask: Asking, plain: Floats, token: int) -> list[Effect]:
    """What each stream reaches, told by a feature (put in front) that reaches the output if one of a few does."""
    found: list[Effect] = []
    for stream in ask.mixing.streams:
        count = len(stream.features)
        for position in dict.fromkeys((0, count // 2, count - 1)):
            turned = replace(stream, features=stream.features[position:] + stream.features[:position])
            effect = effect_of(ask, turned, plain, token)
            if effect.kind != "nothing":
                found.append(effect)
                break
    return found


def effect_of(ask: Asking, stream: Stream, plain: Floats, token: int) -> Effect:
    """What a stream reaches: `nothing`, `own` (its token), `short` (the next one too), `causal` or `acausal`."""
    other = ask.output(_nudged(ask, stream, token))
    if other is None:
        return Effect(stream, "nothing", 0)
    changed = changed_tokens(plain, other)
    gaps = np.abs(other - plain).max(axis=(0, 1))
    spread = int((gaps > 1e-9 * gaps.max(initial=0.0)).sum())
    if changed[:token].any():
        kind = "acausal"
    elif changed[token + 2 :].any():
        kind = "causal"
    else:
        kind = "short" if changed[token + 1] else ("own" if changed[token] else "nothing")
    return Effect(stream, kind, spread)


def reads_later_tokens(ask: Asking, plain: Floats) -> bool:
    """Whether the outputs asked for change when all streams change at every token behind them."""
    changed: dict[str, Floats] = {}
    for leaf in ask.mixing.leaves:
        places = ask.mixing.token_of(leaf)
        if places is None or not (places >= ask.mixing.tokens).any():
            continue
        moved = np.moveaxis(ask.values[leaf], ask.mixing.axes[leaf], -1).copy()
        moved.reshape(len(places), -1)[places >= ask.mixing.tokens] += 0.5
        changed[leaf] = np.moveaxis(moved, -1, ask.mixing.axes[leaf])
    other = ask.output(changed) if changed else None
    return other is not None and bool(changed_tokens(plain, other).any())


def is_additive(ask: Asking, stream: Stream, plain: Floats, token: int) -> bool:
    """Whether changes at two tokens add up: so do values (whatever each goes through alone), decays multiply."""
    here, there = _nudged(ask, stream, token), _nudged(ask, stream, token + 1)
    both = {leaf: here[leaf] + there[leaf] - ask.values[leaf] for leaf in here if leaf in there}
    both |= {leaf: new for leaf, new in (here | there).items() if leaf not in both}
    outputs = [ask.output(changed) for changed in (here, there, both)]
    if any(y is None for y in outputs):
        return False
    one, two, joint = (y - plain for y in outputs if y is not None)
    return bool(np.abs(joint - one - two).max() <= _LINEAR * np.abs(joint).max())


def kernel_of(ask: Asking, value: Stream, token: int) -> tuple[Floats, int]:
    """What one feature of the value stream, alone and at one token, leaves at that token and each later one."""
    rows = _alone(ask, value, token)
    if rows is None:
        return np.zeros(ask.mixing.tokens - token), 0
    channel = int(np.abs(rows[token:]).max(axis=0).argmax())
    return rows[token:, channel], channel


def _alone(ask: Asking, value: Stream, token: int) -> Floats | None:
    """The outputs [token, channel] when only one feature of the value stream at one token is not zero."""
    quiet = ask.silent(value)
    mask_of = quiet.at(value, token, value.features[:1])
    struck = {leaf: np.where(mask, 1.0, quiet.values[leaf]) for leaf, mask in mask_of.items()}
    one, none = quiet.output(struck), quiet.rest
    return None if one is None or none is None else (one - none)[0]


def assign_roles(ask: Asking, value: Stream, others: list[Effect], token: int, channel: int) -> None:
    """Tell streams that scale what enters at their own token from those that change what earlier tokens left.

    What one token left is compared with what a later one leaves, so that a common divisor of both cancels out.
    """

    def left(run: Asking) -> tuple[Floats, Floats] | None:
        early, late = _alone(run, value, token), _alone(run, value, token + 2)
        return None if early is None or late is None else (early[token + 3 :, channel], late[token + 3 :, channel])

    plain = left(ask)
    for e in others:
        at_own, at_next = (left(ask.replaced(_noise(ask, e.stream, token + i))) for i in (0, 1))
        e.enters = plain is not None and at_own is not None and _differs(*_crossed(plain, at_own))
        e.between = plain is not None and at_next is not None and _differs(*_crossed(plain, at_next))


def _crossed(plain: tuple[Floats, Floats], changed: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Two products that are equal if both kernels changed by one factor."""
    return plain[0] * changed[1], changed[0] * plain[1]


def _differs(one: Floats, other: Floats) -> bool:
    scale = np.abs(one).max(initial=0.0)
    return bool(scale > 0 and np.abs(one - other).max() > _EQUAL * scale)


def state_size(ask: Asking, reads: list[Effect], plain: Floats, token: int, channel: int) -> int | None:
    """How many features of the read-out stream one output channel sees at its own token."""
    sizes = [_seen(ask, e.stream, plain, token, channel) for e in reads if e.spread > 1]
    return max((n for n in sizes if n > 1), default=None)


def _seen(ask: Asking, stream: Stream, plain: Floats, token: int, channel: int) -> int:
    """How many features of a stream reach one output channel, features of one head standing together at its front."""

    def reaches(position: int) -> bool:
        return _sees(ask, stream, position, plain, token, channel)

    low, high = 0, len(stream.features)
    if not reaches(0):
        return 0
    if reaches(high - 1):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reaches(middle) else (low, middle)
    return high


def _steady(ask: Asking, token: int) -> Asking:
    """The run in which every token is like one token."""
    changed: dict[str, Floats] = {}
    for stream in ask.mixing.streams:
        source = {leaf: mask for leaf, mask in ask.at(stream, token).items() if mask.any()}
        if not source:
            continue
        leaf, mask = next(iter(source.items()))
        wanted = (changed.get(leaf, ask.values[leaf]))[mask]
        for other in stream.leaves:
            new = changed.get(other, ask.values[other]).copy()
            everywhere = ask.at(stream, None)[other]
            repeats = int(everywhere.sum()) // max(wanted.size, 1)
            if repeats and everywhere.sum() == repeats * wanted.size:
                new[everywhere] = _repeated(ask, other, stream, wanted, everywhere)
            changed[other] = new
    return ask.replaced(changed)


def _repeated(ask: Asking, leaf: str, stream: Stream, wanted: Floats, everywhere: NDArray[np.bool_]) -> Floats:
    """The values of one token put at every token of a leaf, in the order in which a mask reads them."""
    new = np.zeros(everywhere.shape)
    for token in range(ask.mixing.tokens):
        mask = ask.at(stream, token).get(leaf)
        if mask is not None and mask.sum() == wanted.size:
            new[mask] = wanted
    return new[everywhere]


def rates_of(ask: Asking, value: Stream, token: int, channel: int) -> tuple[str | None, float | None, float | None]:
    """How fast what tokens left fades when all are alike: `none`, `single` or `several` rates; the rate; own to next.

    One output is looked at, and what four tokens up to it left there, so that a common divisor cancels out.
    """
    run, end = _steady(ask, token), token + 3
    left: list[float] = []
    for source in range(end, end - 4, -1):
        rows = _alone(run, value, source)
        if rows is None or not np.abs(rows[end, channel]) > 0:
            return None, None, None
        left.append(float(rows[end, channel]))
    own, first, second = (later / earlier for earlier, later in pairwise(left))
    if abs(first - 1) < _EQUAL and abs(second - 1) < _EQUAL:
        return "none", 1.0, own
    return ("single" if abs(first - second) <= _EQUAL * abs(first) else "several"), first, own


def one_entry(ask: Asking, reads: list[Effect], plain: Floats, token: int, channel: int) -> tuple[Asking, int] | None:
    """The run in which one channel reads one state entry alone, and that entry's place; None if it always reads more.

    The read-out streams are set to zero but for one feature that the channel sees.
    """
    run, place = ask, -1
    for e in reads:
        if e.spread <= 1:
            continue
        seen = [p for p in range(len(e.stream.features)) if _sees(ask, e.stream, p, plain, token, channel)][:1]
        if not seen:
            continue
        place = seen[0]
        run = run.replaced(run.with_stream(e.stream, None, 0.0))
        lone = replace(e.stream, features=(e.stream.features[place],))
        run = run.replaced(run.with_stream(lone, None, 1.0))
    return (run, place) if place >= 0 else None


def _sees(ask: Asking, stream: Stream, position: int, plain: Floats, token: int, channel: int) -> bool:
    """Whether one output channel changes at a token with one feature of a stream there."""
    other = ask.output(_nudged(ask, stream, token, stream.features[position]))
    return other is not None and bool((other[:, token, channel] != plain[:, token, channel]).any())


def crosses(run: Asking, value: Stream, tie: Effect, place: int, token: int, channel: int) -> bool:
    """Whether a stream changes what an earlier token left in one state entry by a feature of another entry."""
    plain = _alone(run, value, token)
    if plain is None:
        return False
    for position in (place + 1, place - 1):
        if not 0 <= position < len(tie.stream.features):
            continue
        nudged = run.replaced(_nudged(run, tie.stream, token + 2, tie.stream.features[position]))
        other = _alone(nudged, value, token)
        if other is not None and _differs(plain[token + 3 :, channel], other[token + 3 :, channel]):
            return True
    return False


def keeps_all(ask: Asking, value: Stream, ties: list[Effect], token: int, channel: int) -> bool:
    """Whether a token whose keys are zero leaves all that earlier tokens left."""
    run = _steady(ask, token)
    for e in ties:
        run = run.replaced(run.with_stream(e.stream, token + 2, 0.0))
    rows = _alone(run, value, token)
    if rows is None:
        return False
    before, behind = float(rows[token + 1, channel]), float(rows[token + 2, channel])
    return before != 0 and abs(before - behind) <= _EQUAL * abs(before)


def window_of(kernel: Floats) -> int | None:
    """After how many tokens a response breaks off that was not fading; None where it reaches the end."""
    held = np.flatnonzero(kernel)
    if not held.size or held[-1] == len(kernel) - 1:
        return None
    broken = abs(float(kernel[held[-1]])) > _FADED * float(np.abs(kernel).max())
    return int(held[-1]) + 1 if broken else None


def has_skip(ask: Asking, value: Stream, reads: list[Effect], token: int, channel: int) -> bool:
    """Whether a token's value also comes out past the memory: where nothing is read from the state."""
    run = ask
    for e in reads:
        if e.spread > 1:
            run = run.replaced(run.with_stream(e.stream, None, 0.0))
    rows = _alone(run, value, token)
    return run is ask or rows is None or bool(rows[token, channel] != 0)


def has_few_states(kernel: Floats) -> bool:
    """Whether a response is a sum of so few exponentials that its length shows it: the rank of its Hankel matrix."""
    rest = kernel[1:]
    rows = len(rest) // 2
    if rows < 2:
        return False
    table = np.stack([rest[i : i + len(rest) - rows + 1] for i in range(rows)])
    sizes = np.linalg.svd(table, compute_uv=False)
    return bool(sizes[0] > 0 and (sizes > 1e-9 * sizes[0]).sum() < rows)


def is_normalized(ask: Asking, value: Stream, others: list[Effect], token: int) -> bool:
    """Whether a value that is the same at every token comes out the same whatever the other streams are."""
    alike = ask.replaced(ask.with_stream(value, None, 1.0))
    plain = alike.output()
    if plain is None or not others or not np.abs(plain).max() > 0:
        return False
    for e in others:
        changed = alike.output(_noise(alike, e.stream, token))
        if changed is None or np.abs(changed - plain).max() > _LINEAR * np.abs(plain).max():
            return False
    return True


def obeys_root_law(ask: Asking, value: Stream, selective: list[Effect], token: int, channel: int) -> bool:
    """Whether what enters is scaled by √(1 − a²) where a is the decay: both read off steady kernels at two decays."""
    for e in selective:
        seen: list[tuple[float, float]] = []
        for shift in (-1.0, 1.0):
            shifted = ask.replaced(ask.with_stream(e.stream, None, shift, add=True))
            rows = _alone(_steady(shifted, token), value, token)
            if rows is None or not np.abs(rows[token : token + 3, channel]).min() > 0:
                return False
            kernel = rows[token:, channel]
            seen.append((float(kernel[2] / kernel[1]), float(kernel[0])))
        (a, enters), (b, also) = seen
        if abs(a) < 1 and abs(b) < 1 and abs(a - b) > _EQUAL:
            law = np.sqrt((1 - a * a) / (1 - b * b))
            if abs(enters / also - law) <= 1e-5 * law:
                return True
    return False


def differs_from_rate(own: float | None, rate: float | None) -> bool:
    """Whether the step from a token's own weight to the next one is another than the rate of the steps behind it."""
    return own is not None and rate is not None and bool(abs(own - rate) > _EQUAL * abs(rate))
