"""One run: a module or an ONNX file on one set of inputs, its results by name as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from irgen.trees import tensors_by_name

Array = NDArray[Any]


@dataclass(frozen=True)
class Output:
    """The values of one result and the type that it had (bfloat16 is held as float32)."""

    values: Array
    dtype: str

    @property
    def floating(self) -> bool:
        """Whether it is of floating point."""
        return self.values.dtype.kind == "f"


Outputs = dict[str, Output]


def array(tensor: torch.Tensor) -> Output:
    """A tensor as an array of its own."""
    held = tensor.detach().cpu()
    dtype = str(held.dtype).removeprefix("torch.")
    return Output(np.array((held.float() if held.dtype == torch.bfloat16 else held).numpy()), dtype)


def of_module(module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], *, double: bool = False) -> Outputs:
    """What the module returns; `double` brings its floating inputs to float64 (see `precise.in_double`)."""
    given = {name: value.clone() for name, value in inputs.items()}
    if double:
        given = {name: value.double() if value.is_floating_point() else value for name, value in given.items()}
    with torch.no_grad():
        return {name: array(tensor) for name, tensor in tensors_by_name(module(**given), "output")}


onnxruntime: Any = import_module("onnxruntime")
_STATE: dict[str, Any] = vars(import_module("onnxruntime.capi.onnxruntime_pybind11_state"))

REFUSED: tuple[type[Exception], ...] = (
    *(kind for kind in _STATE.values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RuntimeError,
    ValueError,
)
"""What the runtime raises on a file or on inputs that it does not take."""

TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
    **{f"tensor({name})": name for name in ("int64", "int32", "int16", "int8", "uint8", "uint64", "uint32", "bool")},
}
"""Types of tensors as the runtime writes them."""


@dataclass(frozen=True)
class Slot:
    """An input or output of a file: sizes are numbers, or names (None) where they are open."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


class Session:
    """An ONNX file ready to run in ONNX Runtime on the processor, with its optimisations on or off."""

    def __init__(
        self, model: Path | bytes, *, optimised: bool = True, threads: int = 1, folder: Path | None = None
    ) -> None:
        """`folder` is where the external tensors of a model given as bytes lie."""
        options: Any = onnxruntime.SessionOptions()
        levels: Any = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.use_deterministic_compute = True
        if folder is not None:
            options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
        held = model if isinstance(model, bytes) else str(model)
        self._session: Any = onnxruntime.InferenceSession(held, options, providers=["CPUExecutionProvider"])

    @property
    def inputs(self) -> tuple[Slot, ...]:
        """What the file takes."""
        return tuple(_slot(one) for one in self._session.get_inputs())

    @property
    def outputs(self) -> tuple[Slot, ...]:
        """What the file gives."""
        return tuple(_slot(one) for one in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Array], names: Sequence[str] | None = None) -> Outputs:
        """The results, all or those named. Raises one of `REFUSED` where the file does not take the inputs."""
        wanted = list(names) if names is not None else [slot.name for slot in self.outputs]
        dtypes: dict[str, str] = {str(slot.name): str(slot.dtype) for slot in self.outputs}
        values: list[Any] = self._session.run(wanted, dict(feeds))
        return {name: Output(np.asarray(value), dtypes[name]) for name, value in zip(wanted, values, strict=True)}


def _slot(one: Any) -> Slot:
    return Slot(str(one.name), TYPES.get(one.type, str(one.type)), tuple(one.shape or ()))
