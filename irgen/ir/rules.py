"""The type of a canonical operator's result, from the types of its operands: one small rule for each operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from irgen.errors import GraphError
from irgen.ir.graph import Attr, Types
from irgen.ir.ops import BINARY, REDUCTIONS, UNARY
from irgen.ir.tensor import TensorType

Shape = tuple[int, ...]
Attrs = Mapping[str, Attr]
Rule = Callable[[Sequence[TensorType], Attrs], TensorType]


class SizesDisagree(GraphError):  # noqa: N818 - said of the sizes
    """Two sizes that have to be equal are not."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"sizes do not agree: {a} against {b}")
        self.a = a
        self.b = b


def broadcast(*shapes: Shape | None) -> Shape | None:
    """The shape that numpy's broadcasting gives; -1 is an unknown size, None an unknown rank."""
    result: Shape = ()
    for shape in shapes:
        if shape is None:
            return None
        if shape != result:
            result = _broadcast_pair(result, shape)
    return result


def _broadcast_pair(a: Shape, b: Shape) -> Shape:
    if len(a) < len(b):
        a, b = b, a
    if not b:
        return a
    head = len(a) - len(b)
    return a[:head] + tuple(same_or_one(m, n) for m, n in zip(a[head:], b, strict=True))


def same_or_one(m: int, n: int) -> int:
    """The size that two broadcast sizes give."""
    if n in (m, 1):
        return m
    if m == 1 or m < 0:
        return n
    if n < 0:
        return m
    raise SizesDisagree(m, n)


def same(m: int, n: int) -> int:
    """The size that two equal sizes have, whichever of them is known."""
    if m == n or n < 0:
        return m
    if m < 0:
        return n
    raise SizesDisagree(m, n)


def ints(value: Attr) -> Shape:
    """An attribute that holds whole numbers."""
    return cast("Shape", value)


def integer(value: Attr) -> int:
    """An attribute that is a whole number."""
    return cast("int", value)


_YES_NO = {"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "isnan", "isinf"}


def _unary(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(xs[0].dtype, xs[0].shape)


def _test(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType("bool", broadcast(*(x.shape for x in xs)))


def _binary(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(_promoted(xs[0], xs[1]), broadcast(xs[0].shape, xs[1].shape))


def _quotient(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    kind = _binary(xs, _)
    return kind if kind.is_float else TensorType("float32", kind.shape)


def _promoted(a: TensorType, b: TensorType) -> str:
    """Element type of an operation on two: complex over real over whole over bool; a tensor over a scalar."""
    if a.dtype == b.dtype:
        return a.dtype
    grade = {t: (_grade(t.dtype), t.rank != 0) for t in (a, b)}
    return a.dtype if grade[a] >= grade[b] else b.dtype


def _grade(dtype: str) -> int:
    if dtype.startswith("complex"):
        return 3
    return 2 if dtype.startswith(("float", "bfloat")) else int(dtype != "bool")


def _where(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(_promoted(xs[1], xs[2]), broadcast(*(x.shape for x in xs)))


def _reduced(shape: Shape | None, axes: Shape, keepdims: bool) -> Shape | None:
    if shape is None:
        return None
    return tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)


def _reduce(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    return TensorType(xs[0].dtype, _reduced(xs[0].shape, ints(attrs["axes"]), bool(attrs["keepdims"])))


def _truth_reduce(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    return TensorType("bool", _reduce(xs, attrs).shape)


def _arg(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    if attrs["axis"] is None:
        rank = xs[0].rank if attrs["keepdims"] else 0
        return TensorType("int64", None if rank < 0 else (1,) * rank)
    return TensorType("int64", _reduced(xs[0].shape, (integer(attrs["axis"]),), bool(attrs["keepdims"])))


def _transpose(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType(xs[0].dtype, None if shape is None else tuple(shape[i] for i in ints(attrs["perm"])))


def _slice(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x = xs[0]
    if x.shape is None:
        return TensorType(x.dtype, None)
    axis, start, stop, step = (integer(attrs[key]) for key in ("axis", "start", "stop", "step"))
    size = -1 if x.shape[axis] < 0 else len(range(start, stop, step))
    return TensorType(x.dtype, (*x.shape[:axis], size, *x.shape[axis + 1 :]))


def _concat(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    axis = integer(attrs["axis"])
    shapes = [x.shape for x in xs if x.shape is not None]
    if len(shapes) < len(xs):
        return TensorType(xs[0].dtype, None)
    out = list(shapes[0])
    for shape in shapes[1:]:
        if len(shape) != len(out):
            raise SizesDisagree(len(out), len(shape))
        for i, n in enumerate(shape):
            if i != axis:
                out[i] = same(out[i], n)
            else:
                out[i] = -1 if min(out[i], n) < 0 else out[i] + n
    return TensorType(xs[0].dtype, tuple(out))


def _pad(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    if shape is None:
        return xs[0]
    return TensorType(xs[0].dtype, tuple(n if n < 0 else n + a + b for n, (a, b) in zip(shape, pads, strict=True)))


def _tile(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    if shape is None:
        return xs[0]
    repeats = ints(attrs["repeats"])
    return TensorType(xs[0].dtype, tuple(n if n < 0 else n * k for n, k in zip(shape, repeats, strict=True)))


def _gather(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, index = xs[0].shape, xs[1].shape
    if x is None or index is None:
        return TensorType(xs[0].dtype, None)
    axis = integer(attrs["axis"])
    return TensorType(xs[0].dtype, (*x[:axis], *index, *x[axis + 1 :]))


def _gather_elements(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(xs[0].dtype, xs[1].shape)


def _gather_nd(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, index = xs[0].shape, broadcast(*(i.shape for i in xs[1:]))
    if x is None or index is None:
        return TensorType(xs[0].dtype, None)
    axes = ints(attrs["axes"])
    rest = tuple(n for i, n in enumerate(x) if i not in axes)
    together = tuple(axes) == tuple(range(axes[0], axes[0] + len(axes)))
    at = axes[0] if together else 0
    return TensorType(xs[0].dtype, (*rest[:at], *index, *rest[at:]))


def _one_hot(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType("int64", None if shape is None else (*shape, integer(attrs["depth"])))


def _embedding(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return _gather(xs, {"axis": 0})


def _matmul(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    a, b = xs[0].shape, xs[1].shape
    if a is None or b is None:
        return TensorType(xs[0].dtype, None)
    if not a or not b:
        raise SizesDisagree(len(a), len(b))
    left, right = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    same(left[-1], right[-2])
    head = broadcast(left[:-2], right[:-2]) or ()
    tail = (() if len(a) == 1 else (left[-2],)) + (() if len(b) == 1 else (right[-1],))
    return TensorType(xs[0].dtype, head + tail)


def _einsum(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    left, right = cast("str", attrs["equation"]).split("->")
    sizes: dict[str, int] = {}
    for x, letters in zip(xs, left.split(","), strict=True):
        if x.shape is None:
            return TensorType(x.dtype, None)
        for letter, n in zip(letters, x.shape, strict=True):
            sizes[letter] = same_or_one(sizes.get(letter, n), n)
    return TensorType(xs[0].dtype, tuple(sizes[letter] for letter in right))


def _linear(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    if not x or len(w) != 2:
        raise GraphError(f"linear of rank {len(x)} with a weight of rank {len(w)}")
    out, width = w if attrs["layout"] == "oi" else w[::-1]
    same(x[-1], width)
    return TensorType(xs[0].dtype, (*x[:-1], out))


def _grouped_linear(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    return _linear((xs[0], TensorType(xs[1].dtype, w[1:])), attrs)


def windows(n: int, kernel: int, stride: int, dilation: int, low: int, high: int, ceil: bool = False) -> int:
    """How many windows fit along one axis of n (-1: unknown)."""
    if n < 0:
        return -1
    free = n + low + high - dilation * (kernel - 1) - 1
    count = (-(-free // stride) if ceil else free // stride) + 1
    if ceil and (count - 1) * stride >= n + low:
        count -= 1
    return max(count, 0)


def _conv(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    if len(x) == len(w) - 1:  # without a batch
        return TensorType(xs[0].dtype, (_conv((TensorType("", (1, *x)), *xs[1:]), attrs).shape or ())[1:])
    if len(x) != len(w):
        raise SizesDisagree(len(x), len(w))
    same(x[1], w[1] * integer(attrs["groups"]))
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    spatial = tuple(
        windows(n, k, s, d, *p)
        for n, k, s, d, p in zip(x[2:], w[2:], ints(attrs["stride"]), ints(attrs["dilation"]), pads, strict=True)
    )
    return TensorType(xs[0].dtype, (x[0], w[0], *spatial))


def _conv_transposed(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x, w = xs[0].shape, xs[1].shape
    if x is None or w is None:
        return TensorType(xs[0].dtype, None)
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    steps = zip(
        x[2:], w[2:], ints(attrs["stride"]), ints(attrs["dilation"]), pads, ints(attrs["output_padding"]), strict=True
    )
    spatial = tuple(-1 if n < 0 else (n - 1) * s - a - b + d * (k - 1) + o + 1 for n, k, s, d, (a, b), o in steps)
    return TensorType(xs[0].dtype, (x[0], w[1] * integer(attrs["groups"]), *spatial))


def _pool(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x = xs[0]
    if x.shape is None:
        return x
    kernel = ints(attrs["kernel"])
    dilation = ints(attrs.get("dilation", (1,) * len(kernel)))
    pads = cast("tuple[tuple[int, int], ...]", attrs["pads"])
    steps = zip(x.shape[2:], kernel, ints(attrs["stride"]), dilation, pads, strict=True)
    return TensorType(x.dtype, (*x.shape[:2], *(windows(n, k, s, d, *p) for n, k, s, d, p in steps)))


def _window(xs: Sequence[TensorType], attrs: Attrs) -> TensorType:
    x = xs[0]
    if x.shape is None:
        return x
    axis, size, step = (integer(attrs[key]) for key in ("axis", "size", "step"))
    out = list(x.shape)
    out[axis] = windows(out[axis], size, step, 1, 0, 0)
    return TensorType(x.dtype, (*out, size))


def _as_complex(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType("complex64", None if shape is None else shape[:-1])


def _as_real(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    shape = xs[0].shape
    return TensorType(_real_part(xs[0].dtype), None if shape is None else (*shape, 2))


def _real(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(_real_part(xs[0].dtype), xs[0].shape)


def _real_part(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def _searchsorted(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType("int64", xs[1].shape)


def _complex(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType("complex64", broadcast(xs[0].shape, xs[1].shape))


_AS_FIRST = frozenset({
    "cumsum", "cumprod", "cummax", "logcumsumexp", "tril", "triu", "roll", "scatter_nd", "scatter_elements",
    "masked_scatter", "write", "softmax", "log_softmax", "layer_norm", "rms_norm", "l2_norm", "group_norm", "batch_norm",
    "rotary",
})  # fmt: skip
_REDUCING = REDUCTIONS - _AS_FIRST - {"argmax", "argmin", "reduce_any", "reduce_all"}

RULES: dict[str, Rule] = {
    **dict.fromkeys(UNARY - {"cast"}, _unary),
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(_YES_NO, _test),
    **dict.fromkeys(_AS_FIRST, _unary),
    **dict.fromkeys(_REDUCING, _reduce),
    **dict.fromkeys(("argmax", "argmin"), _arg),
    **dict.fromkeys(("reduce_any", "reduce_all"), _truth_reduce),
    **dict.fromkeys(("max_pool", "avg_pool"), _pool),
    "where": _where, "complex": _complex, "transpose": _transpose, "slice": _slice, "concat": _concat, "pad": _pad,
    "tile": _tile, "gather": _gather, "gather_elements": _gather_elements, "gather_nd": _gather_nd,
    "one_hot": _one_hot, "embedding": _embedding, "matmul": _matmul, "einsum": _einsum, "linear": _linear,
    "conv": _conv, "conv_transposed": _conv_transposed, "grouped_linear": _grouped_linear, "div": _quotient,
    "window": _window, "view_as_complex": _as_complex, "view_as_real": _as_real, "real": _real, "imag": _real,
    "searchsorted": _searchsorted, "solve_triangular": lambda xs, _: xs[1], "polar": _complex,
}  # fmt: skip
"""Rules by operator. `cast`, `reshape`, `expand` and the like say their type themselves."""


def _ranked(xs: Sequence[TensorType], attrs: Attrs) -> tuple[TensorType, ...]:
    values = xs[0]
    if "k" in attrs and values.shape is not None:
        axis = integer(attrs["axis"])
        values = TensorType(values.dtype, (*values.shape[:axis], integer(attrs["k"]), *values.shape[axis + 1 :]))
    return values, TensorType("int64", values.shape)


def result_type(op: str, inputs: Sequence[Types | None], attrs: Attrs) -> Types | None:
    """The type of a call's result without symbols, or None where the call has to say it.

    `GraphError` where inputs or attributes do not fit each other.
    """
    try:
        if op == "pick":
            return cast("tuple[TensorType, ...]", inputs[0])[integer(attrs["index"])]
        kinds = [TensorType("float32", None) if kind is None else kind for kind in inputs]
        if any(isinstance(kind, tuple) for kind in kinds):
            raise GraphError(f"{op} reads an operator with several results, which only pick may")
        xs = cast("list[TensorType]", kinds)
        if op in {"topk", "sort"}:
            return _ranked(xs, attrs)
        rule = RULES.get(op)
        return None if rule is None else rule(xs, attrs)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as fault:
        raise GraphError(f"inputs or attributes of {op} do not fit: {fault!r}") from fault
