"""`torch.fx` graph modules, and plain modules through `torch.fx.symbolic_trace`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from irgen.errors import CaptureError, InputError
from irgen.frontends.torch_live import Inputs, capture
from irgen.ir.graph import Graph


def read(
    module: nn.Module,
    kwargs: Mapping[str, Any] | None = None,
    *,
    args: Sequence[Any] = (),
    resized: Sequence[Inputs] = (),
    axes: Mapping[str, Sequence[str | None]] | None = None,
) -> Graph:
    """The canonical graph of a graph module, or of a plain module traced by `torch.fx.symbolic_trace`.

    A graph module that carries the sizes of its placeholders (`meta["val"]`, `meta["tensor_meta"]`) needs no
    inputs. Raises `CaptureError` where symbolic tracing refuses the module, else the errors of `capture`.
    """
    traced = module if isinstance(module, fx.GraphModule) else _traced(module)
    if not args and not kwargs:
        args = _noted_inputs(traced)
    return capture(traced, args, kwargs, resized=resized, axes=axes, frontend="torch-fx")


def _traced(module: nn.Module) -> fx.GraphModule:
    before = [(part, part.training) for part in module.modules()]
    for part, _ in before:
        part.training = False
    try:
        return fx.symbolic_trace(module)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CaptureError(
            f"torch.fx.symbolic_trace cannot take the module: {first}",
            at=type(module).__name__,
            fix="capture it live: irgen.trace(module, inputs)",
        ) from error
    finally:
        for part, training in before:
            part.training = training


def _noted_inputs(module: fx.GraphModule) -> tuple[torch.Tensor, ...]:
    """Inputs of the sizes that tracing noted on the placeholders."""
    made: list[torch.Tensor] = []
    for node in module.graph.nodes:
        if node.op != "placeholder":
            continue
        noted: Any = node.meta.get("val", node.meta.get("example_value", node.meta.get("tensor_meta")))
        if noted is None:
            if node.args:  # has a default
                continue
            raise InputError(
                f"the graph module does not say what {node.name} looks like",
                fix="give inputs, or run torch.fx.passes.shape_prop.ShapeProp on it first",
            )
        made.append(some_tensor(tuple(int(n) for n in noted.shape), noted.dtype))
    return tuple(made)


def some_tensor(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """A small valid input: seeded normal numbers, zeros for indices, ones for masks."""
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return torch.ones(shape, dtype=dtype) if dtype is torch.bool else torch.zeros(shape, dtype=dtype)
