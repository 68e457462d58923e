"""Which stored floating tensors are fixed tables (masks, angles, frequencies) and not learned: told by their values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from irgen.frontends.fixed import TABLE_LIMIT, Numbers, is_fixed, repeats
from irgen.frontends.onnx_sharing import Values
from irgen.ir.graph import Graph, Node


def settled(graph: Graph, values: Values) -> Graph:
    """The graph with fixed tables as constants; tensors that are multiplied as matrices are not even looked at."""
    weights = _matrices(graph)
    blank = _is_blank(graph, weights, values)
    statistics = {s for node in graph if node.op == "batch_norm" for s in node.inputs[3:]}
    literals, roles = _literal_uses(graph), _roles(graph)
    angles = _frequencies(graph)
    idle_vectors = set[str]() if blank else _odd_vectors(graph, values)
    nodes: dict[str, Node] = dict(graph.nodes)
    for name, node in graph.nodes.items():
        if node.op != "param" or node.tensor.size > TABLE_LIMIT or name in weights:
            continue
        value = values(name)
        fixed = name in angles or name in statistics or name in literals or name in idle_vectors
        role = roles.get(name, _RETURNED)
        if role <= _WRITTEN and sum(n > 1 for n in node.shape) >= 2:
            fixed = True
        if role <= _COMPARED:
            fixed = True  # the bounds of buckets: no gradient flows through a comparison
        if value is not None and not fixed:
            plain = value.size > 0 and repeats(value)
            idle = plain and not blank and _idle(roles.get(name, set()), node)
            fixed = idle or is_literal(value) or (not plain and is_fixed(value))
        if fixed:
            nodes[name] = replace(node, op="const", value=value)
    return replace(graph, nodes=nodes)


def without_idle_affine(graph: Graph) -> Graph:
    """Norms without the scale of ones and the shift of zeros that ONNX makes exporters write."""
    nodes: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        nodes[name] = node
        if node.op not in ("layer_norm", "rms_norm", "group_norm"):
            continue
        kept = list(node.inputs)
        for port, idle in ((2, 0.0), (1, 1.0)):
            if len(kept) > port and kept[port] and _all(graph.nodes[kept[port]], idle):
                kept[port] = ""
        while kept and not kept[-1]:
            kept.pop()
        if tuple(kept) != node.inputs:
            nodes[name] = replace(node, inputs=tuple(kept))
    return replace(graph, nodes=nodes).pruned()


def _all(node: Node, number: float) -> bool:
    if node.op == "full":
        return node.attrs["value"] == number
    return node.op == "const" and node.value is not None and bool((node.value == number).all())


def _matrices(graph: Graph) -> set[str]:
    """Tensors that products read: learned, whatever their values."""
    nodes = graph.nodes
    return {
        source
        for node in graph
        if node.op in _PRODUCTS
        for source in node.inputs
        if source and nodes[source].tensor.rank >= 2
    }


_PRODUCTS = frozenset({"linear", "conv", "conv_transposed", "matmul", "rnn"})


def _is_blank(graph: Graph, weights: set[str], values: Values) -> bool:
    """Whether the weights were wiped: then a tensor of one repeated number says nothing about its role."""
    for name in sorted(weights):
        if graph.nodes[name].op == "param" and 16 <= graph.nodes[name].tensor.size <= TABLE_LIMIT:
            value = values(name)
            if value is not None and not repeats(value):
                return False
    return True


def _roles(graph: Graph) -> dict[str, set[str]]:
    """What reads each parameter: operators, and whether a softmax comes next."""
    before_softmax = {s for node in graph if node.op == "softmax" for s in node.inputs}
    roles: dict[str, set[str]] = {name: set() for name, node in graph.nodes.items() if node.op == "param"}
    for name, node in graph.nodes.items():
        for source in node.inputs:
            if source in roles:
                roles[source].add("mask" if name in before_softmax else node.op)
    return {name: found for name, found in roles.items() if found}


_RETURNED = frozenset({"output"})
_WRITTEN = {"where", "write", "scatter_nd", "scatter_elements", "masked_scatter"}
_COMPARED = {"lt", "le", "gt", "ge", "eq", "ne", "searchsorted"}
_IDLE = _WRITTEN | {"mul", "mask", "scan", "loop", "concat", "sub"}


def _idle(roles: set[str], node: Node) -> bool:
    """One repeated number along two axes or more where nothing learned stands: initial states, empty buffers, masks."""
    allowed = _IDLE if sum(n > 1 for n in node.shape) >= 2 else _WRITTEN
    if node.tensor.rank >= 3 and node.shape[0] > 1:  # one for each entry of the traced batch
        allowed = allowed | {"add"}
    return bool(roles) and roles <= allowed


def _frequencies(graph: Graph) -> set[str]:
    """What positions are multiplied by before cosine and sine, where nothing that runs takes part."""
    found: set[str] = set()
    for node in graph:
        if node.op not in ("cos", "sin"):
            continue
        cone, stack, learned = {node.id}, list(node.inputs), list[str]()
        while stack:
            name = stack.pop()
            if name in cone:
                continue
            cone.add(name)
            above = graph.nodes[name]
            if above.op == "param":
                learned.append(name)
            elif (
                len(cone) > 60 or above.op in ("embedding", "linear") or (above.op == "input" and above.tensor.is_float)
            ):
                learned.clear()
                break
            stack += [s for s in above.inputs if s]
        found.update(learned)
    return found


def _literal_uses(graph: Graph) -> set[str]:
    """Single numbers in places where only a literal makes sense: exponents, divisors, what is added under a root."""
    found: set[str] = set()
    rooted = {s for node in graph if node.op in ("sqrt", "rsqrt", "log") for s in node.inputs}
    for node in graph:
        if node.op in ("pow", "div"):
            found.add(node.inputs[1])
        elif (node.op == "add" and node.id in rooted) or node.op in ("maximum", "minimum"):
            found.update(node.inputs)
    return {name for name in found if graph.nodes[name].op == "param" and graph.nodes[name].tensor.size == 1}


_NUMBERS = (0.1, 0.2, 0.3, 0.044715, 1.702, (2 / np.pi) ** 0.5, (np.pi / 2) ** 0.5, np.pi, 2 * np.pi)


def is_literal(value: Numbers) -> bool:
    """A single number that formulas are written with: tiny, known, or a whole number, a root or inverse of one."""
    if value.size != 1:
        return False
    x = abs(float(value.reshape(-1)[0]))
    if x in (0, 1) or not np.isfinite(x):
        return x not in {0, 1}
    if x < 2e-3 or x > 1000 or any(np.isclose(x, number, rtol=1e-6) for number in _NUMBERS):
        return True
    powers = np.array([x, x**2, x**4, 1 / x, 1 / x**2, 1 / x**4])
    near = np.abs(powers - np.round(powers)) < 1e-6 * powers
    return bool(near[(powers > 0.5) & (powers < 5000)].any())


_NORMS = {"layer_norm", "rms_norm", "group_norm"}


def _odd_vectors(graph: Graph, values: Values) -> set[str]:
    """Vectors of one repeated number where the others of their kind vary: scales that are none, empty buffers."""
    kinds: dict[tuple[str, int], dict[str, bool]] = {}
    for node in graph:
        for port, source in enumerate(node.inputs):
            if not source or graph.nodes[source].op != "param":
                continue
            leaf = graph.nodes[source]
            if leaf.tensor.size < 2 or max(leaf.shape) != leaf.tensor.size:
                continue
            value = values(source)
            if value is not None:
                kind = ("norm", port) if node.op in _NORMS else (node.op, 0)
                kinds.setdefault(kind, {})[source] = repeats(value)
    scales = [same for (kind, _), flat in kinds.items() if kind in ("norm", "mul") for same in flat.values()]
    trained = sum(scales) * 2 < len(scales)  # in a new model every scale is a row of ones
    found: set[str] = set()
    for (kind, _), flat in kinds.items():
        varied = sum(not same for same in flat.values())
        if trained or (varied if kind == "norm" else varied >= 10 * sum(flat.values())):
            found.update(name for name, same in flat.items() if same)
    return found
