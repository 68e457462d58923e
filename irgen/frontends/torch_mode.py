"""The recording mode: every torch function of a pass becomes a `Call`, every tensor a `Ref`."""

# Trees of any shape pass through here, and parts of torch that have no types:
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
from torch.overrides import TorchFunctionMode

from irgen.frontends.torch_fake import BY_PLACE, Fakes
from irgen.frontends.torch_loops import UNROLLED
from irgen.frontends.torch_memo import Memo
from irgen.frontends.torch_record import Call, Leaf, Recording, Ref, mapped, refs
from irgen.frontends.torch_seen import Seen
from irgen.frontends.torch_shadow import tensors
from irgen.frontends.torch_trail import Trail
from irgen.frontends.torch_values import ASKING, TAKES_INTEGERS, Values

ASKS_VALUE = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
REFUSES = (RuntimeError, IndexError, ValueError)
GIVES_TENSOR = frozenset(("T", "mT", "H", "mH", "real", "imag", "data"))
LITERALS = frozenset({torch.tensor, torch.as_tensor, torch.scalar_tensor, torch.asarray})
ASSERTS = frozenset(("_assert", "_assert_async", "_check_tensor_all", "set_grad_enabled"))
PLAIN = frozenset(
    str.split(
        "size dim ndimension numel nelement element_size stride storage_offset is_contiguous is_floating_point "
        "is_complex "
        "is_signed is_inference is_same_size get_device data_ptr untyped_storage storage type is_tensor is_storage "
        "_is_view is_conj is_neg is_pinned is_shared has_names __len__ __hash__ __repr__ __str__ __format__ "
        "result_type can_cast promote_types get_default_dtype is_grad_enabled __set__ __delete__ broadcast_shapes "
        "is_autocast_enabled is_inference_mode_enabled sym_size sym_stride sym_numel"
    )
)
"""Functions that only ask for sizes and types, and are no part of the computation."""

KNOWN_SIZES: dict[str, Callable[..., torch.Tensor]] = {
    # fake tensors take these in bfloat16 only, though the CPU does not mind
    name: lambda a, b, *_: torch.empty(a.shape[0], b.shape[-1], dtype=a.dtype, device="meta")
    for name in ("_grouped_mm", "grouped_mm")
}
TORCH = os.path.dirname(torch.__file__) + os.sep
HERE = os.path.dirname(__file__) + os.sep


@dataclass(frozen=True, slots=True)
class Kind:
    """What the recorder must know of a function: its bare name, whether it only asks for sizes, whether it writes."""

    name: str
    plain: bool
    writes: bool
    sizes: Callable[..., torch.Tensor] | None

    @classmethod
    def of(cls, func: Callable[..., Any]) -> Kind:
        """The kind of a torch function, method, property or overload."""
        name = _bare_name(func)
        writes = writes_in_place(name) or isinstance(func, torch._ops.OpOverload)
        return cls(name, _is_plain(func), writes, KNOWN_SIZES.get(name))


class Recorder(TorchFunctionMode):
    """Records a pass into `record`. With a `trail`, holes are filled from the dispatcher's level."""

    def __init__(self, record: Recording, fakes: Fakes, owned: dict[int, Leaf], trail: Trail | None = None) -> None:
        super().__init__()
        mode = fakes.mode
        self.record = record
        self.seen = Seen(record, mode, owned)
        self.seen.as_view = self._as_view
        self.seen.fill = self._fill
        self.last = ""
        self.refused: BaseException | None = None
        self.scope = 0
        self.nested = 0
        self._values = Values(record, mode, self.seen, self._where)
        self._fakes = fakes
        self._memo = Memo(fakes)
        self._trail = trail
        self._kinds: dict[Any, Kind] = {}
        self._ours: dict[str, bool] = {}

    def enter(self, scope: int) -> int:
        """Make a module current; returns the one before."""
        before, self.scope = self.scope, scope
        return before

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs) if kwargs else {}
        if self.nested:
            return func(*args, **named)
        kind = self._kind(func)
        if kind.plain:
            return func(self.seen.stand_in(args[0]), *args[1:], **named) if args else func(**named)
        base = kind.name
        if base in ASSERTS:
            return None
        if base in UNROLLED and isinstance(func, torch._ops.HigherOrderOperator):
            with self:
                return UNROLLED[base](*args, **named)
        self.last = base
        if base in TAKES_INTEGERS:
            keep = 1 if args and isinstance(args[0], torch.Tensor) else 0
            args = (*args[:keep], *self._values.numbers(args[keep:]))
            named = self._values.numbers(named)
        elif base in ("__getitem__", "__setitem__") and len(args) > 1:
            args = (args[0], self._plain_index(args[1]), *args[2:])
        if func in LITERALS and not tensors((args, named)):
            return self._values.literal(func, args, named)
        if base in ASKING:
            return self._values.of(func, mapped(args, self._or_ref), mapped(named, self._or_ref))
        return self._call(func, args, named)

    def below(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call of the dispatcher."""
        return self._call(func, args, kwargs)

    # -- calls --------------------------------------------------------------------------------------------------

    def _call(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given: list[Ref] = []
        foreign = False

        def met(x: Any) -> Any:
            nonlocal foreign
            if not isinstance(x, torch.Tensor):
                return x
            foreign = foreign or type(x) is not FakeTensor
            given.append(self.seen.ref(x))
            return given[-1]

        seen, named = mapped(args, met), mapped(kwargs, met) if kwargs else kwargs
        if foreign:
            args, kwargs = mapped((args, kwargs), self.seen.stand_in)
        kind = self._kind(func)
        target = written_by(func, seen, named) if kind.writes or "out" in named else ()
        real = None
        try:
            out = self._run(func, args, kwargs, (seen, named, given), target)
        except ASKS_VALUE:
            real = self._values.of(func, seen, named)
            out = mapped(real, self._values.as_fake)
        except REFUSES as error:
            if "data is not allocated" not in str(error):  # what reading a fake tensor's memory says
                self.refused = error
                raise
            real = self._values.of(func, seen, named)
            out = mapped(real, self._values.as_fake)
        fresh, made = self._results(out, given)
        for ref in target:
            self._spread(ref, given)
        if fresh or target:
            self._add(func, (seen, named, given), made, target)
            if real is not None:
                self._values.shadow.settle(made, real)
        return out

    def _run(self, func: Any, args: Any, kwargs: Any, seen: tuple[Any, Any, list[Ref]], target: tuple[Ref, ...]) -> Any:
        """The call under fake tensors, or what an equal call gave before. `seen`: what it is given, in `Ref`s."""
        kind = self._kind(func)
        if kind.sizes is not None:
            return self._values.as_fake(kind.sizes(*args))
        if self._trail is not None and not self.nested:
            self._trail.paused = True
            try:
                return func(*args, **kwargs)
            finally:
                self._trail.paused = False
        given = seen[2]
        key = None if target or self.nested else self._memo.key(func, seen[0], seen[1])
        if key is None:
            return func(*args, **kwargs)
        out = self._memo.recall(key, given, self.seen.tensor)
        if out is None:
            by_place = kind.name in BY_PLACE and len(given) == 1 and isinstance(args[0], FakeTensor)
            out = self._fakes.run(func, args, kwargs) if by_place else func(*args, **kwargs)
            self._memo.keep(key, out, given, self.seen.known(out))
        return out

    def _results(self, out: Any, given: list[Ref]) -> tuple[list[Ref], Any]:
        """New `Ref`s among the results, and the whole nest of results."""
        if not isinstance(out, (torch.Tensor, tuple, list)):
            return [], None
        depends, fresh = 0, list[Ref]()
        for ref in given:
            depends |= ref.depends

        def result(x: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                return None
            known = self.seen.known(x)
            if known is not None and known.shape == x.shape and known.dtype == x.dtype:
                return known
            fresh.append(self.seen.bind(x, depends))
            return fresh[-1]

        return fresh, result(out) if isinstance(out, torch.Tensor) else mapped(out, result)

    def _spread(self, target: Ref, given: list[Ref]) -> None:
        """What is written depends on what was written into it, and so does all that shares its memory."""
        depends = 0
        for source in given:
            depends |= source.depends
        for mate in self.seen.mates(target):
            mate.depends |= depends

    def _add(
        self, func: Callable[..., Any], seen: tuple[Any, Any, list[Ref]], out: Any, writes: tuple[Ref, ...]
    ) -> None:
        scope, file, line = self._where()
        self.record.calls.append(Call(func, *seen, out, writes, scope, file, line))

    def _kind(self, func: Callable[..., Any]) -> Kind:
        kind = self._kinds.get(func)
        if kind is None:
            kind = self._kinds[func] = Kind.of(func)
        return kind

    def _where(self) -> tuple[int, str, int]:
        """The module that runs, and the first line below torch that led here."""
        frame = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            ours = self._ours.get(file)
            if ours is None:
                ours = self._ours[file] = file.startswith((TORCH, HERE))
            if not ours:
                return self.scope, file, frame.f_lineno
            frame = frame.f_back
        return self.scope, "", 0

    # -- tensors ------------------------------------------------------------------------------------------------

    def _or_ref(self, x: Any) -> Any:
        return self.seen.ref(x) if isinstance(x, torch.Tensor) else x

    def _as_view(self, base: Ref, tensor: torch.Tensor) -> Ref:
        """A view that no function made, recorded by its place in memory."""
        ref = self.seen.bind(tensor, base.depends)
        place = (base, tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
        self._add(torch.as_strided, (place, {}, [base]), ref, ())
        return ref

    def _fill(self, tensor: torch.Tensor) -> bool:
        """Record what made a tensor of unknown origin from the trail, and what that was made of."""
        steps = [] if self._trail is None else self._trail.steps(tensor, lambda x: self.seen.known(x) is not None)
        for func, args, kwargs, out in steps:
            seen, named = mapped(args, self._or_ref), mapped(kwargs, self._or_ref)
            given = refs((seen, named))
            _, made = self._results(out, given)
            self._add(func, (seen, named, given), made, written_by(func, seen, named))
        return bool(steps)

    def _plain_index(self, index: Any) -> Any:
        """An index whose bounds are numbers and whose lists of tensors are tensors."""

        def item(x: Any) -> Any:
            if isinstance(x, slice):
                return self._values.numbers(x)
            held: list[Any] = list(x) if isinstance(x, (list, tuple)) else []
            if held and all(isinstance(i, torch.Tensor) and i.ndim == 0 for i in held):
                return self._call(torch.stack, (held,), {})
            return x

        if type(index) is tuple:
            return tuple(item(i) for i in index)
        return item(index)


def written_by(func: Any, args: Any, kwargs: Any) -> tuple[Ref, ...]:
    """What a call changes in place: by its schema, its `out=`, or its name."""
    if kwargs.get("out") is not None:
        return tuple(refs(kwargs["out"]))
    if isinstance(func, torch._ops.OpOverload):
        schema: Any = func._schema
        if not schema.is_mutable:
            return ()
        marks = [a.alias_info is not None and a.alias_info.is_write for a in schema.arguments]
        return tuple(refs([a for a, mark in zip(args, marks, strict=False) if mark]))
    return tuple(refs(args[:1])) if args and writes_in_place(_bare_name(func)) else ()


def writes_in_place(name: str) -> bool:
    """Whether a function's name says that it changes its first argument."""
    if name[:2] == "__":
        return name == "__setitem__" or (name[:3] == "__i" and name not in ("__invert__", "__index__", "__iter__"))
    return name[-1:] == "_"


def _bare_name(func: Any) -> str:
    return getattr(func, "__name__", type(func).__name__).partition(".")[0]


def _is_plain(func: Any) -> bool:
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return func.__self__.__name__ not in GIVES_TENSOR
    return name.partition(".")[0] in PLAIN
