"""Parameters as they were before the exporter merged equal ones and copied a shared one.

Both of torch's exporters store equal tensors once (every bias of zeros, every norm's scale of ones in a new model), and
write a table that also serves as head a second time, transposed. Reading undoes both, by use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from irgen.frontends.fixed import repeats
from irgen.ir.graph import Array, Graph, Node
from irgen.ir.ops import ELEMENTWISE, MOVES

Values = Callable[[str], Array | None]
Use = tuple[str, int]  # (reader, port)

_STEPS = 12  # operators between a vector and the product that tells whose it is
_TELLING = 64  # numbers that are not equal by chance
_LOOKALIKES = 8  # matrices that begin alike and are compared in full (wiped weights all do)
_THROUGH = ELEMENTWISE | MOVES | {"softmax"}
_PRODUCTS = {"linear", "matmul", "conv", "conv_transposed", "einsum", "grouped_linear"}


def retied(graph: Graph, values: Values) -> Graph:
    """A matrix that repeats a table (upright or transposed) or another matrix is that one."""
    read = [node.inputs[0] for node in graph if node.op in ("embedding", "gather")]
    tables = [name for name in read if _is_matrix(graph, name)]
    heads = {
        node.inputs[1]
        for node in graph
        if node.op in _PRODUCTS and len(node.inputs) > 1 and _is_matrix(graph, node.inputs[1])
    }
    same: dict[str, tuple[str, bool]] = {}
    for table in dict.fromkeys(tables):
        shape = graph.nodes[table].shape
        for head in sorted(heads - set(tables) - same.keys()):
            other = graph.nodes[head].shape
            if sorted(other) != sorted(shape):
                continue
            first, second = values(table), values(head)
            if first is None or second is None or repeats(first):
                continue
            for turned in (True, False):
                view = second.T if turned else second
                if view.shape == shape and _equal(first, view):
                    same[head] = (table, turned)
                    break
    same |= _copies([name for name in graph.nodes if name in heads and name not in same], values)
    return _replaced(graph, same) if same else graph


def _copies(matrices: list[str], values: Values) -> dict[str, tuple[str, bool]]:
    """Matrices that repeat an earlier one, upright or transposed, each with that one and whether it is transposed.

    So they are written for two streams or layers that share weights, and for a projection used both ways.
    """
    known: dict[tuple[object, ...], list[tuple[str, bool]]] = {}
    same: dict[str, tuple[str, bool]] = {}
    for name in matrices:
        value = values(name)
        if value is None or value.size < _TELLING:
            continue
        looks = known.setdefault(_beginning(value), [])
        first = next((one for one in looks if _repeats(values(one[0]), value, one[1])), None)
        if first is not None and not repeats(value):
            same[name] = first
        elif first is None and len(looks) < _LOOKALIKES:
            looks.append((name, False))
            known.setdefault(_beginning(value.T), []).append((name, True))
    return same


def _beginning(value: Array) -> tuple[object, ...]:
    """What matrices have in common that may be equal."""
    return value.shape, value.dtype.name, value[0, :8].tobytes()


def _repeats(first: Array | None, value: Array, turned: bool) -> bool:
    return first is not None and _equal(first.T if turned else first, value)


def _is_matrix(graph: Graph, name: str) -> bool:
    node = graph.nodes[name]
    return node.op == "param" and node.tensor.rank == 2


def _equal(a: Array, b: Array) -> bool:
    return bool((a[:1] == b[:1]).all() and np.array_equal(a, b))


def _replaced(graph: Graph, same: Mapping[str, tuple[str, bool]]) -> Graph:
    first = {table: graph.nodes[table] for table, _ in same.values()}  # parameters may stand anywhere: in front
    nodes: dict[str, Node] = dict(first)
    upright = {head: table for head, (table, turned) in same.items() if not turned}
    for name, node in graph.nodes.items():
        if name in first or name in upright:
            continue
        if name in same:
            nodes[name] = Node(name, "transpose", (same[name][0],), node.type, {"perm": (1, 0)})
        elif any(source in upright for source in node.inputs):
            nodes[name] = replace(node, inputs=tuple(upright.get(s, s) for s in node.inputs))
        else:
            nodes[name] = node
    return replace(graph, nodes=nodes, outputs=[upright.get(name, name) for name in graph.outputs])


# --- merged vectors


def unmerged(graph: Graph, values: Values) -> tuple[Graph, dict[str, str]]:
    """One parameter for each product or norm that a merged vector belongs to, and the original of every new one.

    Vectors of one repeated number (and those without data) that several products or norms read are taken apart;
    readers near the same weights keep sharing, so that layers that truly share weights still do.
    """
    uses: dict[str, list[Use]] = {}
    vectors = {name for name, node in graph.nodes.items() if node.op == "param" and _is_vector(node)}
    for node in graph:
        for port, source in enumerate(node.inputs):
            if source in vectors:
                uses.setdefault(source, []).append((node.id, port))
    nodes, origins, made = dict(graph.nodes), dict(graph.provenance), dict[str, str]()
    readers = graph.users()
    for name, found in uses.items():
        if len(found) < 2:
            continue
        value = values(name)
        if value is not None and value.size and not repeats(value):
            continue
        for i, group in enumerate(_groups(graph, readers, found)[1:], 1):
            copy = f"{name}.{i}"
            made[copy] = name
            nodes[copy] = replace(graph.nodes[name], id=copy)
            if name in origins:
                origins[copy] = origins[name]
            for reader, port in group:
                inputs = list(nodes[reader].inputs)
                inputs[port] = copy
                nodes[reader] = replace(nodes[reader], inputs=tuple(inputs))
    if not made:
        return graph, made
    leaves = {name: node for name, node in nodes.items() if not node.inputs}
    return replace(graph, nodes={**leaves, **nodes}, provenance=origins), made


def _is_vector(node: Node) -> bool:
    return bool(node.shape) and max(node.shape) == node.tensor.size > 0


def _groups(graph: Graph, readers: Mapping[str, list[str]], uses: Iterable[Use]) -> list[list[Use]]:
    """Uses that stand in the same role at the same weights, in order of their first."""
    groups: list[tuple[set[tuple[str, str]], list[Use]]] = []
    for use in uses:
        node = graph.nodes[use[0]]
        role = f"{node.op}{use[1]}" if node.op in ("layer_norm", "rms_norm", "batch_norm", "group_norm") else "one"
        marks: set[tuple[str, str]] = set()
        for way, found in (("above", _above(graph, node, use[1])), ("below", _below(graph, readers, node))):
            if found:
                marks.add((f"{way} {role}", found))
        marks = marks or {("alone", role)}
        touching = [group for group in groups if group[0] & marks]
        for group in touching[1:]:
            touching[0][0].update(group[0])
            touching[0][1].extend(group[1])
            groups.remove(group)
        if touching:
            touching[0][0].update(marks)
            touching[0][1].append(use)
        else:
            groups.append((marks, [use]))
    return [group for _, group in groups]


def _weight_of(graph: Graph, node: Node) -> str:
    """The weight operand of a product, the empty string where both operands run."""
    for source in reversed(node.inputs[:2]):
        root = graph.nodes[source]
        while root.op in MOVES and root.inputs:
            root = graph.nodes[root.inputs[0]]
        if root.op == "param":
            return source
    return ""


def _above(graph: Graph, node: Node, port: int) -> str:
    """The weight of the nearest product that a reader's other operands come from."""
    if node.op in _PRODUCTS:
        return _weight_of(graph, node)
    layer = [source for i, source in enumerate(node.inputs) if source and i != port]
    seen = set(layer)
    for _ in range(_STEPS):
        following: list[str] = []
        for name in layer:
            found = graph.nodes[name]
            if found.op in _PRODUCTS and (weight := _weight_of(graph, found)):
                return weight
            if found.op in _THROUGH:
                following += [s for s in found.inputs if s and s not in seen]
                seen.update(found.inputs)
        layer = following
    return ""


def _below(graph: Graph, readers: Mapping[str, list[str]], node: Node) -> str:
    """The weight of the nearest product that a norm's result goes into."""
    layer, seen = readers[node.id], {node.id}
    for _ in range(_STEPS):
        following: list[str] = []
        for name in layer:
            found = graph.nodes[name]
            if found.op in _PRODUCTS and (weight := _weight_of(graph, found)):
                return weight
            if found.op in _THROUGH and name not in seen:
                seen.add(name)
                following += readers[name]
        layer = following
    return ""
