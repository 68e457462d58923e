"""The type of a canonical operator's result, from the types of its operands: one small rule for each operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from irgen.errors import GraphError
from irgen.ir import rules_contract, rules_moves
from irgen.ir.graph import Types
from irgen.ir.ops import BINARY, REDUCTIONS, UNARY
from irgen.ir.rules_sizes import Attrs, Rule, Shape, SizesDisagree, broadcast, integer, ints, real_part, same, windows
from irgen.ir.tensor import TensorType

__all__ = ["RULES", "Attrs", "Rule", "Shape", "SizesDisagree", "broadcast", "result_type", "same", "windows"]


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


def _real(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType(real_part(xs[0].dtype), xs[0].shape)


def _complex(xs: Sequence[TensorType], _: Attrs) -> TensorType:
    return TensorType("complex64", broadcast(xs[0].shape, xs[1].shape))


_YES_NO = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "isnan", "isinf"})
_AS_FIRST = frozenset({
    "cumsum", "cumprod", "cummax", "logcumsumexp", "tril", "triu", "roll", "scatter_nd", "scatter_elements",
    "masked_scatter", "write", "softmax", "log_softmax", "layer_norm", "rms_norm", "l2_norm", "group_norm",
    "response_norm", "batch_norm", "rotary",
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
    "where": _where,
    "complex": _complex,
    "div": _quotient,
    "real": _real,
    "imag": _real,
    "polar": _complex,
    **rules_moves.RULES,
    **rules_contract.RULES,
}
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
