"""What every pattern asks of a canonical graph: order, users, dependency classes, reach, regions and walks back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

import numpy as np

from irgen.ir.graph import Graph, Node
from irgen.ir.ops import ELEMENTWISE
from irgen.match.masks import Bools, Mask
from irgen.match.order import depth_first
from irgen.match.probe import Probe

CONST, PARAM, INDEX, DATA = range(4)
"""Dependency classes: fixed values only · learned tensors · integer inputs and masks made of them · hidden states."""

LARGEST = 16_000_000
"""No value with more elements than this is computed."""

HEAVY = frozenset({
    "linear", "grouped_linear", "matmul", "einsum", "conv", "conv_transposed", "softmax", "rnn", "scan", "loop", "fft",
    "max_pool", "avg_pool", "adaptive_pool", "cumsum", "topk", "scatter_nd", "attention", "opaque", "grid_sample",
})  # fmt: skip
"""Operators that make a branch more than arithmetic on its input."""

SAME_ELEMENTS = frozenset({"reshape", "transpose", "cast", "stop_gradient"})
NORMS = frozenset({"layer_norm", "rms_norm", "l2_norm", "group_norm", "batch_norm", "response_norm"})
ACTIVATIONS = frozenset({
    "relu", "gelu", "gelu_tanh", "quick_gelu", "silu", "relu2", "softplus", "mish", "elu", "selu", "leaky_relu",
    "prelu",
    "hard_sigmoid", "hard_swish", "softsign", "log_sigmoid", "tanh", "sigmoid", "clip", "sin", "exp",
})  # fmt: skip
_MIXES = frozenset({"linear", "grouped_linear", "matmul", "einsum", "conv", "conv_transposed", "embedding", "rnn"})


class Analysis:
    """A graph with the answers that patterns need, each computed once.

    Nodes are known by their *place*, the position in a depth-first topological order from the outputs: it depends
    on structure alone, and what belongs together stands together, so that a region between two places is found in
    time proportional to its size.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph.without_names()
        self.order: list[str] = depth_first(graph)
        self.place: dict[str, int] = {name: i for i, name in enumerate(self.order)}
        self.users: dict[str, list[str]] = {name: [] for name in self.order}
        for name in self.order:
            for source in graph[name].inputs:
                if source:
                    self.users[source].append(name)
        self.cls: dict[str, int] = self._classes()
        self.masks: dict[object, tuple[Mask, Bools | None]] = {}
        """The masks that were told, by what masks the scores: told once for all cores that share it."""
        self.pairs: dict[tuple[str, str, str], Bools | None] = {}
        """The pairs of tokens that cores were seen to join, by softmax, product and stream."""
        self.probes: tuple[Probe, Probe] = (
            Probe(self.graph, draw=0, limit=LARGEST),
            Probe(self.graph, draw=1, limit=LARGEST),
        )

    def __getitem__(self, name: str) -> Node:
        return self.graph.nodes[name]

    def op(self, name: str) -> str:
        """The operator of a node."""
        return self.graph.nodes[name].op

    def inputs(self, name: str) -> list[str]:
        """What a node reads, empty ports left out."""
        return [source for source in self.graph.nodes[name].inputs if source]

    def is_data(self, name: str) -> bool:
        """Whether a node carries hidden states."""
        return self.cls[name] == DATA

    def data(self, name: str) -> list[str]:
        """The inputs of a node that carry hidden states."""
        return [source for source in self.inputs(name) if self.cls[source] == DATA]

    def _classes(self) -> dict[str, int]:
        cls: dict[str, int] = {}
        for name in self.order:
            node = self.graph[name]
            if node.op == "input":
                cls[name] = DATA if node.is_float else INDEX
            elif node.op == "param":
                cls[name] = PARAM
            else:
                cls[name] = self._class_of(node, [cls[source] for source in node.inputs if source])
        return cls

    def _class_of(self, node: Node, below: list[int]) -> int:
        found = max(below, default=CONST)
        if node.op in _MIXES and found >= PARAM:
            # A learned tensor that is contracted is a hidden state that happens not to depend on the inputs
            # (learned queries); a contraction of two weights (low-rank factors, position networks) is one too.
            return DATA
        if node.op in {"gather", "gather_nd", "gather_elements"} and found == INDEX and PARAM in below:
            return DATA
        return found

    # -- reach -----------------------------------------------------------------------------------------------

    def reaches(self, source: str, target: str) -> bool:
        """Whether `target` depends on `source`."""
        return source in self.back(target, self.place[source])

    def back(self, target: str, floor: int) -> set[str]:
        """`target` and everything it depends on that stands at or after the place `floor`."""
        seen = {target}
        stack = [target]
        while stack:
            for source in self.graph.nodes[stack.pop()].inputs:
                if source and source not in seen and self.place[source] >= floor:
                    seen.add(source)
                    stack.append(source)
        return seen

    def between(self, source: str, targets: Iterable[str]) -> set[str]:
        """The nodes on paths from `source` (left out) to any of `targets` (included if they depend on it)."""
        floor = self.place[source]
        cone: set[str] = set()
        for target in targets:
            if target not in cone:
                cone |= self.back(target, floor)
        if source not in cone:
            return set()
        reached = {source}
        for name in sorted(cone, key=self.place.__getitem__):
            if any(s in reached for s in self.graph.nodes[name].inputs):
                reached.add(name)
        reached.discard(source)
        return reached

    def milestones(self, marks: Iterable[str]) -> dict[str, int]:
        """For each node the bit set of the `marks` (by position in their order) that it depends on or is."""
        bit = {name: 1 << i for i, name in enumerate(marks)}
        found: dict[str, int] = {}
        for name in self.order:
            bits = bit.get(name, 0)
            for source in self.graph.nodes[name].inputs:
                if source:
                    bits |= found[source]
            found[name] = bits
        return found

    # -- walks -----------------------------------------------------------------------------------------------

    def main_input(self, name: str) -> str | None:
        """The one input that carries hidden states, or None if there are none or several."""
        data = list(dict.fromkeys(self.data(name)))
        return data[0] if len(data) == 1 else None

    def strip(self, name: str) -> str:
        """Walk back through what keeps the elements: views, casts, scales and shifts by weights and constants."""
        while True:
            below = self.step(name, shifts=False)
            if below is None:
                return name
            name = below

    def step(self, name: str, *, shifts: bool = True) -> str | None:
        """One step back through a view, a cast, or arithmetic with a weight or constant; None at anything else."""
        node = self.graph.nodes[name]
        if node.op in SAME_ELEMENTS:
            return node.inputs[0]
        if node.op == "expand" and node.size == self.graph[node.inputs[0]].size:
            return node.inputs[0]
        if node.op in {"mul", "div"} or (shifts and node.op in {"add", "sub"}):
            below = self.main_input(name)
            if below is not None and self.graph[below].shape == node.shape and node.inputs.count(below) == 1:
                return below
        return None

    def walk(self, name: str, passes: Callable[[Node], bool]) -> Iterator[str]:
        """Yield `name` and then what stands behind it while there is one data input and `passes` lets it through."""
        while True:
            yield name
            below = self.step(name)
            if below is None:
                node = self.graph.nodes[name]
                below = self.main_input(name) if passes(node) else None
                if below is None:
                    return
            name = below

    def single_user(self, name: str) -> str | None:
        """The only reader of a node, or None if there are several or it is an output of the model."""
        readers = set(self.users[name])
        return next(iter(readers)) if len(readers) == 1 and name not in self.outputs else None

    @cached_property
    def outputs(self) -> frozenset[str]:
        """The outputs of the model."""
        return frozenset(self.graph.outputs)

    def live(self, name: str) -> bool:
        """Whether a node depends on what the model is given: float inputs, or tables looked up by input ids."""
        return name in self._live

    @cached_property
    def _live(self) -> frozenset[str]:
        found: set[str] = set()
        for name in self.order:
            node = self.graph[name]
            below = [source for source in node.inputs if source]
            if node.op == "input":
                alive = node.is_float
            elif self.cls[name] != DATA:
                alive = False
            elif node.op in {"embedding", "gather", "gather_nd"} and self.cls[node.inputs[0]] != DATA:
                alive = any(self.cls[s] >= INDEX for s in below[1:]) and not self.is_progression(below[-1])
            else:
                alive = any(source in found for source in below)
            if alive:
                found.add(name)
        return frozenset(found)

    def is_progression(self, name: str) -> bool:
        """Whether an integer tensor counts up in equal steps along its last axis, or is one value everywhere."""
        value = self.probes[0].value(name)
        if value is None or value.size == 0 or np.iscomplexobj(value):
            return False
        if value.ndim == 0:
            return True
        steps = np.diff(value.astype(np.float64), axis=-1)
        return bool((steps == steps.reshape(-1)[:1]).all()) if steps.size else False

    def is_arithmetic(self, name: str) -> bool:
        """An operator that works on each element alone."""
        return self.op(name) in ELEMENTWISE
