"""Example inputs that the user gives: tensors, or shapes by name, fitted to what the model takes."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from irgen.errors import InputError
from irgen.source import Built

if TYPE_CHECKING:
    import torch

Inputs = Any
"""A tensor, tensors in the order of `forward`, or a mapping from argument names to tensors, shapes or `Shape`s."""

LARGEST = 2**28
"""Elements of one example input at most: more is a slip of the keyboard."""


@dataclass(frozen=True)
class Shape:
    """The shape of an example input, and its element type where the user says it."""

    sizes: tuple[int, ...]
    dtype: str | None = None

    def __str__(self) -> str:
        return "x".join(map(str, self.sizes)) + (f":{self.dtype}" if self.dtype else "")


def parse(text: str) -> tuple[str, Shape]:
    """`pixel_values=1x3x224x224` or `ids=2x19:int64` as a name and a shape. Raises `InputError`."""
    name, equals, rest = text.partition("=")
    sizes, _, dtype = rest.partition(":")
    numbers = sizes.lower().split("x")
    if not (equals and name and all(n.isascii() and n.isdigit() for n in numbers)):
        raise InputError(
            f"--input {text!r} is not a name and a shape", fix="write --input NAME=2x19, or NAME=2x19:int64"
        )
    return name, shape(tuple(map(int, numbers)), dtype or None, name)


def shape(sizes: Iterable[int], dtype: str | None, name: str) -> Shape:
    """A checked `Shape`: sizes of at least 1, not more elements than a machine holds, a known element type."""
    found = Shape(tuple(sizes), dtype)
    count = 1
    for n in found.sizes:
        count *= max(n, 0)
    if count < 1 or count > LARGEST:
        raise InputError(
            f"input {name!r} has {count} elements", at=str(found), fix=f"sizes of 1 or more, {LARGEST} elements at most"
        )
    if dtype is not None and dtype not in ELEMENTS:
        near = difflib.get_close_matches(dtype, ELEMENTS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError(
            f"unknown element type {dtype!r}", at=f"input {name!r}", fix=f"{hint}one of: {', '.join(ELEMENTS)}"
        )
    return found


ELEMENTS = (
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
)


def of_module(module: torch.nn.Module, inputs: Inputs) -> dict[str, Any]:
    """Keyword inputs of a module from what the user gave. Raises `InputError` where they do not fit `forward`."""
    import torch  # noqa: PLC0415

    signature = inspect.signature(module.forward)
    if inputs is None or (isinstance(inputs, Mapping) and not inputs):
        needed = [p.name for p in signature.parameters.values() if p.default is p.empty and p.kind in BY_NAME]
        if not needed:
            return {}
        shapes = " ".join(f"--input {name}=2x19" for name in needed)
        raise InputError(
            f"the module needs example inputs: {', '.join(needed)}",
            at=f"{type(module).__name__}.forward{signature}",
            fix=f"give them in Python, or return (module, inputs) from the callable, or {shapes}",
        )
    values = by_name(inputs) or _in_order(module, signature, inputs)
    _check_names(values, list(signature.parameters), signature, type(module).__name__)
    plain = {name: value for name, value in values.items() if _is_plain(value) and not _is_shape(value)}
    wrong = [name for name, value in plain.items() if isinstance(value, (tuple, list)) or len(plain) == len(values)]
    if wrong:
        raise no_input(wrong[0], values[wrong[0]])
    return {name: _tensor(name, value, torch) for name, value in values.items()}


def no_input(name: str, value: object) -> InputError:
    """The error for what is neither a tensor nor a shape."""
    return InputError(
        f"input {name!r} is {repr(value)[:60]}, which is neither a tensor nor a valid shape",
        at=f"input {name!r}",
        fix="give a tensor, or a shape of whole numbers of 1 or more such as (2, 19)",
    )


def _is_plain(value: object) -> bool:
    """Whether a value holds no tensor: a number, a text, nothing, or a list of such."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, cast("Sequence[object]", value)))
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes))


BY_NAME = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _in_order(module: torch.nn.Module, signature: inspect.Signature, inputs: Any) -> dict[str, Any]:
    """Positional inputs by the names of the arguments that they fill."""
    try:
        bound = signature.bind(*in_order(inputs))
    except TypeError as error:
        raise InputError(
            f"the inputs do not fit the module: {error}",
            at=f"{type(module).__name__}.forward{signature}",
            fix="give one tensor for each argument, in order, or a mapping by name",
        ) from error
    return dict(bound.arguments)


def _check_names(values: Mapping[str, Any], known: list[str], signature: inspect.Signature | None, where: str) -> None:
    takes_any = signature is not None and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for name in values:
        if name not in known and not takes_any:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"the model has no input {name!r}", at=where, fix=f"{hint}one of: {', '.join(known)}")


def by_name(inputs: Inputs) -> dict[str, Any]:
    """Inputs that are given by name; empty where they are given in order."""
    return dict(cast("Mapping[str, Any]", inputs)) if isinstance(inputs, Mapping) else {}


def in_order(inputs: Inputs) -> tuple[Any, ...]:
    """Inputs that are given in order, one alone as well."""
    if isinstance(inputs, (tuple, list)) and not _is_shape(cast("object", inputs)):
        return tuple(cast("Sequence[Any]", inputs))
    return (cast("Any", inputs),)


def _is_shape(value: object) -> bool:
    """Whether a value is a shape such as `(2, 19)`."""
    if not isinstance(value, (tuple, list)):
        return False
    sizes = cast("Sequence[Any]", value)
    return bool(sizes) and all(isinstance(n, int) for n in sizes)


def _tensor(name: str, value: Any, torch: Any) -> Any:
    """A tensor for a shape; anything else as it is. Names like `ids` only choose the element type of an example."""
    if _is_shape(value):
        value = shape(value, None, name)
    if not isinstance(value, Shape):
        return value
    words = set(name.lower().split("_"))
    dtype = value.dtype or (
        "int64" if words & {"id", "ids", "tokens", "mask", "labels", "idx", "indices"} else "float32"
    )
    kind = getattr(torch, dtype)
    if kind.is_floating_point or kind.is_complex:
        return torch.randn(value.sizes, generator=torch.Generator().manual_seed(0)).to(kind)
    return torch.ones(value.sizes, dtype=kind)


def refit(built: Built, inputs: Inputs) -> Built:
    """A built system with some inputs at other sizes or replaced by tensors; inputs that share an axis follow.

    Values are drawn again from those that are there, so that token ids stay inside the vocabulary.
    Raises `InputError` for an unknown input or sizes that contradict each other.
    """
    named = by_name(inputs) or of_order(built, inputs)
    _check_names(named, list(built.kwargs), None, built.title)
    shapes: dict[str, Any] = {n: shape(v, None, n) if _is_shape(v) else v for n, v in named.items()}
    sizes: dict[str, int] = {}
    kwargs = dict(built.kwargs)
    for name, value in shapes.items():
        if not isinstance(value, Shape) and not hasattr(value, "shape"):
            raise no_input(name, value)
        wanted = value.sizes if isinstance(value, Shape) else tuple(value.shape)
        _read_axes(name, wanted, built, sizes)
    for name, old in built.kwargs.items():
        value = shapes.get(name)
        axes = built.axes.get(name) or (None,) * old.dim()
        wanted = (
            value.sizes
            if isinstance(value, Shape)
            else tuple(sizes.get(axis, n) if axis else n for axis, n in zip(axes, old.shape, strict=True))
        )
        kwargs[name] = value if value is not None and not isinstance(value, Shape) else redrawn(old, wanted, value)
    return replace(built, kwargs=kwargs, resized=[_resized(built, kwargs)] if built.resized else [])


def of_order(built: Built, inputs: Any) -> dict[str, Any]:
    """Inputs given in order, by the names that the system lists."""
    given = in_order(inputs)
    if len(given) > len(built.kwargs):
        raise InputError(
            f"{len(given)} inputs are given, the model takes {len(built.kwargs)}",
            at=built.title,
            fix=f"in order: {', '.join(built.kwargs)}",
        )
    return dict(zip(built.kwargs, given, strict=False))


def _read_axes(name: str, wanted: tuple[int, ...], built: Built, sizes: dict[str, int]) -> None:
    """Note the size of each named axis of one input; two inputs may not disagree."""
    old = tuple(built.kwargs[name].shape)
    if len(wanted) != len(old):
        raise InputError(
            f"input {name!r} has {len(wanted)} dimension{'s' * (len(wanted) != 1)}, the model takes {len(old)}",
            at=built.title,
            fix=f"--input {name}={'x'.join(map(str, old))}",
        )
    for axis, size in zip(built.axes.get(name, ()), wanted, strict=False):
        if axis and sizes.setdefault(axis, size) != size:
            raise InputError(
                f"inputs give the axis {axis!r} the sizes {sizes[axis]} and {size}",
                at=f"{built.title}, input {name!r}",
                fix="give the inputs that share the axis one size",
            )


def redrawn(old: torch.Tensor, sizes: tuple[int, ...], wanted: Shape | None = None) -> torch.Tensor:
    """The values of `old` repeated into another shape."""
    import torch  # noqa: PLC0415

    count = 1
    for n in sizes:
        count *= n
    flat = old.flatten()
    drawn = flat[torch.arange(count) % flat.numel()].reshape(sizes)
    return drawn.to(getattr(torch, wanted.dtype)) if wanted is not None and wanted.dtype else drawn


def _resized(built: Built, kwargs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inputs once more with every named axis at yet another size."""
    larger: dict[str, torch.Tensor] = {}
    for name, value in kwargs.items():
        axes = built.axes.get(name) or (None,) * value.dim()
        steps = {
            axis: 2 * i + 1
            for i, axis in enumerate(sorted({a for names in built.axes.values() for a in names if a}), 1)
        }
        larger[name] = redrawn(
            value, tuple(n + steps[a] if a else n for n, a in zip(value.shape, axes, strict=True)), None
        )
    return larger
