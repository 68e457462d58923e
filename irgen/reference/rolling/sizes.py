"""One program for every size from two of the same wiring: numbers that differ are read off the size of an input."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import torch
from torch.fx import GraphModule, Node
from torch.utils import _pytree as pytree

from irgen.reference.rolling.loop import ATEN, NotALoopError
from irgen.reference.rolling.repeats import leaves
from irgen.reference.rolling.scan import Scan


def generalised(one: GraphModule, other: GraphModule, sizes: tuple[int, int], name: str, axis: int) -> GraphModule:
    """`one`, traced at `sizes[0]` of an axis of the input `name`, made right for every size with the help of `other`.

    Raises `NotALoopError` where the programs are wired differently, or differ in what no size explains.
    """
    pairs = _paired(one, other)
    numbers: dict[tuple[Fraction, Fraction], Node] = {}
    inputs = [node for node in one.graph.nodes if node.op == "placeholder"]
    source = next((node for node in inputs if node.target == name), None)
    if source is None:
        raise NotALoopError(f"the program has no input {name}")
    with one.graph.inserting_after(inputs[-1]):
        size = one.graph.call_function(ATEN.sym_size.int, (source, axis))
    last = size

    def number(first: int, second: int) -> Node:
        nonlocal last
        scale = Fraction(second - first, sizes[1] - sizes[0])
        key = (scale, first - scale * sizes[0])
        if key[0].denominator != 1 or key[1].denominator != 1:
            raise NotALoopError(f"the numbers {first} and {second} are no multiple of the sizes {sizes}")
        if key not in numbers:
            numbers[key] = last = _written(one, last, size, int(key[0]), int(key[1]))
        return numbers[key]

    for a, b in pairs:
        mine, spec = leaves(a)
        theirs, _ = leaves(b)
        changed = [i for i, (x, y) in enumerate(zip(mine, theirs, strict=True)) if _differ(x, y)]
        for i in changed:
            if type(mine[i]) is not int or type(theirs[i]) is not int:
                raise NotALoopError(f"{a.target} reads {mine[i]!r} at one size and {theirs[i]!r} at the other")
            mine[i] = number(mine[i], theirs[i])
        if changed:
            a.args, a.kwargs = pytree.tree_unflatten(mine, spec)
    one.graph.lint()
    one.recompile()
    return one


def _written(module: GraphModule, after: Node, size: Node, scale: int, offset: int) -> Node:
    """`scale · size + offset` as nodes behind `after`."""
    value = size
    for target, constant, idle in ((operator.mul, scale, 1), (operator.add, offset, 0)):
        if constant != idle:
            with module.graph.inserting_after(after):
                after = value = module.graph.call_function(target, (value, constant))
    return value


def _differ(a: Any, b: Any) -> bool:
    if isinstance(a, Node):
        return False
    return type(a) is not type(b) or a != b


def _paired(one: GraphModule, other: GraphModule) -> list[tuple[Node, Node]]:
    """The calls of two programs side by side, after the check that they are wired alike."""
    mine, theirs = list(one.graph.nodes), list(other.graph.nodes)
    if len(mine) != len(theirs):
        raise NotALoopError(f"the programs have {len(mine)} and {len(theirs)} operators")
    same: dict[Node, Node] = {}
    pairs: list[tuple[Node, Node]] = []
    for a, b in zip(mine, theirs, strict=True):
        if a.op != b.op or (a.op != "get_attr" and str(a.target) != str(b.target)):
            raise NotALoopError(f"one program has {a.target} where the other has {b.target}")
        (flat, spec), (other_flat, other_spec) = leaves(a), leaves(b)
        if len(flat) != len(other_flat) or spec != other_spec:
            raise NotALoopError(f"{a.target} has other arguments at another size")
        for x, y in zip(flat, other_flat, strict=True):
            if isinstance(x, Node) != isinstance(y, Node) or (isinstance(x, Node) and same[x] is not y):
                raise NotALoopError(f"{a.target} reads another value at another size")
        same[a] = b
        if a.op == "get_attr":
            _same_constant(one, other, a, b)
        elif a.op == "call_module":
            _same_body(one, other, a, b)
        elif a.op == "call_function":
            pairs.append((a, b))
    return pairs


def _same_constant(one: GraphModule, other: GraphModule, a: Node, b: Node) -> None:
    x: Any = operator.attrgetter(str(a.target))(one)
    y: Any = operator.attrgetter(str(b.target))(other)
    if x is y or not isinstance(x, torch.Tensor):
        return
    if tuple(x.shape) != tuple(y.shape):
        raise NotALoopError(f"a table made while tracing has the shape {tuple(x.shape)}, then {tuple(y.shape)}")
    if x.device.type != "meta" and not torch.equal(x, y):
        raise NotALoopError("a table made while tracing holds other values at another size")


def _same_body(one: GraphModule, other: GraphModule, a: Node, b: Node) -> None:
    """Bodies of loops hold no number that depends on the size."""
    mine, theirs = one.get_submodule(str(a.target)), other.get_submodule(str(b.target))
    if isinstance(mine, Scan) and isinstance(theirs, Scan):
        for x, y in _paired(mine.body, theirs.body):
            if any(_differ(p, q) for p, q in zip(leaves(x)[0], leaves(y)[0], strict=True)):
                raise NotALoopError(f"{x.target} inside a loop depends on the size")
