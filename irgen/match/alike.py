"""Whether two parts of a graph are the same computation: one number for operators, wiring, shapes and constants."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.match.analysis import Analysis

_HASHED = 100_000
"""The values of constants with more elements are not compared."""


def structure_of(analysis: Analysis, nodes: Sequence[str]) -> int:
    """A number that is equal for nodes (given in order) with the same operators, attributes, shapes and wiring.

    What comes from outside is known by its operator, shape and constant value, not by where it comes from.
    """
    place = {name: i for i, name in enumerate(nodes)}
    outside: dict[str, int] = {}
    rows: list[object] = []
    for name in nodes:
        node = analysis[name]
        sources: list[object] = []
        for source in node.inputs:
            if source in place:
                sources.append(place[source])
            elif source:
                # The same thing from outside read twice is not the same as two alike.
                sources.append((outside.setdefault(source, len(outside)), _known_by(analysis, source)))
            else:
                sources.append(None)
        attrs = tuple(sorted(node.attrs.items(), key=lambda item: item[0]))
        rows.append((node.op, repr(attrs), repr(node.type), tuple(sources)))
    return hash(tuple(rows))


def _known_by(analysis: Analysis, name: str) -> object:
    node = analysis[name]
    value = node.value
    if value is not None and value.size < _HASHED:
        return node.op, repr(node.type), hash(value.tobytes())
    return node.op, repr(node.type), repr(node.attrs.get("value"))
