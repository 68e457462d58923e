"""A small dataflow graph as nested chains and branches, where it is series-parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from irgen.views.layout.tree import Chain, Lane, Par, Piece

Reads = Mapping[str, Sequence[str]]


def arrange(names: Sequence[str], reads: Reads, leaf: Callable[[str], Piece]) -> Piece | None:
    """The things `names`, given in flow order, as one piece; None where their graph is not series-parallel.

    Everything must lead to one end. A thing that reads nothing of `names` stands at the start of its branch.
    """
    inside = set(names)
    above = {n: [r for r in dict.fromkeys(reads.get(n, ())) if r in inside] for n in names}
    return _piece(list(names), above, leaf)


def _piece(names: list[str], above: dict[str, list[str]], leaf: Callable[[str], Piece]) -> Piece | None:
    if len(names) == 1:
        return leaf(names[0])
    cuts = _cuts(names, above)
    if not cuts:
        parts = _components(names, above)
        if len(parts) < 2:
            return None
        pieces = [_piece(part, above, leaf) for part in parts]
        return Par([p for p in pieces if p is not None]) if all(pieces) else None
    return _chain(names, cuts, above, leaf)


def _chain(
    names: list[str], cuts: list[str], above: dict[str, list[str]], leaf: Callable[[str], Piece]
) -> Piece | None:
    """Cut points in flow order with what lies between them; an arrow past what lies between is a lane."""
    items: list[Piece] = []
    lanes: list[Lane] = []
    behind = _behind(names, above)
    place: dict[str, int] = {}
    done: set[str] = set()
    for cut in cuts:
        between = [n for n in names if n in behind[cut] and n != cut and n not in done]
        if between:
            inner = _piece(between, {n: [r for r in above[n] if r in between] for n in between}, leaf)
            if inner is None:
                return None
            items += inner.items if isinstance(inner, Chain) and not inner.lanes else [inner]
        here = len(items)
        items.append(leaf(cut))
        lanes += [Lane(place[r] + 1, here, "residual") for r in above[cut] if r in place and place[r] < here - 1]
        place[cut] = here
        done |= {cut, *between}
    return Chain(items, lanes) if len(done) == len(names) else None


def _behind(names: list[str], above: dict[str, list[str]]) -> dict[str, set[str]]:
    """All that each thing reads, directly or not, and itself."""
    found: dict[str, set[str]] = {}
    for name in names:
        found[name] = {name}.union(*(found[r] for r in above[name]))
    return found


def _cuts(names: list[str], above: dict[str, list[str]]) -> list[str]:
    """Things that are before or behind every other one."""
    behind = _behind(names, above)
    ahead = {n: sum(n in behind[m] for m in names) for n in names}
    return [n for n in names if len(behind[n]) + ahead[n] == len(names) + 1]


def _components(names: list[str], above: dict[str, list[str]]) -> list[list[str]]:
    """The parts that have nothing to do with each other, in the order of their first members."""
    label = {n: n for n in names}

    def top(n: str) -> str:
        while label[n] != n:
            n = label[n]
        return n

    for name in names:
        for read in above[name]:
            a, b = top(name), top(read)
            if a != b:
                first, second = (a, b) if names.index(a) < names.index(b) else (b, a)
                label[second] = first
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(top(name), []).append(name)
    return list(groups.values())
