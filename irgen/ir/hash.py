"""Structural hashes: equal for what is the same but for names, ids, order of nodes and the values of weights.

Ports are ordered, except that commutative operands are not; parameters count by element type and shape, constants by
value; a dimension with a symbol counts as that symbol. What is shared (a tensor read twice, a weight used twice) is
told from what is merely alike. Every function takes time linear in the nodes it hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property

from irgen.ir.arrays import digest
from irgen.ir.graph import Graph, Types
from irgen.ir.ops import COMMUTATIVE

_SIZE = 16


def hash_graph(graph: Graph) -> str:
    """The hash of what the outputs, in order, compute from the inputs, in order."""
    return Hashes(graph).graph


def hash_region(graph: Graph, nodes: Iterable[str]) -> str:
    """The hash of a set of nodes, with what they read from outside as free ports. For several, use `Hashes`."""
    return Hashes(graph).region(nodes)


def hash_nodes(graph: Graph) -> dict[str, str]:
    """For each node the hash of all that it is computed from; sharing inside is not told."""
    return Hashes(graph).nodes


class Hashes:
    """The structural hashes of one graph."""

    def __init__(self, of: Graph) -> None:
        self.of = of
        self._own: dict[str, bytes] = {}

    @cached_property
    def nodes(self) -> dict[str, str]:
        """For each node the hash of all that it is computed from."""
        ports = {name: f"input {i}".encode() for i, name in enumerate(self.of.inputs)}
        return {name: found.hex() for name, found in self._up(list(self.of.nodes), ports).items()}

    @cached_property
    def graph(self) -> str:
        """The hash of the whole, dead nodes aside."""
        live = set(self.of.outputs)
        for name in reversed(self.of.nodes):
            if name in live:
                live.update(source for source in self.of[name].inputs if source)
        order = [name for name in self.of.nodes if name in live]
        ports = {name: f"input {i}".encode() for i, name in enumerate(self.of.inputs)}
        return self._canonical(order, ports, list(self.of.outputs))

    def region(self, nodes: Iterable[str]) -> str:
        """The hash of a set of nodes, with what they read from outside as free ports."""
        inside = set(nodes)
        order = sorted(inside, key=self._place.__getitem__)
        outside = {source for name in order for source in self.of[name].inputs if source and source not in inside}
        ports = {name: b"port " + _type(self.of[name].type) for name in outside if self.of[name].op != "const"}
        ports.update({name: self._key(name) for name in outside if self.of[name].op == "const"})
        ends = [
            name
            for name in order
            if name in self._outputs or any(user not in inside for user in self._users[name]) or not self._users[name]
        ]
        return self._canonical(order, ports, None, ends)

    # -- parts -----------------------------------------------------------------------------------------------------

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.of.nodes)}

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        return self.of.users()

    @cached_property
    def _outputs(self) -> frozenset[str]:
        return frozenset(self.of.outputs)

    def _key(self, name: str) -> bytes:
        """What a node is by itself: operator, attributes, type, value, body."""
        found = self._own.get(name)
        if found is None:
            node = self.of[name]
            parts = [node.op, repr(sorted(node.attrs.items())), _type(node.type).decode()]
            if node.op == "const":
                parts.append("absent" if node.value is None else digest(node.value))
            if node.body is not None:
                parts.append(hash_graph(node.body))
            found = self._own[name] = "|".join(parts).encode()
        return found

    def _up(self, order: list[str], ports: Mapping[str, bytes]) -> dict[str, bytes]:
        """Hashes from the inputs to the outputs: of all that a node is computed from."""
        found = {name: _digest(b"port", key) for name, key in ports.items()}
        for name in order:
            if name in ports and self.of[name].op == "input":
                found[name] = _digest(self._key(name), ports[name])
                continue
            node = self.of[name]
            sources = [found[source] if source else b"" for source in node.inputs]
            found[name] = _digest(self._key(name), *(sorted(sources) if node.op in COMMUTATIVE else sources))
        return found

    def _down(self, order: list[str], up: dict[str, bytes], ends: Mapping[str, bytes]) -> dict[str, bytes]:
        """Hashes from the outputs to the inputs: of all that reads a node, with what else goes in there."""
        readings: dict[str, list[bytes]] = {name: [] for name in up}
        for name, end in ends.items():
            readings[name].append(end)
        found: dict[str, bytes] = {}
        for name in reversed(order):
            found[name] = _digest(*sorted(readings[name]))
            node = self.of[name]
            for port, source in enumerate(node.inputs):
                if source:
                    place = b"" if node.op in COMMUTATIVE else str(port).encode()
                    readings[source].append(_digest(up[name], found[name], place))
        for name in up:
            if name not in found:
                found[name] = _digest(*sorted(readings[name]))
        return found

    def _canonical(
        self, order: list[str], ports: Mapping[str, bytes], outputs: list[str] | None, ends: Iterable[str] = ()
    ) -> str:
        """Hash of a depth-first walk from the outputs in which every node has a number, so that sharing shows."""
        up = self._up(order, ports)
        marked = dict.fromkeys(ends, b"end") if outputs is None else _numbered(outputs)
        down = self._down(order, up, marked)
        colour = {name: up[name] + down[name] for name in up}
        roots = sorted(ends, key=colour.__getitem__) if outputs is None else outputs
        inside = set(order)
        number: dict[str, int] = {}
        said = hashlib.blake2b(digest_size=_SIZE)
        stack = list(reversed(roots))
        while stack:
            name = stack.pop()
            if name in number or not name:
                said.update(f"<{number.get(name, -1)}>".encode())
                continue
            number[name] = len(number)
            said.update(up[name])
            if name in inside:
                sources = list(self.of[name].inputs)
                if self.of[name].op in COMMUTATIVE:
                    sources.sort(key=colour.__getitem__)
                stack.extend(reversed(sources))
        said.update(f"<{[number[name] for name in roots]}>".encode())
        return said.hexdigest()


def _numbered(outputs: list[str]) -> dict[str, bytes]:
    places: dict[str, list[int]] = {}
    for i, name in enumerate(outputs):
        places.setdefault(name, []).append(i)
    return {name: f"output {where}".encode() for name, where in places.items()}


def _type(kind: Types) -> bytes:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return ";".join(map(str, kinds)).encode()


def _digest(*parts: bytes) -> bytes:
    said = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        said.update(len(part).to_bytes(4, "little"))
        said.update(part)
    return said.digest()
