"""Faults put into exported files at seeded places: what goes wrong in exporters, one at a time."""

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Place:
    """Where a fault was put: the module it stands in, and the labels of regions that may be named for it.

    `whole`: the fault is a region too many.
    """

    module: str
    labels: tuple[str, ...]
    whole: bool = False


Fault = Callable[[ModelProto, random.Random], Place | None]
"""Changes a model in place and says where; None where it has no such place."""

ATTENTION = ("self-attention", "cross-attention")
CHANNELS = ("feed-forward", "moe")


def scope(node: NodeProto) -> str:
    """The path of the module that a node was exported from."""
    entries = {entry.key: entry.value for entry in node.metadata_props}
    scopes = ast.literal_eval(entries.get("pkg.torch.onnx.name_scopes", "[]"))
    return scopes[-2] if len(scopes) > 1 else ""


class Parts:
    """A model's graph with its nodes by what they give and read."""

    def __init__(self, model: ModelProto) -> None:
        self.graph = model.graph
        self.nodes = list(model.graph.node)
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self.fresh = 0

    def readers(self, name: str) -> list[NodeProto]:
        return [node for node in self.graph.node if name in node.input]

    def value(self, name: str) -> np.ndarray | None:
        tensor = self.stored.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def constant(self, value: np.ndarray) -> str:
        self.fresh += 1
        name = f"fault_{self.fresh}"
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def before(self, reader: NodeProto, *made: NodeProto) -> None:
        """Put nodes in front of one that reads them."""
        at = next(i for i, node in enumerate(self.graph.node) if node is reader or node.output == reader.output)
        for i, node in enumerate(made):
            self.graph.node.insert(at + i, node)

    def reroute(self, name: str, other: str, *but: NodeProto) -> None:
        """Everything that reads one value reads another."""
        for node in self.graph.node:
            if not any(node.output == one.output for one in but):
                for i, source in enumerate(node.input):
                    if source == name:
                        node.input[i] = other

    def rolled(self, reader: NodeProto, port: int, axis: int) -> None:
        """One input of a node turned by one place along an axis."""
        name = f"{reader.input[port]}_rolled_{reader.output[0]}"
        one, end, ax, zero = (self.constant(np.array([n], np.int64)) for n in (1, np.iinfo(np.int64).max, axis, 0))
        source = reader.input[port]
        self.before(
            reader,
            helper.make_node("Slice", [source, one, end, ax], [f"{name}_back"]),
            helper.make_node("Slice", [source, zero, one, ax], [f"{name}_front"]),
            helper.make_node("Concat", [f"{name}_back", f"{name}_front"], [name], axis=axis),
        )
        readers = [node for node in self.graph.node if node.output == reader.output]
        readers[0].input[port] = name


def scores(parts: Parts) -> Iterator[tuple[NodeProto, NodeProto]]:
    """Each softmax over masked scores, with the sum that masks them."""
    for node in parts.nodes:
        if node.op_type == "Softmax" and "attn" in scope(node):
            made = parts.makers.get(node.input[0])
            if made is not None and made.op_type == "Add":
                yield node, made


def scale_wrong(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found = []
    for _, add in scores(parts):
        product = parts.makers[add.input[0]]
        found += [
            parts.makers[name]
            for name in product.input
            if name in parts.makers and parts.makers[name].op_type == "Mul"
            and (value := parts.value(parts.makers[name].input[1])) is not None and value.size == 1
        ]  # fmt: skip
    if not found:
        return None
    node = rng.choice(found)
    node.input[1] = parts.constant((parts.value(node.input[1]) * 1.1).astype(np.float32))
    return Place(scope(node), ATTENTION)


def mask_missing(model: ModelProto, rng: random.Random) -> Place | None:
    found = list(scores(Parts(model)))
    if not found:
        return None
    softmax, add = rng.choice(found)
    softmax.input[0] = add.input[0]
    return Place(scope(softmax), ATTENTION)


def mask_off_by_one(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found = list(scores(parts))
    if not found:
        return None
    _, add = rng.choice(found)
    parts.rolled(add, 1, 3)
    return Place(scope(add), ATTENTION)


def rotary_shifted(model: ModelProto, rng: random.Random) -> Place | None:
    """Positions of the queries alone: shifting both sides changes nothing."""
    parts = Parts(model)
    turned: dict[str, list[NodeProto]] = {}
    for node in parts.nodes:
        if node.op_type == "Mul" and "attn" in scope(node):
            made = parts.makers.get(node.input[1])
            if made is not None and made.op_type == "Unsqueeze" and len(parts.readers(node.input[1])) > 1:
                turned.setdefault(scope(node), []).append(node)
    if not turned:
        return None
    where = rng.choice(sorted(turned))
    for node in turned[where][:2]:
        parts.rolled(node, 1, 2)
    return Place(where, ATTENTION)


def gate_and_up_swapped(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found = []
    for node in parts.nodes:
        ins = [parts.makers.get(name) for name in node.input]
        if node.op_type != "Mul" or "mlp" not in scope(node) or None in ins:
            continue
        for act, up in (ins, ins[::-1]):
            gate = parts.makers.get(act.input[0])
            products = ("MatMul", "Gemm")
            if act.op_type == "Mul" and up.op_type in products and gate is not None and gate.op_type in products:
                found.append((gate, up))
    if not found:
        return None
    gate, up = rng.choice(found)
    gate.input[1], up.input[1] = up.input[1], gate.input[1]
    return Place(scope(gate).rpartition(".")[0], CHANNELS)


def experts_permuted(model: ModelProto, rng: random.Random) -> Place | None:
    found = [n for n in model.graph.node if n.op_type == "Split" and "expert" in scope(n) and len(n.output) > 2]
    weights = [n for n in found if "transpose" in n.input[0] or "weight" in n.input[0] or "proj" in n.input[0]]
    if not weights:
        return None
    node = rng.choice(weights)
    i, j = rng.sample(range(len(node.output)), 2)
    node.output[i], node.output[j] = node.output[j], node.output[i]
    return Place(scope(node), ("moe",))


def epsilon_large(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found: list[tuple[NodeProto, int | None]] = [
        (node, None) for node in parts.nodes if node.op_type == "LayerNormalization"
    ]
    found += [
        (node, 1)
        for node in parts.nodes
        if node.op_type == "Add" and "norm" in scope(node) and (value := parts.value(node.input[1])) is not None
        and value.size == 1 and value < 1e-2
    ]  # fmt: skip
    if not found:
        return None
    node, port = rng.choice(found)
    if port is None:
        next(a for a in node.attribute if a.name == "epsilon").f = 1e-3
    else:
        node.input[port] = parts.constant(np.array(1e-3, np.float32))
    return Place(scope(node), ("norm", *ATTENTION, *CHANNELS, "head", "entry"))


def gelu_for_gelu_tanh(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found = []
    for node in parts.nodes:
        if node.op_type == "Gelu" and any(a.name == "approximate" and a.s == b"tanh" for a in node.attribute):
            found.append((node, None))
        if node.op_type == "Tanh" and (plus := parts.readers(node.output[0])) and plus[0].op_type == "Add":
            ends = parts.readers(plus[0].output[0])
            half = parts.makers[ends[0].input[0]]
            found.append((ends[0], half.input[0]))
    if not found:
        return None
    node, source = rng.choice(found)
    place = Place(scope(node), CHANNELS)
    if source is None:
        next(a for a in node.attribute if a.name == "approximate").s = b"none"
    else:
        node.CopyFrom(helper.make_node("Gelu", [source], list(node.output), approximate="none"))
    return place


def weight_transposed(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found = [
        node
        for node in parts.nodes
        if node.op_type in ("MatMul", "Gemm") and (value := parts.value(node.input[1])) is not None
        and value.ndim == 2 and value.shape[0] == value.shape[1]
    ]  # fmt: skip
    if not found:
        return None
    node = rng.choice(found)
    node.input[1] = parts.constant(np.ascontiguousarray(parts.value(node.input[1]).T))
    return Place(scope(node), (*ATTENTION, *CHANNELS, "linear", "head"))


def layers(parts: Parts) -> dict[str, list[NodeProto]]:
    """The nodes of each layer, by its module: the longest path that ends in a number."""
    found: dict[str, list[NodeProto]] = {}
    for node in parts.nodes:
        steps = scope(node).split(".")
        places = [i for i, step in enumerate(steps) if step.isdigit()]
        if places:
            found.setdefault(".".join(steps[: places[0] + 1]), []).append(node)
    return found


def layer_twice(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    by_layer = layers(parts)
    if not by_layer:
        return None
    name = rng.choice(sorted(by_layer)[1:])
    nodes = by_layer[name]
    own = {out for node in nodes for out in node.output}
    outside = [node for node in parts.nodes if not any(out in own for out in node.output)]
    ends = [out for node in nodes if node.op_type == "Add" for out in node.output
            if any(out in other.input for other in outside)]  # fmt: skip
    norms = [node for node in nodes if "norm" in scope(node) or "ln_1" in scope(node)]
    start = norms[0].input[0]
    if len(ends) != 1 or start in own:
        return None
    copies = []
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        copy.name = f"{node.name}_again"
        for i, source in enumerate(copy.input):
            copy.input[i] = f"{source}_again" if source in own else ends[0] if source == start else source
        for i, out in enumerate(copy.output):
            copy.output[i] = f"{out}_again"
        copies.append(copy)
    parts.reroute(ends[0], f"{ends[0]}_again", *nodes, *copies)
    at = 1 + max(i for i, node in enumerate(model.graph.node) if set(node.output) & own)
    for i, copy in enumerate(copies):
        model.graph.node.insert(at + i, copy)
    return Place(name, (), whole=True)


def half_precision_overflow(model: ModelProto, rng: random.Random) -> Place | None:
    parts = Parts(model)
    found = [
        node
        for node in parts.nodes
        if node.op_type in ("MatMul", "Gemm") and any(step.isdigit() for step in scope(node).split("."))
        and len(parts.readers(node.output[0])) == 1 and node.input[1] in parts.stored
    ]  # fmt: skip
    if not found:
        return None
    node = rng.choice(found)
    (reader,) = parts.readers(node.output[0])
    name, large = node.output[0], parts.constant(np.array(1e5, np.float32))
    parts.before(
        reader,
        helper.make_node("Mul", [name, large], [f"{name}_large"]),
        helper.make_node("Cast", [f"{name}_large"], [f"{name}_half"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", [f"{name}_half"], [f"{name}_full"], to=TensorProto.FLOAT),
        helper.make_node("Div", [f"{name}_full", large], [f"{name}_back"]),
    )
    for one in model.graph.node:
        if one.output == reader.output:
            one.input[list(one.input).index(name)] = f"{name}_back"
    return Place(scope(node), ())


FAULTS: dict[str, Fault] = {
    "scale wrong": scale_wrong,
    "gate and up swapped": gate_and_up_swapped,
    "mask missing": mask_missing,
    "mask off by one": mask_off_by_one,
    "rotary shifted by one": rotary_shifted,
    "experts permuted": experts_permuted,
    "epsilon 1e-3": epsilon_large,
    "gelu for gelu-tanh": gelu_for_gelu_tanh,
    "one weight transposed": weight_transposed,
    "a layer twice": layer_twice,
    "half-precision overflow": half_precision_overflow,
}
