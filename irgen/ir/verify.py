"""The invariants of the IR as a table: each rule reads a graph and says what is wrong with it, if anything is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from irgen.errors import GraphError
from irgen.ir.architecture import Region
from irgen.ir.graph import Graph, Node
from irgen.ir.ops import LEAVES, MULTI, OPS
from irgen.ir.rules import result_type
from irgen.ir.tensor import DTYPES, TensorType
from irgen.ir.verify_attrs import attributes_hold_their_kind

Rule = Callable[[Graph], Iterator[str]]

_MAY_BE_SINGLE = frozenset({"opaque", "cond", "attention"})
_NEEDS_BODY = frozenset({"scan", "loop", "cond", "attention"})
_SAME_SIZE = frozenset({"reshape"})


def verify(graph: Graph, regions: Sequence[Region] | None = None, *, types: bool = True) -> list[str]:
    """What is wrong with a graph, one sentence each; the empty list if nothing is.

    `types` also has the shapes of inputs and results agree; `regions` also has regions nest or be disjoint.
    """
    found: list[str] = []
    for rule in STRUCTURE:
        found.extend(rule(graph))
    if not found and types:
        for rule in AGREEMENT:
            found.extend(rule(graph))
    if regions is not None:
        found.extend(region_faults(graph, regions))
    for node in graph:
        if node.body is not None:
            found.extend(f"in the body of {node.id!r}: {fault}" for fault in verify(node.body, types=types))
    return found


def check(graph: Graph, regions: Sequence[Region] | None = None, *, types: bool = True) -> None:
    """Raise `GraphError` with the first faults if anything is wrong with the graph."""
    found = verify(graph, regions, types=types)
    if found:
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise GraphError("the graph is not sound: " + "; ".join(islice(found, 3)) + more)


# -- structure ----------------------------------------------------------------------------------------------------


def known_by_its_id(graph: Graph) -> Iterator[str]:
    """The key of a node is its id, and not empty."""
    for name, node in graph.nodes.items():
        if name != node.id or not name:
            yield f"node {node.id!r} stands under the key {name!r}"


def read_after_made(graph: Graph) -> Iterator[str]:
    """Every input exists and stands earlier: the graph is acyclic and in topological order."""
    seen: set[str] = set()
    for node in graph:
        for port, source in enumerate(node.inputs):
            if source and source not in graph.nodes:
                yield f"{node.id!r} reads {source!r} at port {port}, which does not exist"
            elif source and source not in seen:
                yield f"{node.id!r} reads {source!r} at port {port} before it is made"
        seen.add(node.id)


def interface(graph: Graph) -> Iterator[str]:
    """The inputs of the graph are its `input` nodes, once each; its outputs exist; names belong to nodes."""
    declared = set(graph.inputs)
    if len(declared) != len(graph.inputs):
        yield "an input is listed twice"
    for name in graph.inputs:
        if name not in graph.nodes:
            yield f"the input {name!r} does not exist"
        elif graph[name].op != "input":
            yield f"{name!r} is listed as input but is {graph[name].op}"
    for node in graph:
        if node.op == "input" and node.id not in declared:
            yield f"{node.id!r} is an input but is not listed"
    for name in graph.outputs:
        if name not in graph.nodes:
            yield f"the output {name!r} does not exist"
    for name in graph.provenance:
        if name not in graph.nodes:
            yield f"there is provenance of {name!r}, which does not exist"


def known_operators(graph: Graph) -> Iterator[str]:
    """Operators stand in the vocabulary, and their ports fit it."""
    for node in graph:
        if node.op not in OPS:
            yield f"{node.id!r} is {node.op!r}, which is no operator"
            continue
        yield from _ports(node)


def _ports(node: Node) -> Iterator[str]:
    ports = OPS[node.op].ports
    least = sum(not port.endswith(("?", "*")) for port in ports)
    most = math.inf if any(port.endswith("*") for port in ports) else len(ports)
    if not least <= len(node.inputs) <= most:
        wanted = str(least) if least == most else f"{least} to {most}" if most < math.inf else f"at least {least}"
        yield f"{node.id!r} ({node.op}) has {len(node.inputs)} inputs, not {wanted}"
    for port, source in zip(ports, node.inputs, strict=False):
        if not source and not port.endswith(("?", "*")):
            yield f"{node.id!r} ({node.op}) has no input at its port {port!r}"
        if port.endswith("*"):
            break


def known_attributes(graph: Graph) -> Iterator[str]:
    """Attributes are those of the operator, all of them (those marked `?` may be absent)."""
    for node in graph:
        if node.op not in OPS or node.op == "opaque":
            continue
        allowed = {name.rstrip("?") for name in OPS[node.op].attrs}
        needed = {name for name in OPS[node.op].attrs if not name.endswith("?")}
        for name in sorted(set(node.attrs) - allowed):
            yield f"{node.id!r} ({node.op}) has the unknown attribute {name!r}"
        for name in sorted(needed - set(node.attrs)):
            yield f"{node.id!r} ({node.op}) lacks the attribute {name!r}"


def results(graph: Graph) -> Iterator[str]:
    """Operators with several results have a row of types and are read by `pick` alone, within its length."""
    for node in graph:
        several = isinstance(node.type, tuple)
        if several and node.op not in MULTI | _MAY_BE_SINGLE:
            yield f"{node.id!r} ({node.op}) has a row of types but one result"
        if not several and node.op in MULTI - _MAY_BE_SINGLE:
            yield f"{node.id!r} ({node.op}) has one type but several results"
        sources = [graph.nodes[source] for source in node.inputs if source in graph.nodes]
        if node.op == "pick":
            yield from _picked(node, sources)
        else:
            for source in sources:
                if isinstance(source.type, tuple):
                    yield f"{node.id!r} ({node.op}) reads {source.id!r}, which has several results: only pick may"


def _picked(node: Node, sources: Iterable[Node]) -> Iterator[str]:
    index = node.attrs.get("index")
    for source in sources:
        if not isinstance(source.type, tuple):
            yield f"{node.id!r} picks from {source.id!r}, which has one result"
        elif not isinstance(index, int) or not 0 <= index < len(source.type):
            yield f"{node.id!r} picks result {index!r} of {source.id!r}, which has {len(source.type)}"


def sound_types(graph: Graph) -> Iterator[str]:
    """Element types are known; sizes are whole, or -1 where unknown; symbols are one a dimension."""
    for node in graph:
        for kind in node.type if isinstance(node.type, tuple) else (node.type,):
            if kind.dtype not in DTYPES:
                yield f"{node.id!r} has the unknown element type {kind.dtype!r}"
            if kind.shape is not None and any(size < -1 for size in kind.shape):
                yield f"{node.id!r} has a size below -1: {list(kind.shape)}"
            if kind.symbols and len(kind.symbols) != len(kind.shape or ()):
                yield f"{node.id!r} has {len(kind.symbols)} symbols for {len(kind.shape or ())} dimensions"


def values_and_bodies(graph: Graph) -> Iterator[str]:
    """Only leaves have values, of the shape of their type; bodies are where operators carry one."""
    for node in graph:
        if node.value is not None:
            if node.op not in LEAVES:
                yield f"{node.id!r} ({node.op}) has a value"
            elif not isinstance(node.type, tuple) and not _fits(node.value.shape, node.type.shape):
                yield f"{node.id!r} has a value of shape {list(node.value.shape)}, its type says {node.type}"
        if node.op in _NEEDS_BODY and node.body is None:
            yield f"{node.id!r} ({node.op}) has no body"


# -- agreement of types -------------------------------------------------------------------------------------------


def _fits(a: tuple[int, ...] | None, b: tuple[int, ...] | None) -> bool:
    """Whether two shapes may be the same, unknown sizes aside."""
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(m == n or m < 0 or n < 0 for m, n in zip(a, b, strict=True))


def results_follow(graph: Graph) -> Iterator[str]:
    """The type of every result is the one that its operator makes of its inputs."""
    for node in graph:
        kinds = [graph[source].type if source else None for source in node.inputs]
        try:
            expected = result_type(node.op, kinds, node.attrs)
        except GraphError as fault:
            yield f"{node.id!r} ({node.op}): {fault.what}"
            continue
        for made, said in zip(_row(expected), _row(node.type), strict=False):
            if not _fits(made.shape, said.shape) and not _rounded_up(node, made, said):
                yield f"{node.id!r} ({node.op}) gives {list(made.shape or ())}, its type says {list(said.shape or ())}"
            if (made.dtype == "bool") != (said.dtype == "bool") and node.op not in _ANY_TYPE:
                yield f"{node.id!r} ({node.op}) gives {made.dtype}, its type says {said.dtype}"


_ANY_TYPE = frozenset({"one_hot", "arange", "full"})


def _row(kind: TensorType | tuple[TensorType, ...] | None) -> tuple[TensorType, ...]:
    if kind is None:
        return ()
    return kind if isinstance(kind, tuple) else (kind,)


def _rounded_up(node: Node, made: TensorType, said: TensorType) -> bool:
    """A pool may have one window more along an axis, where it rounds up."""
    if node.op not in {"max_pool", "avg_pool"} or made.rank != said.rank:
        return False
    return all(0 <= n - m <= 1 or min(m, n) < 0 for m, n in zip(made.shape or (), said.shape or (), strict=True))


def sizes_kept(graph: Graph) -> Iterator[str]:
    """A reshape keeps the number of elements; an expand only widens axes of one; a cast keeps the shape."""
    for node in graph:
        if node.op not in {"reshape", "expand", "cast"}:
            continue
        before, after = graph[node.inputs[0]].tensor, node.tensor
        if node.op == "reshape" and min(before.size, after.size) >= 0 and before.size != after.size:
            yield f"{node.id!r} reshapes {list(before.shape or ())} to {list(after.shape or ())}"
        if node.op == "cast" and not _fits(before.shape, after.shape):
            yield f"{node.id!r} casts {list(before.shape or ())} to {list(after.shape or ())}"
        if node.op == "expand" and not _widens(before.shape, after.shape):
            yield f"{node.id!r} expands {list(before.shape or ())} to {list(after.shape or ())}"


def _widens(before: tuple[int, ...] | None, after: tuple[int, ...] | None) -> bool:
    if before is None or after is None:
        return True
    if len(before) > len(after):
        return False
    return all(m in (n, 1) or min(m, n) < 0 for m, n in zip(before[::-1], after[::-1], strict=False))


def parameters_apart(graph: Graph) -> Iterator[str]:
    """A parameter stands once: two `param` nodes do not share one array."""
    seen: dict[int, str] = {}
    for node in graph:
        if node.op == "param" and node.value is not None:
            other = seen.setdefault(id(node.value), node.id)
            if other != node.id:
                yield f"{other!r} and {node.id!r} are the same parameter twice"


STRUCTURE: tuple[Rule, ...] = (
    known_by_its_id,
    read_after_made,
    interface,
    known_operators,
    known_attributes,
    results,
    attributes_hold_their_kind,
    sound_types,
    values_and_bodies,
)
AGREEMENT: tuple[Rule, ...] = (results_follow, sizes_kept, parameters_apart)


# -- regions ------------------------------------------------------------------------------------------------------


def region_faults(graph: Graph, regions: Sequence[Region]) -> Iterator[str]:
    """Regions nest or are disjoint: a region lies inside its parent, and siblings share no node."""
    ids: set[str] = set()
    stack: list[tuple[frozenset[str] | None, Sequence[Region]]] = [(None, regions)]
    while stack:
        outer, siblings = stack.pop()
        taken: dict[str, str] = {}
        for region in siblings:
            if region.id in ids:
                yield f"region {region.id!r} stands twice"
            ids.add(region.id)
            for name in region.nodes:
                if name not in graph.nodes:
                    yield f"region {region.id!r} holds {name!r}, which does not exist"
                if outer is not None and name not in outer:
                    yield f"region {region.id!r} holds {name!r}, which its parent does not"
                other = taken.setdefault(name, region.id)
                if other != region.id:
                    yield f"regions {other!r} and {region.id!r} both hold {name!r}"
            stack.append((frozenset(region.nodes), region.children))
