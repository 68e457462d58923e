"""The recording mode: every torch function of a pass becomes a `Call`, every tensor a `Ref`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch._subclasses.fake_tensor import (  # pyright: ignore[reportPrivateImportUsage]
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
    unset_fake_temporarily,
)
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode  # pyright: ignore[reportPrivateImportUsage]

from irgen.frontends.torch_memo import Memo
from irgen.frontends.torch_record import INPUT, PARAM, Call, Leaf, Recording, Ref, mapped, refs
from irgen.frontends.torch_shadow import Shadow, tensors

ASKS_VALUE = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
    UnsupportedOperatorException,
)
VALUES = frozenset(
    [
        "item",
        "tolist",
        "numpy",
        "__array__",
        "__bool__",
        "__int__",
        "__float__",
        "__index__",
        "__complex__",
        "__contains__",
        "equal",
        "allclose",
        "is_nonzero",
    ]
)
GIVES_TENSOR = frozenset(["T", "mT", "H", "mH", "real", "imag", "data"])
TAKES_INTEGERS = frozenset(
    "pad view reshape expand repeat narrow split chunk roll unflatten zeros ones empty new_zeros new_ones new_empty "
    "arange tile broadcast_to split_with_sizes constant_pad_nd unfold select tril triu rand randn eye as_strided".split()
)
LITERALS = frozenset({torch.tensor, torch.as_tensor, torch.scalar_tensor, torch.asarray})
SKIPPED = frozenset(
    ["_assert", "_assert_async", "_check_tensor_all", "_is_all_true", "requires_grad_", "set_grad_enabled"]
)
KNOWN_SIZES: dict[str, Callable[..., torch.Tensor]] = {
    # fake tensors take these in bfloat16 only, though the CPU does not mind
    name: lambda a, b, *_: torch.empty(a.shape[0], b.shape[-1], dtype=a.dtype, device="meta")
    for name in ("_grouped_mm", "grouped_mm")
}
TORCH = os.path.dirname(torch.__file__) + os.sep
HERE = os.path.dirname(__file__) + os.sep


class Hole(Exception):
    """A tensor that no recorded call made."""


def storage_of(tensor: torch.Tensor) -> int:
    """A number that tensors sharing memory have in common (0 where there is no storage)."""
    try:
        return tensor.untyped_storage()._cdata  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    except (NotImplementedError, RuntimeError):
        return 0


class Recorder(TorchFunctionMode):
    """Records a pass. `stand_ins` are the fake tensors that run in place of real ones, by id of the original.

    `owned` are the module's parameters and buffers by id; they become leaves when the pass first meets them.
    """

    def __init__(
        self, record: Recording, mode: FakeTensorMode, owned: dict[int, Leaf], trail: Trail | None = None
    ) -> None:
        super().__init__()
        self.record = record
        self.mode = mode
        self.trail = trail
        self.shadow = Shadow(record)
        self._memo = Memo(mode)
        self.scope = 0
        self.nested = 0
        self.last = ""
        self.refused: BaseException | None = None
        self.stand_ins: dict[int, torch.Tensor] = {}
        self._owned = owned
        self._refs: dict[int, Ref] = {}
        self._alive: list[torch.Tensor] = []
        self._shared: dict[int, list[torch.Tensor]] = {}
        self._plain: dict[Any, bool] = {}
        self._asked: set[tuple[str, str]] = set()

    def enter(self, scope: int) -> int:
        """Make a module current; returns the one before."""
        before, self.scope = self.scope, scope
        return before

    def own_stand_ins(self) -> None:
        """Know the stand-ins of parameters as the parameters they stand for."""
        for original, fake in self.stand_ins.items():
            if original in self._owned:
                self._owned[id(fake)] = self._owned[original]

    # -- tensors ------------------------------------------------------------------------------------------------

    def bind(self, tensor: torch.Tensor, depends: int) -> Ref:
        """A new `Ref` for a tensor seen for the first time."""
        storage = storage_of(tensor)
        ref = Ref(
            len(self._alive),
            tuple(tensor.shape),
            tensor.dtype,
            tensor.stride() if tensor.layout is torch.strided else (),
            tensor.storage_offset() if storage else 0,
            storage,
            depends,
        )
        self._refs[id(tensor)] = ref
        self._alive.append(tensor)
        if storage:
            self._shared.setdefault(storage, []).append(tensor)
        return ref

    def leaf(self, kind: str, name: str, tensor: torch.Tensor, seen: torch.Tensor | None = None) -> Ref:
        """A `Ref` for a tensor that no call makes; `seen` is the stand-in that the pass meets instead."""
        ref = self.bind(tensor if seen is None else seen, {"input": INPUT, "param": PARAM}.get(kind, 0))
        self._refs[id(tensor)] = ref
        self._alive.append(tensor)
        self.record.leaves[ref] = Leaf(kind, name, tensor)
        return ref

    def ref(self, tensor: torch.Tensor) -> Ref:
        """The `Ref` of a tensor: known, a constant from outside, a view of a known one, or filled from below."""
        found = self._refs.get(id(tensor))
        if found is not None:
            return found
        leaf = self._owned.get(id(tensor))
        if leaf is not None:
            return self.leaf(leaf.kind, leaf.name, leaf.tensor, self.stand_ins.get(id(leaf.tensor)))
        if not isinstance(tensor, FakeTensor):
            return self.leaf("param" if isinstance(tensor, torch.nn.Parameter) else "const", "", tensor)
        storage = storage_of(tensor)
        for known in self._shared.get(storage, ()):
            same = known.shape == tensor.shape and known.stride() == tensor.stride()
            if same and known.storage_offset() == tensor.storage_offset() and known.dtype == tensor.dtype:
                self._alive.append(tensor)
                return self._refs.setdefault(id(tensor), self._refs[id(known)])
        if tensor.constant is not None:
            return self.leaf("const", "", tensor.constant, tensor)
        if self.trail is not None and self.trail.pull(self, tensor):
            return self._refs[id(tensor)]
        for known in self._shared.get(storage, ()):
            if known.dtype == tensor.dtype:
                base = self._refs[id(known)]
                view = (base, tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
                ref = self.bind(tensor, base.depends)
                self.add(torch.as_strided, view, {}, ref, ())
                return ref
        raise Hole

    def _or_ref(self, x: Any) -> Any:
        return self.ref(x) if isinstance(x, torch.Tensor) else x

    def _or_stand_in(self, x: Any) -> Any:
        if isinstance(x, torch.Tensor) and not isinstance(x, FakeTensor):
            found = self.stand_ins.get(id(x))
            if found is not None:
                return found
            if x.is_meta and not _is_wrapper(x):
                self.ref(x)
                with self.mode:
                    found = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cpu")
                self.stand_ins[id(x)] = found
                self._refs[id(found)] = self._refs[id(x)]
                self._alive.append(found)
                return found
        return x

    # -- calls --------------------------------------------------------------------------------------------------

    def add(self, func: Callable[..., Any], args: Any, kwargs: Any, out: Any, writes: tuple[Ref, ...]) -> None:
        """Append a call with the place in the source that made it."""
        file, line = self._place()
        self.record.calls.append(Call(func, args, kwargs, out, writes, self.scope, file, line))

    @staticmethod
    def _place() -> tuple[str, int]:
        frame = sys._getframe(3)
        while frame is not None:
            file = frame.f_code.co_filename
            if not file.startswith((TORCH, HERE)):
                return file, frame.f_lineno
            frame = frame.f_back
        return "", 0

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
        plain = self._plain.get(func)
        if plain is None:
            plain = self._plain[func] = _reads_no_tensor(func)
        if plain:
            if args and isinstance(args[0], torch.Tensor):
                args = (self._or_stand_in(args[0]), *args[1:])
            return func(*args, **named)
        name: str = func.__name__
        base = name.partition(".")[0]
        if base in SKIPPED:
            return args[0] if base == "requires_grad_" else torch.tensor(True) if base == "_is_all_true" else None
        self.last = base
        if base in TAKES_INTEGERS:
            args = (
                (args[0], *self._integers(args[1:], base))
                if args and isinstance(args[0], torch.Tensor)
                else self._integers(args, base)
            )
            named = self._integers(named, base)
        elif base in ("__getitem__", "__setitem__") and len(args) > 1:
            args = (args[0], self._plain_index(args[1]), *args[2:])
        if func in LITERALS and not tensors((args, named)):
            return self._literal(func, args, named)
        if base in VALUES:
            return self._value(func, args, named)
        return self._call(func, base, args, named)

    def _call(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen, named = mapped(args, self._or_ref), mapped(kwargs, self._or_ref)
        args = mapped(args, self._or_stand_in)
        kwargs = mapped(kwargs, self._or_stand_in) if kwargs else kwargs
        target = self._target(func, name, seen, named)
        real = None
        try:
            known = KNOWN_SIZES.get(name)
            out = self._run(func, args, kwargs, seen, named, target) if known is None else self._as_fake(known(*args))
        except ASKS_VALUE:
            real = self._really(func, name, seen, named)
            out = mapped(real, self._as_fake)
        except (RuntimeError, IndexError, ValueError) as error:
            self.refused = error
            raise
        depends = 0
        for ref in refs((seen, named)):
            depends |= ref.depends
        fresh: list[Ref] = []

        def result(x: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                return None
            known = self._refs.get(id(x))
            if known is not None and (known.shape == x.shape and known.dtype == x.dtype):
                return known
            ref = self.bind(x, depends)
            fresh.append(ref)
            return ref

        made = mapped(out, result) if isinstance(out, (torch.Tensor, tuple, list)) else None
        for ref in target:
            for mate in self._shared.get(ref.storage, ()):
                self._refs[id(mate)].depends |= depends
        if fresh or target:
            self.add(func, seen, named, made, target)
            if real is not None:
                self.shadow.settle(made, real)
        return out

    def _run(self, func: Any, args: Any, kwargs: Any, seen: Any, named: Any, target: tuple[Ref, ...]) -> Any:
        """The call under fake tensors, or what an equal call gave before."""
        if target or self.nested or self.trail is not None:
            return func(*args, **kwargs)
        key = self._memo.key(func, seen, named)
        if key is None:
            return func(*args, **kwargs)
        out = self._memo.recall(key, seen, named, lambda ref: self._alive[ref.index])
        if out is None:
            out = func(*args, **kwargs)
            self._memo.keep(key, out, seen, named, self._refs.get(id(out)))
        return out

    def _target(self, func: Any, name: str, args: Any, kwargs: Any) -> tuple[Ref, ...]:
        if "out" in kwargs and kwargs["out"] is not None:
            return tuple(refs(kwargs["out"]))
        schema = getattr(func, "_schema", None)
        if schema is not None and isinstance(func, torch._ops.OpOverload):
            if not schema.is_mutable:
                return ()
            written = [
                a for a, s in zip(args, schema.arguments, strict=False) if s.alias_info and s.alias_info.is_write
            ]
            return tuple(refs(written))
        in_place = name == "__setitem__" or (
            name[:3] == "__i" and name not in ("__invert__", "__index__") if name[:2] == "__" else name[-1] == "_"
        )
        return tuple(refs(args[:1])) if in_place and args else ()

    def _literal(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        out = func(*args, **kwargs)
        with unset_fake_temporarily():
            value = func(*args, **{**kwargs, "device": "cpu"} if "device" in kwargs else kwargs)
        if id(out) not in self._refs:
            self.leaf("const", "", value, out)
        return out

    def _value(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen, named = mapped(args, self._or_ref), mapped(kwargs, self._or_ref)
        return self._really(func, func.__name__, seen, named)

    def _integers(self, tree: Any, name: str) -> Any:
        """0-d integer tensors that stand where torch wants numbers, as these numbers."""

        def number(x: Any) -> Any:
            whole = isinstance(x, torch.Tensor) and x.ndim == 0 and not (x.is_floating_point() or x.is_complex())
            return self._really(torch.Tensor.item, name, (self.ref(x),), {}) if whole else x

        return mapped(tree, number)

    def _plain_index(self, index: Any) -> Any:
        """An index whose bounds are numbers and whose lists of tensors are tensors."""

        def item(x: Any) -> Any:
            if isinstance(x, slice):
                return self._integers(x, "slice")
            if isinstance(x, (list, tuple)) and x and all(isinstance(i, torch.Tensor) and i.ndim == 0 for i in x):  # pyright: ignore
                return self._call(torch.stack, "stack", (list(x),), {})  # pyright: ignore[reportUnknownArgumentType]
            return x

        return tuple(item(i) for i in index) if type(index) is tuple else item(index)

    def _really(self, func: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Any:
        """What the call gives on real values; noted where they come from the inputs."""
        self._note(name, args, kwargs)
        args, kwargs = self.shadow.value((args, kwargs))
        if any(t.is_meta for t in tensors((args, kwargs))):
            args, kwargs = mapped((args, kwargs), _zeros)
        with unset_fake_temporarily(), torch.no_grad():
            return func(*args, **kwargs)

    def _note(self, name: str, args: Any, kwargs: Any) -> None:
        depends = 0
        for ref in refs((args, kwargs)):
            depends |= ref.depends
        if not depends:
            return
        file, line = self._place()
        path, cls = self.record.scopes[self.scope]
        if (file, cls) not in self._asked:
            self._asked.add((file, cls))
            what = "the inputs" if depends & INPUT else "parameters"
            where = f"{path or cls} ({os.path.basename(file)}:{line})"
            self.record.findings.append(f"{where}: `{name}` reads a value that depends on {what}; this pass fixes it")

    def _as_fake(self, x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        with self.mode:
            return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cpu")


def _zeros(x: Any) -> Any:
    return torch.zeros((), dtype=x.dtype).expand(x.shape) if isinstance(x, torch.Tensor) and x.is_meta else x


def _is_wrapper(tensor: torch.Tensor) -> bool:
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # pyright: ignore


_PLAIN = frozenset(
    [
        "size",
        "dim",
        "ndimension",
        "numel",
        "nelement",
        "element_size",
        "stride",
        "storage_offset",
        "is_contiguous",
        "is_floating_point",
        "is_complex",
        "is_signed",
        "is_inference",
        "is_same_size",
        "get_device",
        "data_ptr",
        "untyped_storage",
        "storage",
        "type",
        "is_tensor",
        "is_storage",
        "_is_view",
        "is_conj",
        "is_neg",
        "is_pinned",
        "is_shared",
        "has_names",
        "__len__",
        "__hash__",
        "__repr__",
        "__str__",
        "__format__",
        "result_type",
        "can_cast",
        "promote_types",
        "get_default_dtype",
        "is_grad_enabled",
        "__set__",
        "__delete__",
        "broadcast_shapes",
        "is_autocast_enabled",
        "is_inference_mode_enabled",
    ]
)


def _reads_no_tensor(func: Callable[..., Any]) -> bool:
    """Whether a function only asks for sizes and types, so that it is not part of the computation."""
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return getattr(func.__self__, "__name__", "") not in GIVES_TENSOR  # pyright: ignore
    return name in _PLAIN


class Trail(TorchDispatchMode):
    """What the dispatcher ran, kept so that holes at the level of functions can be filled from below.

    With a `recorder` of its own it records every call at once: inside vmap functions see only wrappers.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        super().__init__()
        self.recorder = recorder
        self._ran: dict[int, list[tuple[Any, Any, Any, Any]]] = {}
        self._alive: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if self.recorder is not None:
            return self.recorder._call(func, func.__name__, args, named)  # pyright: ignore[reportPrivateUsage]
        out = func(*args, **named)
        step = (func, args, named, out)
        self._alive.append(step)
        for tensor in tensors(out):
            self._ran.setdefault(id(tensor), []).append(step)
        return out

    def pull(self, recorder: Recorder, tensor: torch.Tensor) -> bool:
        """Record what made `tensor`, and what that was made of; False if it is not known here either."""
        steps = self._ran.pop(id(tensor), None)
        if steps is None:
            return False
        for func, args, kwargs, out in steps:
            seen, named = mapped(args, recorder._or_ref), mapped(kwargs, recorder._or_ref)  # pyright: ignore
            depends = 0
            for ref in refs((seen, named)):
                depends |= ref.depends
            target = recorder._target(func, func.__name__.partition(".")[0], seen, named)  # pyright: ignore
            made = mapped(
                out,
                lambda x, depends=depends: (
                    (recorder._refs.get(id(x)) or recorder.bind(x, depends)) if isinstance(x, torch.Tensor) else None  # pyright: ignore
                ),
            )
            recorder.add(func, seen, named, made, target)
        return True
