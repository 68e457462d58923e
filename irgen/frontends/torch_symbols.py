"""Names for the dimensions that vary with the input, found by comparing captures at several sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement

from irgen.ir.graph import Graph, Node, Types
from irgen.ir.tensor import TensorType

Sizes = tuple[int, ...]
"""One dimension's size at each capture."""


def with_symbols(graph: Graph, others: Sequence[Graph], axes: Mapping[str, Sequence[str | None]]) -> Graph:
    """The first graph with a symbol on each dimension that changes in the others.

    A symbol is an expression of the named input dimensions: `seq`, `2·seq`, `batch·seq`, `seq+1`. Where the
    captures differ in their operators, only inputs and outputs are named and a finding says so; another finding
    names every dimension that the caller called dynamic and that no capture changed.
    """
    base = _base(graph, others, axes)
    findings = list(graph.findings)
    if not others:
        return _on_inputs(graph, axes)
    still = sorted(name for name, sizes in base.items() if len(set(sizes)) == 1)
    findings += [f"{name} was {base[name][0]} in every capture: whether it can vary was not seen" for name in still]
    moving = {name: sizes for name, sizes in base.items() if name not in still}
    solve = _Solver(moving, _counting(graph, axes), _hops(graph))
    nodes = dict(graph.nodes)
    if all(_same_operators(graph, other) for other in others):
        places = [list(graph.nodes), *(list(other.nodes) for other in others)]
    else:
        findings.append("at other sizes the pass calls other operators: this graph holds for the traced sizes only")
        places = [[*g.inputs, *g.outputs] for g in (graph, *others)]
        if len({len(row) for row in places}) > 1:
            places = [g.inputs for g in (graph, *others)]
    for row in zip(*places, strict=True):
        node = graph.nodes[row[0]]
        types = [g.nodes[name].type for g, name in zip(others, row[1:], strict=True)]
        if any(kind != node.type for kind in types):
            nodes[node.id] = replace(node, type=_named([node.type, *types], solve))
    unexplained = sorted(solve.unexplained)
    if unexplained:
        shown = ", ".join("→".join(map(str, sizes)) for sizes in unexplained[:3])
        findings.append(f"{len(unexplained)} sizes change in a way that no symbol expresses: {shown}")
    return replace(graph, nodes=nodes, findings=findings)


def _base(graph: Graph, others: Sequence[Graph], axes: Mapping[str, Sequence[str | None]]) -> dict[str, Sizes]:
    """The sizes of each named input dimension at each capture."""
    base: dict[str, Sizes] = {}
    for at, (name, node) in enumerate(_inputs(graph)):
        for axis, symbol in enumerate(axes.get(name, ())):
            if symbol is not None and axis < len(node.shape):
                base.setdefault(symbol, tuple(g.nodes[g.inputs[at]].shape[axis] for g in (graph, *others)))
    return base


def _counting(graph: Graph, axes: Mapping[str, Sequence[str | None]]) -> frozenset[str]:
    """Symbols that count samples: they stand first. Nothing is cut from such an axis or added to it."""
    return frozenset(axes[name][0] or "" for name, _ in _inputs(graph) if axes.get(name))


def _hops(graph: Graph) -> list[int]:
    """By how much strided operators shorten the axes on the way to some node: products of strides, longest first."""
    reach: dict[str, int] = {}
    for name, node in graph.nodes.items():
        before = max((reach.get(read, 1) for read in node.inputs), default=1)
        stride = node.attrs.get("stride") if node.op in {"conv", "max_pool", "avg_pool"} else None
        steps = [int(str(step)) for step in stride] if isinstance(stride, tuple) else []
        reach[name] = before * max(steps, default=1)
    return sorted({hop for hop in reach.values() if hop > 1}, reverse=True)


def _inputs(graph: Graph) -> list[tuple[str, Node]]:
    return [(graph.provenance[name].name, graph.nodes[name]) for name in graph.inputs]


def _on_inputs(graph: Graph, axes: Mapping[str, Sequence[str | None]]) -> Graph:
    """Symbols on the inputs alone, where there is nothing to compare with."""
    nodes = dict(graph.nodes)
    for name, node in _inputs(graph):
        symbols = tuple(axes.get(name, ()))
        if any(symbols) and len(symbols) == len(node.shape):
            nodes[node.id] = replace(node, type=replace(node.tensor, symbols=symbols))
    return replace(graph, nodes=nodes)


def _same_operators(one: Graph, other: Graph) -> bool:
    """Whether two graphs call the same operators in the same order, on tensors of the same ranks."""
    return len(one) == len(other) and all(
        a.op == b.op and len(a.inputs) == len(b.inputs) and len(a.shape) == len(b.shape)
        for a, b in zip(one, other, strict=True)
    )


def _named(types: Sequence[Types], solve: _Solver) -> Types:
    first = types[0]
    if isinstance(first, tuple):
        rows = [kind if isinstance(kind, tuple) else (kind,) for kind in types]
        return tuple(_one([row[i] for row in rows], solve) for i in range(len(first)))
    return _one([kind for kind in types if isinstance(kind, TensorType)], solve)


def _one(types: Sequence[TensorType], solve: _Solver) -> TensorType:
    shapes = [kind.shape for kind in types]
    if any(shape is None or len(shape) != len(shapes[0] or ()) for shape in shapes):
        return types[0]
    symbols = tuple(solve(sizes) for sizes in zip(*(shape or () for shape in shapes), strict=True))
    return replace(types[0], symbols=symbols if any(symbols) else ())


MOST_DIVISORS = 4096
"""Divisors tried for one quotient: products of two long axes have millions."""


MOST_MORE = 16
"""Steps that a quotient may be off by: what is put around frames, or cut at their ends."""


def _down(whole: int, part: int) -> int:
    return whole // part


def _up(whole: int, part: int) -> int:
    return -(-whole // part)


class _Solver:
    """Expressions of the base symbols, by the sizes that a dimension had at each capture."""

    def __init__(
        self, base: Mapping[str, Sizes], counting: frozenset[str] = frozenset(), hops: Sequence[int] = ()
    ) -> None:
        self._base = base
        self._hops = hops
        self._counting = counting
        self._known: dict[Sizes, str | None] = {}
        self.unexplained: set[Sizes] = set()
        self._products: dict[str, Sizes] = dict(base)
        for pair in combinations_with_replacement(base, 2):
            product = tuple(a * b for a, b in zip(*(base[name] for name in pair), strict=True))
            self._products["·".join(pair)] = product

    def __call__(self, sizes: Sizes) -> str | None:
        if sizes not in self._known:
            self._known[sizes] = None if len(set(sizes)) == 1 else self._solved(sizes)
        return self._known[sizes]

    def _solved(self, sizes: Sizes) -> str | None:
        cut = {name: values for name, values in self._products.items() if name not in self._counting}
        forms = (self._shifted, self._hop, self._part, self._sum, self._shifted_part, self._affine)
        tries = [(form, self._products) for form in (self._same, self._multiple)] + [(form, cut) for form in forms]
        for form, products in tries:
            for name, values in products.items():
                found = form(name, values, sizes)
                if found:
                    return found
        self.unexplained.add(sizes)
        return "?"

    def _same(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        return name if values == sizes else None

    def _multiple(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        times, rest = divmod(sizes[0], values[0])
        return (
            f"{times}·{name}" if not rest and all(times * v == n for v, n in zip(values, sizes, strict=True)) else None
        )

    def _shifted(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        gap = sizes[0] - values[0]
        same = all(n - v == gap for v, n in zip(values, sizes, strict=True))
        return f"{name}{gap:+d}".replace("-", "−") if same else None

    def _hop(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        """A quotient by strides that the graph has, and a few more."""
        if name not in self._base:
            return None
        found: list[tuple[int, str]] = []
        for hop in self._hops:
            for quotient, form in ((_down, "{}/{}"), (_up, "⌈{}/{}⌉")):
                more = sizes[0] - quotient(values[0], hop)
                fits = all(quotient(v, hop) + more == n for v, n in zip(values, sizes, strict=True))
                if fits and abs(more) <= MOST_MORE:
                    shift = f"{more:+d}".replace("-", "−") if more else ""
                    found.append((abs(more), form.format(name, hop) + shift))
        return min(found, key=lambda one: one[0])[1] if found else None

    def _part(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        whole, part = values[0], sizes[0]
        if part < 1:
            return None
        least = max(2, whole // (part + 1) + 1)  # ⌊whole/d⌋ or ⌈whole/d⌉ can be `part` for few d only
        most = min(whole, max(whole // part, (whole - 1) // (part - 1) if part > 1 else whole), least + MOST_DIVISORS)
        for divisor in sorted(range(least, most + 1), key=_roughness):
            if all(v // divisor == n for v, n in zip(values, sizes, strict=True)):
                return f"{name}/{divisor}"
            if all(-(-v // divisor) == n for v, n in zip(values, sizes, strict=True)):
                return f"⌈{name}/{divisor}⌉"
        return None

    def _shifted_part(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        """A quotient and a few more: frames of a signal, and what is put around them."""
        grown = max(n - sizes[0] for n in sizes)
        if grown < 1 or (max(values) - values[0]) % grown:
            return None
        divisor = (max(values) - values[0]) // grown
        more = sizes[0] - values[0] // max(1, divisor)
        if divisor < 2 or abs(more) > 16 or any(v // divisor + more != n for v, n in zip(values, sizes, strict=True)):
            return None
        return f"{name}/{divisor}{more:+d}".replace("-", "−")

    def _affine(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        pairs = [(v, n) for v, n in zip(values, sizes, strict=True) if v != values[0]]
        if not pairs:
            return None
        times, rest = divmod(pairs[0][1] - sizes[0], pairs[0][0] - values[0])
        more = sizes[0] - times * values[0]
        if rest or times < 1 or any(times * v + more != n for v, n in zip(values, sizes, strict=True)):
            return None
        return f"{times}·{name}{more:+d}".replace("-", "−")

    def _sum(self, name: str, values: Sizes, sizes: Sizes) -> str | None:
        for other, more in self._base.items():
            if all(v + m == n for v, m, n in zip(values, more, sizes, strict=True)):
                return f"{name}+{other}"
        return None


def _roughness(number: int) -> tuple[int, int]:
    """Order of divisors: small prime factors first, for strides multiply to round numbers."""
    largest, rest, factor = 1, number, 2
    while factor * factor <= rest:
        while rest % factor == 0:
            largest, rest = factor, rest // factor
        factor += 1
    return max(largest, rest), number
