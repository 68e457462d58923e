"""Reductions and running sums of ONNX."""

from __future__ import annotations

from irgen.frontends.onnx_call import Call, Lowering, NotFolded

_SAME_NAME = {
    "ReduceSum": "reduce_sum", "ReduceMean": "reduce_mean", "ReduceMax": "reduce_max", "ReduceMin": "reduce_min",
    "ReduceProd": "reduce_prod", "ReduceL1": "reduce_l1", "ReduceL2": "reduce_l2",
    "ReduceLogSumExp": "logsumexp", "ReduceSumSquare": "reduce_sum", "ReduceLogSum": "reduce_sum",
}  # fmt: skip


def _reduce(c: Call) -> str:
    axes = c.vector("axes", 1)
    x = c.x
    if not axes:
        if c.int("noop_with_empty_axes", 0):
            return x
        axes = None
    over = c.axes(axes, len(c.shape()))
    if c.op == "ReduceSumSquare":
        x = c.b.add("mul", (x, x))
    found = c.b.reduce(_SAME_NAME[c.op], x, over, keepdims=bool(c.int("keepdims", 1)))
    return c.b.add("log", (found,)) if c.op == "ReduceLogSum" else found


def _arg(c: Call) -> str:
    axis = c.axis(c.int("axis", 0), len(c.shape()))
    if c.int("select_last_index", 0):
        raise NotFolded
    op = "argmax" if c.op == "ArgMax" else "argmin"
    return c.b.add(op, (c.x,), axis=axis, keepdims=bool(c.int("keepdims", 1)))


def _running(c: Call) -> str:
    axes = c.vector("axis", 1)
    if not axes:
        raise NotFolded
    axis = c.axis(axes[0], len(c.shape()))
    if c.op == "CumProd":
        if c.int("reverse", 0) or c.int("exclusive", 0):
            raise NotFolded
        return c.b.add("cumprod", (c.x,), axis=axis)
    return c.b.add(
        "cumsum", (c.x,), axis=axis, reverse=bool(c.int("reverse", 0)), exclusive=bool(c.int("exclusive", 0))
    )


def _l_p(c: Call) -> str:
    axis = c.axis(c.int("axis", -1), len(c.shape()))
    if c.int("p", 2) == 2:
        return c.b.add("l2_norm", (c.x,), axes=(axis,), eps=0.0)
    return c.b.add("div", (c.x, c.b.reduce("reduce_l1", c.x, (axis,))))


OPS: dict[str, Lowering] = {
    **dict.fromkeys(_SAME_NAME, _reduce),
    "ArgMax": _arg,
    "ArgMin": _arg,
    "CumSum": _running,
    "CumProd": _running,
    "LpNormalization": _l_p,
}
