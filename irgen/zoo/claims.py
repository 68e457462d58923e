"""What published sources say of systems and the graph contradicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """`says` is what a source states, `shows` what the graph has; `holds` proves the latter on a facts record."""

    says: str
    shows: str
    holds: Callable[[Record], bool]


def sublayers(record: Record, kind: str = "") -> Iterator[Mapping[str, Any]]:
    """The sublayers of a facts record, of one kind where one is named."""
    for stack in record["stacks"]:
        for block in stack["blocks"]:
            yield from (part for part in block["sublayers"] if kind in ("", part["kind"]))
