"""From a recording to the canonical graph: calls through the tables, in-place writes made functional."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from irgen.frontends import (
    torch_contract,
    torch_convolve,
    torch_create,
    torch_elementwise,
    torch_index,
    torch_layout,
    torch_losses,
    torch_moves,
    torch_norms,
    torch_recurrent,
    torch_reduce,
    torch_signal,
)
from irgen.frontends.torch_build import DTYPES, Builder, Unlowered, Val, as_array
from irgen.frontends.torch_record import INPUT, PARAM, Call, Leaf, Recording, Ref, mapped, refs
from irgen.frontends.torch_views import NEW_GEOMETRY, Views
from irgen.ir.graph import Graph, Provenance
from irgen.ir.tensor import TensorType

Lowering = Callable[..., Any]

TABLE: dict[str, Lowering] = {
    **torch_elementwise.TABLE, **torch_moves.TABLE, **torch_layout.TABLE, **torch_reduce.TABLE, **torch_create.TABLE,
    **torch_index.TABLE, **torch_contract.TABLE, **torch_convolve.TABLE, **torch_norms.TABLE,
    **torch_recurrent.TABLE, **torch_signal.TABLE, **torch_losses.TABLE,
}  # fmt: skip
"""Canonical forms by torch name, without module, overload or trailing underscore."""

_FAULTS = (Unlowered, TypeError, ValueError, IndexError, KeyError, AttributeError)


def lower(record: Recording, frontend: str, *, placed: bool = True) -> Graph:
    """The canonical graph of a recording, without what no output depends on; `placed`: calls say where they stand."""
    return _Lowerer(record, frontend, placed).graph()


def lower_with_tensors(record: Recording, frontend: str) -> tuple[Graph, dict[str, Ref]]:
    """The same, and which tensor of the pass each node's value is (those that are one, written in place or not)."""
    lowerer = _Lowerer(record, frontend)
    graph = lowerer.graph()
    return graph, {name: ref for name, ref in lowerer.made.items() if name in graph}


def name_of(func: Callable[..., Any]) -> str:
    """`add` for `torch.add`, `Tensor.add_`, `operator.iadd` and `aten.add.Tensor` alike."""
    name: str = getattr(func, "__name__", type(func).__name__)
    if func is torch.Tensor.where:  # the tensor comes first there, the condition in `torch.where`
        return "where method"
    if name == "__get__":
        owner: Any = func
        return f"get {owner.__self__.__name__}"
    name = name.partition(".")[0]
    if name.startswith("__") and name.endswith("__"):
        bare = name[2:-2]
        return name if bare in ("getitem", "setitem") else bare[1:] if bare in _IN_PLACE else bare
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


_IN_PLACE = frozenset(
    [
        "iadd",
        "isub",
        "imul",
        "idiv",
        "itruediv",
        "ifloordiv",
        "imod",
        "ipow",
        "iand",
        "ior",
        "ixor",
        "imatmul",
        "ilshift",
        "irshift",
    ]
)


@dataclass(frozen=True, slots=True)
class _Word:
    """A torch function as the tables and messages know it."""

    name: str
    full: str
    rule: Lowering | None


class _Lowerer:
    def __init__(self, record: Recording, frontend: str, placed: bool = True) -> None:
        self._placed = placed
        self._words: dict[Any, _Word] = {}
        self.record = record
        self.build = Builder(Graph(frontend=frontend, findings=list(record.findings)))
        self.views = Views(self.build, self._again)
        self.made: dict[str, Ref] = {}

    def graph(self) -> Graph:
        graph = self.build.graph
        for ref in self.record.inputs:
            graph.inputs.append(self._leaf(ref, self.record.leaves[ref]).id)
        for call in self.record.calls:
            self._call(call)
        self.build.origin = None
        for name, ref in self.record.outputs:
            graph.outputs.append(self._value(ref).id)
            graph.output_names.append(name)
        graph.parameters = self.record.parameters
        live = graph.pruned()
        for name in sorted({str(node.attrs["name"]) for node in live if node.op == "opaque"}):
            live.findings.append(f"`{name}` is not in the vocabulary and stays opaque")
        return live

    # -- values -------------------------------------------------------------------------------------------------

    def _value(self, ref: Ref) -> Val:
        if ref in self.record.leaves and ref not in self.views:
            return self._leaf(ref, self.record.leaves[ref])
        return self.views.read(ref)

    def _leaf(self, ref: Ref, leaf: Leaf) -> Val:
        if ref in self.views:
            return self.views.read(ref)
        graph, dtype = self.build.graph, DTYPES[ref.dtype]
        origin = Provenance(name=leaf.name)
        kind = TensorType(dtype, ref.shape)
        if leaf.kind == "const" and not ref.shape and not leaf.tensor.is_meta:
            val = self.build.scalar(leaf.tensor.item(), dtype)
        elif leaf.kind == "const":
            value = None if leaf.tensor.is_meta else as_array(leaf.tensor)[0]
            if value is None:
                graph.findings.append(
                    f"constant {leaf.name or 'of the forward pass'} is on meta: its values are not known"
                )
            val = Val(graph.add("const", (), kind, value=value, provenance=origin), ref.shape, dtype)
        else:
            name = graph.add(leaf.kind, (), kind, provenance=origin)
            val = Val(name, ref.shape, dtype, leaf.kind == "input", leaf.kind == "param")
        self.views.bind(ref, val)
        self.made.setdefault(val.id, ref)
        return val

    # -- calls --------------------------------------------------------------------------------------------------

    def _call(self, call: Call) -> None:
        word = self._word(call.func)
        if self._placed:
            path, cls = self.record.scopes[call.scope]
            line = f"{os.path.basename(call.file)}:{call.line}" if call.file else ""
            self.build.origin = Provenance(module=path, cls=cls, line=line, call=word.full)
        if word.name in NEW_GEOMETRY or not call.writes:
            self._bind(call, call.out, self._lowered(call))
            return
        result = self._lowered(call)
        values = result if isinstance(result, (tuple, list)) else (result,)
        for ref, value in zip(call.writes, values, strict=False):
            self._value(ref)
            fitted = self.build.cast(value, DTYPES[ref.dtype])
            self.views.write(ref, self.build.expand(fitted, ref.shape))
        for ref in refs(call.out):
            if ref not in self.views:
                self.views.bind(ref, self._value(call.writes[0]), call.writes[0])

    def _word(self, func: Callable[..., Any]) -> _Word:
        word = self._words.get(func)
        if word is None:
            name = name_of(func)
            word = self._words[func] = _Word(name, _full_name(func), TABLE.get(name))
        return word

    def _held(self, x: Any) -> Any:
        return self._value(x) if isinstance(x, Ref) else x

    def _lowered(self, call: Call) -> Any:
        """What the table gives, or opaque results where it has no row or cannot say this form."""
        args = mapped(call.args, self._held)
        kwargs = mapped(call.kwargs, self._held) if call.kwargs else {}
        self.build.out = mapped(call.out if call.out is not None else call.writes[0], _typed)
        self.build.stride = call.given[0].stride if call.given else ()
        rule = self._word(call.func).rule
        if rule is not None:
            kwargs.pop("out", None)
            first = [kwargs.pop(key) for key in ("self", "input") if key in kwargs]
            try:
                result = rule(self.build, *first, *args, **kwargs)
                if not call.writes:
                    result = self._checked(call.out, result)
                return result
            except _FAULTS:
                pass  # what the rule made before it gave up is pruned in the end
        if not call.writes and not call.given:
            return self._constants(
                call.out,
                call.func(*call.args, **{**call.kwargs, "device": "cpu"} if "device" in call.kwargs else call.kwargs),
            )
        return self._opaque_call(call, args, kwargs)

    def _constants(self, out: Any, value: Any) -> Any:
        """What a function makes from numbers alone."""
        if isinstance(out, Ref):
            return self.build.scalar(value.item(), DTYPES[out.dtype]) if not out.shape else self.build.const(value)
        return tuple(self._constants(o, v) for o, v in zip(out, value, strict=True))

    def _checked(self, out: Any, result: Any) -> Any:
        """The results with the types that the pass gave; other sizes are a fault of the rule."""
        if isinstance(out, Ref):
            if not isinstance(result, Val) or result.shape != out.shape:
                raise Unlowered
            return self.build.cast(result, DTYPES[out.dtype])
        if isinstance(out, (tuple, list)):
            if not isinstance(result, (tuple, list)) or len(result) != len(out):
                raise Unlowered
            return tuple(self._checked(o, r) for o, r in zip(out, result, strict=True))
        return result

    def _opaque_call(self, call: Call, args: Any, kwargs: Any) -> Any:
        operands: list[Val] = []
        mapped((args, kwargs), lambda x: operands.append(x) if isinstance(x, Val) else None)
        wanted = list(refs(call.out)) or list(call.writes[:1])
        types = [(ref.shape, DTYPES[ref.dtype]) for ref in wanted]
        if len(types) == 1:
            return mapped(call.out, lambda x: x) and self._nest(
                call.out if call.out is not None else wanted[0],
                [self.build.emit("opaque", operands, *types[0], name=_full_name(call.func))],
            )
        return self._nest(call.out, list(self.build.emit_many("opaque", operands, types, name=_full_name(call.func))))

    def _nest(self, out: Any, values: list[Val]) -> Any:
        return mapped(out, lambda x: values.pop(0) if isinstance(x, Ref) else x)

    def _bind(self, call: Call, out: Any, value: Any, path: tuple[int, ...] = ()) -> None:
        if isinstance(out, Ref):
            source = next((r for r in call.given if r.storage == out.storage), None) if out.storage else None
            self.views.bind(out, value, source, call, path)
            self.made.setdefault(value.id, out)
        elif isinstance(out, (tuple, list)):
            for i, item in enumerate(out):
                if item is not None:
                    self._bind(call, item, value[i], (*path, i))

    def _again(self, call: Call, path: tuple[int, ...]) -> Val:
        """A view taken anew, after what it looks at was written."""
        value = self._lowered(call)
        for i in path:
            value = value[i]
        return value


def _typed(x: Any) -> Any:
    return (
        Val("", x.shape, DTYPES[x.dtype], bool(x.depends & INPUT), bool(x.depends & PARAM)) if isinstance(x, Ref) else x
    )


def _full_name(func: Callable[..., Any]) -> str:
    name = getattr(func, "__name__", type(func).__name__)
    module = getattr(func, "__module__", None) or "torch.Tensor"
    return f"{module}.{name}".replace("torch._ops.aten.", "aten.").replace("torch._C._nn", "torch.nn.functional")
