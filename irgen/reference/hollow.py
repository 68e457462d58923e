"""Modules and programs without weights: parameters with a shape and no values, tensors that a file names and lacks."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv


def hollow(module: torch.nn.Module) -> torch.nn.Module:
    """`module` itself, every parameter on meta replaced by one without values that says it is in main memory.

    Tracing asks where a tensor is; buffers are real, and nothing computes with tensors of two devices.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv())
    made: dict[int, torch.nn.Parameter] = {}
    with mode:
        for part in module.modules():
            for name, parameter in part.named_parameters(recurse=False):
                if not parameter.is_meta:
                    continue
                if id(parameter) not in made:
                    empty = torch.empty_strided(parameter.shape, parameter.stride(), dtype=parameter.dtype)
                    made[id(parameter)] = torch.nn.Parameter(empty, requires_grad=parameter.requires_grad)
                part.register_parameter(name, made[id(parameter)])
    return module


def is_hollow(module: torch.nn.Module) -> bool:
    """Whether a module lacks values of its parameters."""
    return any(p.is_meta or isinstance(p, FakeTensor) for p in module.parameters())


def name_tensors(model: Any, file: str) -> None:
    """Let an `onnx_ir.Model` name the tensors without values as those of a file that is not there."""
    import onnx_ir  # noqa: PLC0415 - heavy

    offset = 0
    for graph in model.graphs():
        for value in graph.initializers.values():
            tensor = value.const_value
            raw = getattr(tensor, "raw", None)
            if not (isinstance(raw, FakeTensor) or (isinstance(raw, torch.Tensor) and raw.is_meta)):
                continue
            length = int(tensor.nbytes)
            value.const_value = onnx_ir.ExternalTensor(
                file, offset, length, tensor.dtype, shape=tensor.shape, name=value.name
            )
            offset += length
