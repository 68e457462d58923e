"""Which input and output of a file is which of the module: by name, then by type and shape; a mismatch explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from irgen.errors import InputError
from irgen.reference.runs import Array, Output, Outputs, Slot, array


@dataclass(frozen=True)
class Ports:
    """Names in the file by name in PyTorch, and remarks on what has no partner."""

    inputs: dict[str, str]
    notes: tuple[str, ...] = ()
    types: dict[str, str] = field(default_factory=dict[str, str])
    """Types of the file's inputs."""

    def feeds(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, Array]:
        """The inputs as the file takes them."""
        return {
            theirs: _typed(array(inputs[ours]).values, self.types.get(theirs, ""))
            for ours, theirs in self.inputs.items()
        }


def _typed(value: Array, dtype: str) -> Array:
    try:
        return value.astype(np.dtype(dtype), copy=False) if dtype else value
    except TypeError:
        return value


KINDS = {"float": "f", "bfloat": "f", "int": "i", "uint": "i", "bool": "b", "complex": "c"}


def _kind(dtype: str) -> str:
    return KINDS.get(dtype.rstrip("0123456789"), dtype)


def _fits(slot: Slot, dtype: str, shape: Sequence[int]) -> bool:
    """Whether a value may be this slot's: floats of any width for floats, whole numbers for whole numbers."""
    if _kind(slot.dtype) != _kind(dtype) or len(slot.shape) != len(shape):
        return False
    return all(not isinstance(n, int) or n == m for n, m in zip(slot.shape, shape, strict=True))


def inputs(slots: Sequence[Slot], given: Mapping[str, torch.Tensor]) -> Ports:
    """The file's inputs matched with the module's.

    Raises `InputError` where the file takes something that nothing given can be.
    """
    found: dict[str, str] = {slot.name: slot.name for slot in slots if slot.name in given}
    left = [name for name in given if name not in found]
    notes: list[str] = []
    for slot in slots:
        if slot.name in found:
            continue
        fit = [name for name in left if _fits(slot, str(given[name].dtype).removeprefix("torch."), given[name].shape)]
        if not fit:
            raise _no_partner(slot, slots, given, found)
        left.remove(fit[0])
        found[fit[0]] = slot.name
        how = "the only one of its type and shape" if len(fit) == 1 else f"the first of {len(fit)} that fit"
        notes.append(f"the file's input {slot.name!r} is taken for {fit[0]!r}, {how}")
    notes += [f"the file does not read {name!r}" for name in left]
    return Ports(found, tuple(notes), {slot.name: slot.dtype for slot in slots})


def _no_partner(
    slot: Slot, slots: Sequence[Slot], given: Mapping[str, torch.Tensor], found: Mapping[str, str]
) -> InputError:
    said = ", ".join(f"{name}: {str(v.dtype).removeprefix('torch.')} {list(v.shape)}" for name, v in given.items())
    takes = ", ".join(f"{one.name}: {one.dtype} {_dims(one)}" for one in slots)
    taken = f" ({', '.join(found)} are matched by name)" if found else ""
    return InputError(
        f"the file's input {slot.name!r} ({slot.dtype} {_dims(slot)}) is none of the model's inputs{taken}",
        at=f"the file takes {takes}; the model takes {said}",
        fix="give the inputs that the file was exported with, as --input NAME=SHAPE, or export it again",
    )


def _dims(slot: Slot) -> str:
    return "[" + ", ".join(str(n) if n is not None else "?" for n in slot.shape) + "]"


def outputs(theirs: Outputs, ours: Outputs) -> tuple[dict[str, str], list[str]]:
    """The file's output for each of the module's, and remarks on what has no partner."""
    found = {name: name for name in ours if name in theirs}
    left = [name for name in theirs if name not in found]
    notes: list[str] = []
    for name, output in ours.items():
        if name in found:
            continue
        fit = [other for other in left if _alike(theirs[other], output)]
        if fit:
            found[name] = fit[0]
            left.remove(fit[0])
    notes += [f"the file also gives {name!r}, which PyTorch's run does not" for name in left]
    return {name: found[name] for name in ours if name in found}, notes


def _alike(a: Output, b: Output) -> bool:
    return _kind(a.dtype) == _kind(b.dtype) and a.values.shape == b.values.shape
