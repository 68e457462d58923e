"""What the tests of the torch roads share: whether a graph, evaluated in numpy, gives what the module gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from irgen.frontends.torch_build import as_array
from irgen.frontends.torch_live import bound, capture
from irgen.frontends.torch_scope import evaluation, transparent_functions
from irgen.ir.evaluate import run
from irgen.ir.graph import Graph
from irgen.trees import tensors_by_name


class Calls(nn.Module):
    """A module whose forward is a function, with parameters `w0`, `w1`, … of the given sizes."""

    def __init__(self, function: Callable[..., Any], *sizes: Sequence[int]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.function = function
        for i, size in enumerate(sizes):
            self.register_parameter(f"w{i}", nn.Parameter(torch.randn(*size, generator=generator)))

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs, *self._parameters.values())


def randomised(module: nn.Module) -> nn.Module:
    """The module with every parameter made generic, so that no two scores tie and no bias is zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point():
                parameter.add_(0.05 * torch.randn(parameter.shape))
    return module.eval()


def outputs(graph: Graph, module: nn.Module, given: Mapping[str, Any]) -> dict[str, Any]:
    """The graph's outputs by name, evaluated in numpy on the module's weights and inputs."""
    named = dict(tensors_by_name(given))
    weights = dict(module.named_parameters(remove_duplicate=False))
    inputs = {i: as_array(named[graph.provenance[i].name])[0] for i in graph.inputs}
    params = {n.id: as_array(weights[graph.provenance[n.id].name])[0] for n in graph if n.op == "param"}
    values = run(graph, inputs, params)
    return {name: values[node] for name, node in zip(graph.output_names, graph.outputs, strict=True)}


def disagreement(
    module: nn.Module, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, graph: Graph | None = None
) -> float:
    """The largest difference between the graph's and the module's outputs, relative to the largest output."""
    graph = capture(module, args, kwargs) if graph is None else graph
    with torch.no_grad(), transparent_functions(), evaluation(module):
        own = dict(tensors_by_name(module(*args, **(kwargs or {})), "output"))
    worst = 0.0
    for name, value in outputs(graph, module, bound(module, args, dict(kwargs or {}))).items():
        wanted = np.nan_to_num(as_array(own[name])[0].astype(complex))
        assert value.shape == wanted.shape, name
        if wanted.size:
            gap = np.abs(np.nan_to_num(value.astype(complex)) - wanted).max()
            worst = max(worst, float(gap / (1e-6 + np.abs(wanted).max())))
    return worst


def opaque(graph: Graph) -> list[str]:
    """What the graph could not say in the vocabulary."""
    return sorted(str(node.attrs["name"]) for node in graph if node.op == "opaque")
