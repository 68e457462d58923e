"""How the layers of a stack repeat: one block, a pattern that recurs, runs, or none of these."""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.architecture import Stack


@dataclass(frozen=True, slots=True)
class Run:
    """`count` layers in a row that are block number `block` of the stack."""

    block: int
    count: int
    at: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Behind `ahead`, `pattern` occurs `times` times in a row, then `rest` follows.

    `mixed` says that `rest` is not in order.
    """

    pattern: tuple[Run, ...]
    times: int
    rest: tuple[Run, ...]
    mixed: bool = False
    ahead: tuple[Run, ...] = ()


def sequence(stack: Stack) -> list[int]:
    """The number of the block that each layer is, in order."""
    at = sorted((index, number) for number, block in enumerate(stack.blocks) for index in block.at)
    return [number for _, number in at]


def runs(layers: list[int], start: int = 0) -> tuple[Run, ...]:
    """Layers in a row that are the same block, as runs."""
    found: list[Run] = []
    for offset, number in enumerate(layers):
        index = start + offset
        if found and found[-1].block == number:
            last = found[-1]
            found[-1] = Run(number, last.count + 1, (*last.at, index))
        else:
            found.append(Run(number, 1, (index,)))
    return tuple(found)


def period(layers: list[int]) -> tuple[int, int]:
    """The shortest period that recurs from the first layer on and leaves less than itself over; (0, 0): none."""
    for length in range(2, min(len(layers) // 2, 12) + 1):
        if len(set(layers[:length])) < 2:
            continue
        times = 1
        while layers[times * length : (times + 1) * length] == layers[:length]:
            times += 1
        if times >= 2 and len(layers) - times * length < length:
            return length, times
    return 0, 0


def plan(stack: Stack, most: int = 4) -> Plan:
    """How to draw the layers of a stack in few groups."""
    layers = sequence(stack)
    whole = runs(layers)
    if len(whole) <= 2:
        return Plan((), 0, whole)
    length, times = period(layers)
    if times:
        return Plan(runs(layers[:length]), times, runs(layers[times * length :], times * length))
    if len(whole) <= most or len(whole) == len(stack.blocks):
        return Plan((), 0, whole)
    skipped = whole[0].count
    length, times = period(layers[skipped:])
    if times:
        end = skipped + times * length
        pattern = runs(layers[skipped : skipped + length], skipped)
        return Plan(pattern, times, runs(layers[end:], end), ahead=whole[:1])
    gathered = tuple(
        Run(number, block.count, tuple(sorted(block.at))) for number, block in enumerate(stack.blocks) if block.at
    )
    return Plan((), 0, gathered, mixed=True)
