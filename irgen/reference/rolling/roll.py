"""Two programs, traced at two sizes, become one in which what tracing unrolled is a loop again."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

from torch.fx import GraphModule

from irgen.reference.rolling.loop import Loop, NotALoopError, as_loop
from irgen.reference.rolling.rebuild import Rebuilt
from irgen.reference.rolling.repeats import Steps, Stretch, varying
from irgen.reference.rolling.sizes import generalised
from irgen.reference.rolling.tidy import tidy


@dataclass(frozen=True)
class Rolled:
    """A program right at every size, and how many loops it has."""

    module: GraphModule
    loops: int


def roll(one: GraphModule, other: GraphModule, sizes: tuple[int, int], name: str, axis: int) -> Rolled:
    """Roll up what differs between a program at `sizes[0]` and at `sizes[1]` of an axis of the input `name`.

    Both are functional ATen programs of one module. Raises `NotALoopError` with the reason where it cannot be done.
    """
    programs = (one, other)
    for program in programs:
        tidy(program.graph)
    steps = [Steps([n for n in program.graph.nodes if n.op == "call_function"]) for program in programs]
    found = [s.stretches() for s in steps]
    chosen = [varying(found[0], found[1]), varying(found[1], found[0])]
    if len(chosen[0]) != len(chosen[1]):
        raise NotALoopError(f"{len(chosen[0])} loops at one size, {len(chosen[1])} at the other")
    loops: tuple[list[Loop], list[Loop]] = ([], [])
    for pair in zip(*chosen, strict=True):
        _add(steps, pair, loops)
    rebuilt = [Rebuilt(p, s, list(ls)).run() for p, s, ls in zip(programs, steps, loops, strict=True)]
    return Rolled(generalised(rebuilt[0], rebuilt[1], sizes, name, axis), len(loops[0]))


def _add(steps: list[Steps], pair: tuple[Stretch, Stretch], loops: tuple[list[Loop], list[Loop]]) -> None:
    """Read a stretch as a loop in both programs, from the first place that can be the start of a step.

    Steps that only take parts of something are none: whoever reads the parts reads that.
    """
    spare = (pair[0].stop - pair[0].start) % pair[0].period
    reasons: list[str] = []
    for skip in dict.fromkeys([spare, *range(pair[0].period * 2)]):
        try:
            made = [as_loop(s, p, ls, skip) for s, p, ls in zip(steps, pair, loops, strict=True)]
        except NotALoopError as error:
            reasons.append(str(error))
            continue
        if all(len(loop.parts) == loop.period for loop in made):
            return
        for loop, known in zip(made, loops, strict=True):
            known.append(loop)
        return
    raise NotALoopError(reasons[0])
