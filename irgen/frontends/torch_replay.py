"""The recording as an executable `torch.fx.GraphModule`, and the proof that it computes what the module does."""

from __future__ import annotations

import operator
import types
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from irgen.frontends.torch_live import Inputs, bound, record
from irgen.frontends.torch_record import Call, Recording, Ref, mapped, refs
from irgen.frontends.torch_scope import evaluation, transparent_functions
from irgen.trees import tensors_by_name


def graph_module(record: Recording, wanted: Sequence[Ref] | None = None) -> fx.GraphModule:
    """The recorded calls in order, with parameters and constants as attributes.

    Takes the recorded inputs in their order and returns the recorded outputs as a tuple, or the tensors of the pass
    that are `wanted`, each as it was when it was made. Each node's `meta` has `module` (path, class) and `line` for
    provenance.
    """
    root, graph = nn.Module(), fx.Graph()
    nodes: dict[Ref, fx.Node] = {}
    kept: dict[Ref, fx.Node] = {}
    for ref in record.inputs:
        nodes[ref] = graph.placeholder(record.leaves[ref].name.replace(".", "_"))

    def node(ref: Any) -> Any:
        if not isinstance(ref, Ref):
            return ref
        if ref not in nodes:
            leaf = record.leaves[ref]
            name = f"{leaf.kind}_{ref.index}"
            if isinstance(leaf.tensor, nn.Parameter):
                root.register_parameter(name, leaf.tensor)
            else:
                root.register_buffer(name, leaf.tensor)
            nodes[ref] = graph.get_attr(name)
        return nodes[ref]

    asked = {ref for ref in wanted or () if ref not in record.leaves}
    for call in record.calls:
        made = _node(graph, call, mapped(call.args, node), mapped(call.kwargs, node))
        made.meta.update(module=record.scopes[call.scope], line=f"{call.file}:{call.line}")
        _results(graph, call.out, made, nodes)
        if wanted is not None:
            fresh = [ref for ref in refs(call.out) if ref in asked and ref not in kept]
            kept.update((ref, graph.call_method("clone", (nodes[ref],))) for ref in fresh)
            if len(kept) == len(asked):
                break
    results = [ref for _, ref in record.outputs] if wanted is None else wanted
    graph.output(tuple(kept[ref] if ref in kept else node(ref) for ref in results))
    return fx.GraphModule(root, graph)


def _node(graph: fx.Graph, call: Call, args: Any, kwargs: Any) -> fx.Node:
    name = getattr(call.func, "__name__", "")
    if name == "__get__":
        return graph.call_function(getattr, (args[0], call.func.__self__.__name__))  # pyright: ignore
    if name == "__setitem__":
        return graph.call_function(operator.setitem, args)
    if name == "__getitem__":
        return graph.call_function(operator.getitem, args)
    kinds = (types.MethodDescriptorType, types.WrapperDescriptorType, types.FunctionType)
    if isinstance(call.func, kinds) and getattr(torch.Tensor, name, None) is call.func:
        return graph.call_method(name, args, kwargs)
    return graph.call_function(call.func, args, kwargs)


def _results(graph: fx.Graph, out: Any, made: fx.Node, nodes: dict[Ref, fx.Node]) -> None:
    if isinstance(out, Ref):
        nodes[out] = made
    elif isinstance(out, (tuple, list)):
        for i, item in enumerate(out):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            if item is not None:
                _results(graph, item, graph.call_function(operator.getitem, (made, i)), nodes)


def replay(record: Recording, inputs: Mapping[str, Any]) -> list[torch.Tensor]:
    """Run the record on other inputs of the recorded sizes, given by name."""
    given = dict(tensors_by_name(inputs))
    values = [given[record.leaves[ref].name].clone() for ref in record.inputs]
    with torch.no_grad():
        return list(fx.Interpreter(graph_module(record)).run(*values))


def values(record: Recording, inputs: Mapping[str, Any], wanted: Sequence[Ref]) -> list[torch.Tensor]:
    """Tensors of the pass on inputs of the recorded sizes, given by name; the pass stops behind the last of them."""
    given = dict(tensors_by_name(inputs))
    leaves = [given[record.leaves[ref].name].clone() for ref in record.inputs]
    with torch.no_grad():
        return list(fx.Interpreter(graph_module(record, wanted)).run(*leaves))


def replays(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] | None, other: Inputs) -> bool:
    """Whether the pass recorded on (args, kwargs) gives the module's own outputs, bit for bit, on `other` inputs."""
    recorded = record(module, args, kwargs)
    with torch.no_grad(), evaluation(module), transparent_functions():
        own = dict(tensors_by_name(module(*other[0], **other[1]), "output"))
    again = replay(recorded, bound(module, other[0], dict(other[1])))
    return all(
        torch.equal(torch.nan_to_num(own[name]), torch.nan_to_num(value))
        for (name, _), value in zip(recorded.outputs, again, strict=True)
    )
