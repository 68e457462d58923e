"""Pooling over everything as a reduction, even adaptive pooling as plain pooling, sums over n divided by n as means."""

from __future__ import annotations

from math import prod

from irgen.ir.attrs import integers, pairs, word
from irgen.ir.graph import Node
from irgen.passes.constants import number
from irgen.passes.engine import Builder, Pass, Rule, known

_REDUCTION = {"avg_pool": "reduce_mean", "max_pool": "reduce_max"}
_POOL = {"avg": "avg_pool", "max": "max_pool"}
_ONE_ENTRY = frozenset({"reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "logsumexp"})


def _per_axis(values: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return values * rank if len(values) == 1 else values


def pool_of_everything(node: Node, b: Builder) -> str | Node | None:
    """A window as large as the input gives the mean or maximum over space; a window of one gives the input."""
    source = b[node.inputs[0]]
    pads = pairs(node, "pads")
    rank = len(pads)
    space = source.shape[len(source.shape) - rank :]
    kernel, stride = _per_axis(integers(node, "kernel"), rank), _per_axis(integers(node, "stride"), rank)
    if any(low or high for low, high in pads):
        return None
    if set(kernel) == {1} and set(stride) == {1}:
        return source.id
    if kernel != space or set(node.shape[len(node.shape) - rank :]) != {1}:
        return None
    axes = tuple(range(len(source.shape) - rank, len(source.shape)))
    return b.instead(node, _REDUCTION[node.op], (source.id,), axes=axes, keepdims=True)


def even_adaptive_pool(node: Node, b: Builder) -> str | Node | None:
    """Pooling to sizes that divide the input's has windows of one size."""
    source = b[node.inputs[0]]
    if not known(node, source) or len(source.shape) != len(node.shape):
        return None
    if source.shape == node.shape:
        return source.id
    axes = [axis for axis in range(len(node.shape)) if axis >= 2 or source.shape[axis] != node.shape[axis]]
    if min(axes) < len(node.shape) - 3 or any(source.shape[axis] % max(node.shape[axis], 1) for axis in axes):
        return None
    first = min(axes) if len(node.shape) < 4 else 2
    spatial = range(first, len(node.shape))
    kernel = tuple(source.shape[axis] // node.shape[axis] for axis in spatial)
    op, pads = _POOL[word(node, "mode")], tuple((0, 0) for _ in kernel)
    rest = {"count_pad": True} if op == "avg_pool" else {"dilation": tuple(1 for _ in kernel)}
    return b.instead(node, op, (source.id,), kernel=kernel, stride=kernel, pads=pads, **rest)


def pads_not_counted(node: Node, b: Builder) -> Node | None:
    """Without pads it does not matter whether they count."""
    if node.attrs.get("count_pad") or any(low or high for low, high in pairs(node, "pads")):
        return None
    return b.instead(node, node.op, node.inputs, **{**node.attrs, "count_pad": True})


def mean(node: Node, b: Builder) -> Node | None:
    """A sum over n entries times 1 / n."""
    total, factor = b[node.inputs[0]], number(b.nodes, node.inputs[1])
    if total.op != "reduce_sum" or factor is None or not node.tensor.is_float or total.shape != node.shape:
        return None
    source = b[total.inputs[0]]
    if not known(source):
        return None
    count = prod(source.shape[axis] for axis in integers(total, "axes"))
    if not source.tensor.is_float or abs(factor * count - 1) > 1e-6:
        return None
    return b.instead(node, "reduce_mean", total.inputs, **total.attrs)


def over_one_entry(node: Node, b: Builder) -> Node | None:
    """A reduction over axes of one is a view."""
    source = b[node.inputs[0]]
    if source.tensor.size != node.tensor.size or node.tensor.size < 0 or source.dtype != node.dtype:
        return None
    return b.instead(node, "reshape", (source.id,))


RULES: dict[str, tuple[Rule, ...]] = {
    "avg_pool": (pads_not_counted, pool_of_everything),
    "max_pool": (pool_of_everything,),
    "adaptive_pool": (even_adaptive_pool,),
    "mul": (mean,),
    **dict.fromkeys(sorted(_ONE_ENTRY), (over_one_entry,)),
}

PASS = Pass(rules=RULES, after=("scalars",))
