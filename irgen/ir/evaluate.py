"""The evaluator: the value of every canonical operator in numpy, floating values in float64 whatever their type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from irgen.errors import GraphError
from irgen.ir import (
    evaluate_compound,
    evaluate_contract,
    evaluate_elementwise,
    evaluate_index,
    evaluate_moves,
    evaluate_scan,
)
from irgen.ir.evaluate_base import Kernel, Result, Unevaluable, Values, settled, working
from irgen.ir.evaluate_sizes import TARGETED, followed
from irgen.ir.graph import Graph, Node

__all__ = ["KERNELS", "Unevaluable", "apply", "call", "evaluable", "run"]

KERNELS: dict[str, Kernel] = {
    **evaluate_elementwise.KERNELS,
    **evaluate_moves.KERNELS,
    **evaluate_index.KERNELS,
    **evaluate_contract.KERNELS,
    **evaluate_compound.KERNELS,
    **evaluate_scan.KERNELS,
}
_REFUSED = {
    "input": "an input has no value of its own",
    "param": "a parameter has no value",
    "random": "drawn anew at each run",
}
_FAULTS = (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, OverflowError, MemoryError, GraphError)


def evaluable(op: str) -> bool:
    """Whether the operator has a numpy meaning at all."""
    return op in KERNELS or op in evaluate_scan.BODY_KERNELS


def apply(node: Node, args: Sequence[Values | tuple[Values, ...] | None]) -> Result:
    """The result of one operator call on arrays given by port (None: a missing optional port).

    Operators with several results give a tuple, and `pick` takes that tuple. Casts between floating types are the
    identity, casts to integers and booleans are real. `Unevaluable` says why there is no value.
    """
    ready: list[Any] = [
        None if a is None else tuple(map(working, a)) if isinstance(a, tuple) else working(a) for a in args
    ]
    with np.errstate(all="ignore"):
        return _applied(node, ready)


def _applied(node: Node, args: Sequence[Any]) -> Result:
    kernel = KERNELS.get(node.op)
    try:
        if kernel is not None:
            result = kernel(node, *args)
        elif node.op in evaluate_scan.BODY_KERNELS:
            result = evaluate_scan.BODY_KERNELS[node.op](call, node, *args)
        else:
            reason = _REFUSED.get(node.op, f"no numpy meaning for {node.op} {node.attrs.get('name', '')}".rstrip())
            raise Unevaluable(reason, at=node.id)
    except _FAULTS as fault:
        raise Unevaluable(f"{node.op}: {fault}", at=node.id) from fault
    if isinstance(result, tuple):
        kinds = node.type if isinstance(node.type, tuple) else (node.type,) * len(result)
        return tuple(settled(value, kind) for value, kind in zip(result, kinds, strict=False))
    return settled(result, node.type[0] if isinstance(node.type, tuple) else node.type)


def call(body: Graph, args: Sequence[Values | None]) -> list[Values]:
    """The outputs of a body, in order, on its inputs in order."""
    given = {name: value for name, value in zip(body.inputs, args, strict=False) if value is not None}
    values = run(body, given, {})
    return [values[name] for name in body.outputs]


def run(
    graph: Graph,
    inputs: Mapping[str, Any],
    params: Mapping[str, Any],
    wanted: Iterable[str] | None = None,
) -> dict[str, Values]:
    """Values of the outputs (or of the `wanted` nodes) by node id; `inputs` and `params` give leaves by node id.

    Any other node may be given a value too and is then not computed. Values that nothing needs any more are freed.
    """
    asked = list(graph.outputs if wanted is None else wanted)
    given: dict[str, Any] = {name: working(value) for name, value in (*params.items(), *inputs.items())}
    readers: dict[str, int] = dict.fromkeys(asked, 1)
    live: list[Node] = []
    for node in reversed(graph.nodes.values()):
        if node.id in readers:
            live.append(node)
            if node.id not in given:
                for source in node.inputs:
                    readers[source] = readers.get(source, 0) + 1
    values: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for node in reversed(live):
            if node.id in given:
                values[node.id] = given[node.id]
                continue
            args = [values[s] if s else None for s in node.inputs]
            values[node.id] = _applied(followed(graph, node, args) if node.op in TARGETED else node, args)
            for source in node.inputs:
                readers[source] -= 1
                if source and readers[source] == 0:
                    del values[source]
    return {name: values[name] for name in asked}
