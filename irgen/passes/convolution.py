"""Convolutions: zero padding in front taken in, and one of width 1 over a sequence as the linear map it is."""

from __future__ import annotations

from irgen.ir.attrs import integer, integers, pairs
from irgen.ir.graph import Node
from irgen.ir.tensor import TensorType
from irgen.passes.engine import Builder, Pass, Rule
from irgen.passes.linear import flat, swapped


def padding(node: Node, b: Builder) -> Node | None:
    """Zeros put around the space of the input are the convolution's own padding."""
    source = b[node.inputs[0]]
    own = pairs(node, "pads")
    if source.op != "pad" or source.attrs["mode"] != "constant" or source.attrs.get("value") not in (0, 0.0, None):
        return None
    added = pairs(source, "pads")
    lead = len(added) - len(own)
    if any(low or high for low, high in added[:lead]):
        return None
    pads = tuple((a + c, d + e) for (a, d), (c, e) in zip(own, added[lead:], strict=True))
    return b.instead(node, node.op, (source.inputs[0], *node.inputs[1:]), **{**node.attrs, "pads": pads})


def over_one_place(node: Node, b: Builder) -> Node | None:
    """Every place of a sequence [batch, channels, length] by itself: a linear map over the channels."""
    x, weight = (b[name] for name in node.inputs[:2])
    if len(x.shape) != 3 or weight.shape[2:] != (1,) or integer(node, "groups") != 1:
        return None
    if integers(node, "stride") != (1,) or any(low or high for low, high in pairs(node, "pads")):
        return None
    kind = TensorType(node.dtype, (node.shape[0], node.shape[2], node.shape[1]))
    inputs = (swapped(x.id, b), flat(weight.id, weight.shape[:2], b), *node.inputs[2:])
    return b.instead(node, "transpose", (b.emit("linear", inputs, kind, layout="oi"),), perm=(0, 2, 1))


RULES: dict[str, tuple[Rule, ...]] = {"conv": (padding, over_one_place)}

PASS = Pass(rules=RULES, after=("moves",))
