"""Dimensions that vary with the input: sizes chosen for them, what they are called, and how others depend on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, combinations_with_replacement

from onnx import ValueInfoProto

from irgen.errors import SourceError
from irgen.frontends.onnx_values import element_type, text
from irgen.ir.graph import Graph, Node, Types
from irgen.ir.tensor import TensorType

Slot = tuple[int, int]  # (input, axis)

# Sizes in the two readings: primes, so that no product passes for another, and distinct differences, so that a size
# plus a constant is told from others.
_SEQUENCE = ((19, 29), (23, 37), (31, 43), (41, 61), (47, 71), (53, 89), (59, 97), (67, 107))
_BATCH = ((2, 3), (5, 7), (11, 17), (13, 31))
_IMAGE = ((64, 96), (128, 192), (224, 352), (192, 352))
_POOLS = {"batch": _BATCH, "height": _IMAGE, "width": _IMAGE}


@dataclass
class Symbol:
    """One size that the caller chooses: where it stands, its name, and its sizes in the two readings."""

    slots: list[Slot]
    name: str
    captions: set[str] = field(default_factory=set[str])
    sizes: tuple[int, int] = (0, 0)
    fixed: bool = False


def _prime(n: int) -> int:
    """The first prime that is not below n."""
    while n > 3 and any(n % k == 0 for k in range(2, math.isqrt(n) + 1)):
        n += 1
    return n


@dataclass
class Plan:
    """The symbols of a file's inputs. Symbols turn out equal, or fixed, when the graph contradicts a choice."""

    symbols: list[Symbol]
    given: Mapping[str, int]

    def choose(self) -> None:
        """Give every symbol its two sizes: pairwise distinct, as images and sequences usually have them."""
        taken: dict[int, int] = {}
        for symbol in self.symbols:
            role = symbol.name.rstrip("0123456789")
            if symbol.fixed:
                continue
            words = sorted({*symbol.captions, symbol.name})
            own = next((self.given[word] for word in words if word in self.given), None)
            pool = _POOLS.get(role, _SEQUENCE)
            at = taken.get(id(pool), 0)
            taken[id(pool)] = at + 1
            step = at // len(pool)
            low, high = pool[at % len(pool)]
            symbol.sizes = (low * 7**step, high * 7**step)
            if own is not None:
                symbol.sizes = (own, own + high - low if pool is _IMAGE else _prime(own + high - low))

    @property
    def varies(self) -> bool:
        """Whether any symbol has two sizes."""
        return any(s.sizes[0] != s.sizes[1] for s in self.symbols)

    def sizes(self, which: int) -> dict[Slot, int]:
        """The size of every slot in reading 0 or 1."""
        return {slot: symbol.sizes[which] for symbol in self.symbols for slot in symbol.slots}

    def of_size(self, size: int) -> Symbol | None:
        """The symbol that has a size in the first reading, unless it is fixed already."""
        return next((s for s in self.symbols if size in s.sizes and not s.fixed), None)

    def settle(self, a: int, b: int) -> str | None:
        """Make the choice fit where sizes a and b have to be equal: a finding, or `None` if no choice is to blame."""
        first, second = self.of_size(a), self.of_size(b)
        if first is not None and second is not None and first is not second:
            self.unite(first, second)
            return ""
        symbol, size = (first, b) if first is not None else (second, a)
        if symbol is not None and size in symbol.sizes:  # traced at the very size that was chosen
            size = symbol.sizes[0]
        if symbol is None or size < 1:
            return self.unite_alike()
        return self.fix(symbol, size)

    def settle_products(self, a: int, b: int) -> str | None:
        """The same where a counts the elements there are, b those there should be: their quotient tells the sizes."""
        loose = [s for s in self.symbols if not s.fixed]
        for which in (0, 1):
            for first, second in combinations(loose, 2):
                m, n = first.sizes[which], second.sizes[which]
                if m != n and (a * n == b * m or a * m == b * n) and first.slots[0][1] == second.slots[0][1]:
                    self.unite(first, second)
                    return ""
        for symbol in loose:
            for size in symbol.sizes:
                if a and b and size * b % a == 0:
                    return self.fix(symbol, size * b // a)
        return self.unite_alike()

    def hold(self, a: int, b: int) -> str | None:
        """Where only the second reading fails: the symbol that is in a, and whose first size is in b, does not vary."""
        loose = [s for s in self.symbols if not s.fixed and s.sizes[0] != s.sizes[1]]
        for first, second in combinations(loose, 2):
            if first.sizes[0] == second.sizes[0] and first.slots[0][1] == second.slots[0][1]:
                self.unite(first, second)
                return ""
        held = sorted(loose, key=lambda s: (b % s.sizes[0] != 0 or b % s.sizes[1] == 0, a % s.sizes[1] != 0))
        return self.fix(held[0], held[0].sizes[0]) if held else None

    def fix(self, symbol: Symbol, size: int) -> str:
        """A symbol that is no symbol; the finding that says so."""
        symbol.sizes, symbol.fixed = (size, size), True
        where = " and ".join(f"input {i} axis {axis}" for i, axis in symbol.slots)
        return f"{where} is said to vary, but the model is made for the size {size} only"

    def unite(self, a: Symbol, b: Symbol) -> None:
        """Two symbols that stand for one size."""
        a.slots += b.slots
        a.captions |= b.captions
        a.fixed = a.fixed or b.fixed
        self.symbols.remove(b)
        rename(self.symbols)
        self.choose()

    def unite_alike(self) -> str | None:
        """Symbols on the same axis of several inputs are one: the batch first, then the next axes."""
        loose = [s for s in self.symbols if not s.fixed]
        for a, b in sorted(combinations(loose, 2), key=lambda pair: pair[0].slots[0][1]):
            if a.slots[0][1] == b.slots[0][1]:
                self.unite(a, b)
                return ""
        return None


def plan(inputs: Sequence[ValueInfoProto], given: Mapping[str, int]) -> Plan:
    """The symbols of the inputs: one for each name that the file gives, one for each unnamed open size."""
    found: dict[str, Symbol] = {}
    for i, value in enumerate(inputs):
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            continue
        dims = value.type.tensor_type.shape.dim
        for axis, dim in enumerate(dims):
            if dim.HasField("dim_value") and dim.dim_value >= 0:
                continue
            caption = text(dim.dim_param)
            symbol = found.setdefault(caption or f"{i}.{axis}", Symbol([], ""))
            symbol.slots.append((i, axis))
            if caption:
                symbol.captions.add(caption)
    unknown = set(given) - {c for s in found.values() for c in s.captions} - ROLES
    if unknown:
        known = sorted({c for s in found.values() for c in s.captions})
        raise SourceError(
            f"no size of an input is called {sorted(unknown)[0]!r}",
            fix=f"the file names {', '.join(known)}" if known else "the file names no sizes",
        )
    made = Plan(list(found.values()), given)
    _name(made.symbols, inputs)
    made.choose()
    return made


ROLES = {"batch", "seq", "target", "height", "width", "frames"}


def _name(symbols: Sequence[Symbol], inputs: Sequence[ValueInfoProto]) -> None:
    for symbol in symbols:
        i, axis = symbol.slots[0]
        kind = inputs[i].type.tensor_type
        rank, whole = len(kind.shape.dim), not element_type(kind.elem_type or 1).startswith(("float", "bfloat"))
        symbol.name = _role(axis, rank, whole)
    rename(symbols)


def _role(axis: int, rank: int, whole: bool) -> str:
    if axis == 0:
        return "batch"
    if rank >= 4 and not whole and axis >= rank - 2:
        return "height" if axis == rank - 2 else "width"
    return "frames" if rank == 5 and axis == 1 else "seq"


def rename(symbols: Sequence[Symbol]) -> None:
    """Distinct names: the second sequence is the `target`, further ones are counted."""
    seen: dict[str, int] = {}
    for symbol in symbols:
        role = symbol.name.rstrip("0123456789")
        role = "seq" if role == "target" else role
        seen[role] = seen.get(role, 0) + 1
        count = seen[role]
        symbol.name = role if count == 1 else "target" if role == "seq" and count == 2 else f"{role}{count}"


# --- how a size depends on the symbols: two readings tell


def named(a: int, b: int, symbols: Sequence[Symbol]) -> str | None:
    """The name of a dimension that is a in the first reading and b in the second; `None` where it does not vary."""
    if a == b:
        return None
    if a < 0 or b < 0:
        return None
    moving = [s for s in symbols if s.sizes[0] != s.sizes[1]]
    found = _exact(a, b, moving) or _shifted(a, b, moving, 1) or _scaled(a, b, moving)
    return found or _rounded(a, b, moving) or _shifted(a, b, moving, 8) or "?"


def _exact(a: int, b: int, moving: Sequence[Symbol]) -> str | None:
    """A product of symbols, times or divided by a number."""
    for count in (1, 2, 3):
        for group in combinations_with_replacement(moving, count):
            x = math.prod(symbol.sizes[0] for symbol in group)
            y = math.prod(symbol.sizes[1] for symbol in group)
            if a * y == b * x and (a % x == 0 or x % a == 0):
                word = "·".join(symbol.name for symbol in group)
                return word if a == x else f"{a // x}·{word}" if a % x == 0 else f"{word}/{x // a}"
    return None


def _shifted(a: int, b: int, moving: Sequence[Symbol], most: int) -> str | None:
    """A multiple (at most so many times) of one symbol and a number more or less."""
    for symbol in sorted(moving, key=lambda s: s.sizes[0] - s.sizes[1]):
        x, y = symbol.sizes
        if (b - a) % (y - x) == 0 and 0 < (k := (b - a) // (y - x)) <= most:
            return f"{symbol.name if k == 1 else f'{k}·{symbol.name}'}{a - k * x:+d}".replace("-", "−")
    return None


def _scaled(a: int, b: int, moving: Sequence[Symbol]) -> str | None:
    """One symbol times another with a number more or less, as rows of a batch of sequences are."""
    for symbol in moving:
        x, y = symbol.sizes
        if a % x == 0 and b % y == 0:
            inner = _shifted(a // x, b // y, moving, 1)
            if inner is not None:
                return f"{symbol.name}·({inner})"
    return None


def _rounded(a: int, b: int, moving: Sequence[Symbol]) -> str | None:
    """A size that strides made from one symbol, rounded."""
    for symbol in moving:
        x, y = symbol.sizes
        for k in (2, 4, 8, 16, 32, 3, 5, 7, 10, 14):
            if (-(-x // k), -(-y // k)) == (a, b):
                return f"⌈{symbol.name}/{k}⌉"
            if (x // k, y // k) == (a, b):
                return f"⌊{symbol.name}/{k}⌋"
    return None


def annotated(first: Graph, second: Graph, symbols: Sequence[Symbol]) -> Graph:
    """The first reading with its varying dimensions named by comparison with the second."""
    pairs = list(zip(_running(first), _running(second), strict=False))
    if len(_running(first)) != len(_running(second)) or any(a.op != b.op for a, b in pairs):
        findings = [*first.findings, "the model branches on the sizes of its inputs; one choice of sizes is shown"]
        inputs = dict(zip(first.inputs, second.inputs, strict=False))
        pairs = [(first.nodes[a], second.nodes[b]) for a, b in inputs.items()]
        first = replace(first, findings=findings)
    cache: dict[tuple[int, int], str | None] = {}

    def symbol(a: int, b: int) -> str | None:
        if (a, b) not in cache:
            cache[a, b] = named(a, b, symbols)
        return cache[a, b]

    def kind(a: TensorType, b: TensorType) -> TensorType:
        if a.shape is None or b.shape is None or a.shape == b.shape or len(a.shape) != len(b.shape):
            return a
        return TensorType(a.dtype, a.shape, tuple(symbol(m, n) for m, n in zip(a.shape, b.shape, strict=True)))

    nodes = dict(first.nodes)
    for a, b in pairs:
        made: Types
        if isinstance(a.type, tuple) and isinstance(b.type, tuple):
            made = tuple(kind(m, n) for m, n in zip(a.type, b.type, strict=False))
        elif isinstance(a.type, tuple) or isinstance(b.type, tuple):
            continue
        else:
            made = kind(a.type, b.type)
        body = annotated(a.body, b.body, symbols) if a.body is not None and b.body is not None else a.body
        if made is not a.type or body is not a.body:
            nodes[a.id] = Node(a.id, a.op, a.inputs, made, a.attrs, a.value, body)
    return replace(first, nodes=nodes)


def _running(graph: Graph) -> list[Node]:
    """The nodes that are compared: literals apart, which may be shared in one reading and not in the other."""
    return [node for node in graph if node.op != "const"]
