"""Lowering of contractions and attention."""

# The rows of TABLE take what torch's functions take, used or not, and lambdas have no room for types:
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from irgen.frontends.torch_build import Builder, Number, Unlowered, Val

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _linear(c: Builder, x: Val, weight: Val, bias: Val | None = None) -> Val:
    if weight.data or weight.rank == 1:  # a product of two tensors that the inputs determine, not a layer
        y = c.matmul(x, c.swap(weight, -1, -2) if weight.rank > 1 else weight)
        return y if bias is None else c.binary("add", y, bias)
    return c.emit("linear", [x, weight, bias], (*x.shape[:-1], weight.shape[0]), x.dtype, layout="oi")


def _matmul(c: Builder, a: Val, other: Val) -> Val:
    return c.matmul(a, other)


def _added(c: Builder, bias: Val, product: Val, beta: Number, alpha: Number) -> Val:
    if alpha != 1:
        product = c.binary("mul", product, alpha)
    if beta == 0:
        return product
    return c.binary("add", product, bias if beta == 1 else c.binary("mul", bias, beta))


def _addmm(
    c: Builder, bias: Val, *pair: Val, beta: Number = 1, alpha: Number = 1, use_gelu: bool = False, **named: Val
) -> Val:
    left, right = (*pair, *named.values())
    y = _added(c, bias, c.matmul(left, right), beta, alpha)
    return c.unary("gelu", y) if use_gelu else y


def _addbmm(c: Builder, bias: Val, a: Val, b: Val, *, beta: Number = 1, alpha: Number = 1) -> Val:
    return _added(c, bias, c.reduce("reduce_sum", c.matmul(a, b), [0], False), beta, alpha)


def _addr(c: Builder, x: Val, a: Val, b: Val, *, beta: Number = 1, alpha: Number = 1) -> Val:
    return _added(c, x, _outer(c, a, b), beta, alpha)


def _outer(c: Builder, a: Val, b: Val) -> Val:
    return c.binary("mul", c.unsqueeze(a, 1), b)


def einsum(c: Builder, equation: str, xs: Sequence[Val]) -> Val:
    """An einsum with its ellipses spelt out; the dtype is that of the operands."""
    equation = equation.replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    free = [letter for letter in LETTERS if letter not in equation]
    widest = max((x.rank - len(t.replace("...", "")) for t, x in zip(terms, xs, strict=True) if "..." in t), default=0)
    dots = "".join(free[:widest])
    spelt = [
        t.replace("...", dots[widest - (x.rank - len(t) + 3) :] if "..." in t else "") if "..." in t else t
        for t, x in zip(terms, xs, strict=True)
    ]
    if arrow:
        result = right.replace("...", dots)
    else:
        joined = "".join(t.replace("...", "") for t in terms)
        result = dots + "".join(sorted(letter for letter in set(joined) if joined.count(letter) == 1))
    sizes: dict[str, int] = {}
    for term, x in zip(spelt, xs, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            sizes[letter] = max(n, sizes.get(letter, 1))
    full = f"{','.join(spelt)}->{result}"
    return c.emit("einsum", xs, [sizes[letter] for letter in result], xs[0].dtype, equation=full)


def _einsum(c: Builder, equation: Any, *operands: Any, **_: Any) -> Val:
    if not isinstance(equation, str):
        return _sublists(c, (equation, *operands))
    xs = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (tuple, list)) else list(operands)
    return einsum(c, equation, xs)


def _sublists(c: Builder, given: Sequence[Any]) -> Val:
    """The form einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    xs, axes = list(given[0 : len(given) // 2 * 2 : 2]), list(given[1::2])
    spelt = ["".join("..." if i is Ellipsis else LETTERS[i] for i in part) for part in axes]
    result = "" if len(given) % 2 == 0 else "->" + "".join("..." if i is Ellipsis else LETTERS[i] for i in given[-1])
    return einsum(c, ",".join(spelt) + result, xs)


def _tensordot(c: Builder, a: Val, b: Val, dims: Any = 2, **_: Any) -> Val:
    if isinstance(dims, int):
        dims = (list(range(a.rank - dims, a.rank)), list(range(dims)))
    left, right = (
        [d % x.rank for d in ([part] if isinstance(part, int) else part)] for part, x in zip(dims, (a, b), strict=True)
    )
    first = list(LETTERS[: a.rank])
    second = list(LETTERS[a.rank : a.rank + b.rank])
    for i, j in zip(left, right, strict=True):
        second[j] = first[i]
    kept = [first[i] for i in range(a.rank) if i not in left] + [second[j] for j in range(b.rank) if j not in right]
    return einsum(c, f"{''.join(first)},{''.join(second)}->{''.join(kept)}", [a, b])


def _bilinear(c: Builder, a: Val, b: Val, weight: Val, bias: Val | None = None) -> Val:
    y = einsum(c, "...i,oij,...j->...o", [a, weight, b])
    return y if bias is None else c.binary("add", y, bias)


def _multi_dot(c: Builder, *tensors: Any) -> Val:
    xs = list(tensors[0]) if isinstance(tensors[0], (tuple, list)) else list(tensors)
    y = xs[0]
    for x in xs[1:]:
        y = c.matmul(y, x)
    return y


def _vdot(c: Builder, a: Val, b: Val, dim: int = -1) -> Val:
    return c.reduce("reduce_sum", c.binary("mul", a, b), [dim], False)


def _cosine(c: Builder, a: Val, b: Val, dim: int = 1, eps: float = 1e-8) -> Val:
    norms = [c.unary("clip", c.reduce("reduce_l2", x, [dim], True), min=eps, max=None) for x in (a, b)]
    unit = [c.binary("div", x, n) for x, n in zip((a, b), norms, strict=True)]
    return c.reduce("reduce_sum", c.binary("mul", *unit), [dim], False)


def _cdist(c: Builder, a: Val, b: Val, p: float = 2.0, *_: Any, **__: Any) -> Val:
    gap = c.binary("sub", c.unsqueeze(a, -2), c.unsqueeze(b, -3))
    if p == 2:
        return c.reduce("reduce_l2", gap, [-1], False)
    if p == 1:
        return c.reduce("reduce_l1", gap, [-1], False)
    raise Unlowered


def _pairwise(c: Builder, a: Val, b: Val, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Val:
    if p != 2:
        raise Unlowered
    return c.reduce("reduce_l2", c.binary("add", c.binary("sub", a, b), eps), [-1], keepdim)


def _kron(c: Builder, a: Val, b: Val) -> Val:
    if a.rank != b.rank:
        raise Unlowered
    left = c.reshape(a, [n for m in a.shape for n in (m, 1)])
    right = c.reshape(b, [n for m in b.shape for n in (1, m)])
    return c.reshape(c.binary("mul", left, right), c.out.shape)


def _grouped(c: Builder, a: Val, b: Val, offs: Val | None = None, bias: Val | None = None, *_: Any, **__: Any) -> Val:
    if offs is None and a.rank == b.rank == 3:
        return c.matmul(a, b)
    if offs is None or a.rank != 2 or b.rank != 3:
        raise Unlowered
    return c.emit("grouped_linear", [a, b, offs, bias], (a.shape[0], b.shape[-1]), a.dtype, layout="io")


def repeated_heads(c: Builder, x: Val, heads: int) -> Val:
    """Key/value heads shared by groups of query heads, written out."""
    if x.shape[-3] == heads:
        return x
    times = heads // x.shape[-3]
    spread = c.expand(c.unsqueeze(x, -3), (*x.shape[:-2], times, *x.shape[-2:]))
    return c.reshape(spread, (*x.shape[:-3], heads, *x.shape[-2:]))


def _attention(
    c: Builder, query: Val, key: Val, value: Val, attn_mask: Val | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False, **_: Any,
) -> Val:  # fmt: skip
    """softmax(q kᵀ · scale + mask) v, spelt out."""
    if enable_gqa:
        key, value = (repeated_heads(c, x, query.shape[-3]) for x in (key, value))
    scores = c.matmul(query, c.swap(key, -1, -2))
    scores = c.binary("mul", scores, 1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        rows, columns = scores.shape[-2:]
        later = c.binary(
            "ge", c.reshape(c.arange(rows), (rows, 1)), c.reshape(c.arange(columns), (1, columns)), result="bool"
        )
        scores = c.where(later, scores, -math.inf)
    if attn_mask is not None:
        scores = (
            c.where(attn_mask, scores, -math.inf) if attn_mask.dtype == "bool" else c.binary("add", scores, attn_mask)
        )
    return c.matmul(c.softmax(scores, -1), value)


def _attention_first(c: Builder, query: Val, key: Val, value: Val, *args: Any, **named: Any) -> tuple[Any, ...]:
    """The fused kernels of exported programs, whose other results serve training only."""
    mask = named.pop("attn_mask", named.pop("attn_bias", None))
    rest = [a for a in args if not isinstance(a, Val)]
    if args and isinstance(args[0], Val):
        mask = args[0]
    causal = named.get("is_causal", next((a for a in rest if isinstance(a, bool)), False))
    out = _attention(c, query, key, value, mask, is_causal=causal, scale=named.get("scale"))
    others = [
        c.emit("opaque", [out], o.shape, o.dtype, name="attention log-sum") if isinstance(o, Val) else None
        for o in c.out[1:]
    ]
    return (out, *others)


def _solve_triangular(
    c: Builder, a: Val, b: Val, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Val:
    if not left:
        a, b, upper = c.swap(a, -1, -2), c.swap(b, -1, -2), not upper
    x = c.emit("solve_triangular", [a, b], b.shape, b.dtype, upper=upper, unit=unitriangular)
    return x if left else c.swap(x, -1, -2)


TABLE: dict[str, Callable[..., Any]] = {
    "linear": _linear, "matmul": _matmul, "rmatmul": lambda c, a, b: c.matmul(b, a), "mm": _matmul, "bmm": _matmul,
    "mv": _matmul, "dot": _matmul, "vdot": _matmul, "linalg_matmul": _matmul,
    "linalg_solve_triangular": _solve_triangular,
    "inner": lambda c, a, b: _tensordot(c, a, b, ([-1], [-1])),
    "addmm": _addmm, "baddbmm": _addmm, "addmv": _addmm, "addbmm": _addbmm, "addr": _addr,
    "outer": _outer, "ger": _outer, "einsum": _einsum, "tensordot": _tensordot, "bilinear": _bilinear,
    "linalg_multi_dot": _multi_dot, "chain_matmul": _multi_dot,
    "linalg_vecdot": lambda c, a, b, dim=-1: _vdot(c, a, b, dim),
    "cosine_similarity": _cosine, "cdist": _cdist, "_cdist_forward": _cdist, "pairwise_distance": _pairwise,
    "kron": _kron, "_grouped_mm": _grouped, "grouped_mm": _grouped, "grouped_mm_fallback": _grouped,
    "scaled_dot_product_attention": _attention,
    "_scaled_dot_product_attention_math": _attention_first,
    "_scaled_dot_product_flash_attention_for_cpu": _attention_first,
    "_scaled_dot_product_flash_attention": _attention_first,
    "_scaled_dot_product_efficient_attention": _attention_first,
    "_scaled_dot_product_fused_attention_overrideable": _attention_first,
}  # fmt: skip
