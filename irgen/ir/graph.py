"""The IR: one node for each operator call, parameter, constant and input; one edge for each tensor passed."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from irgen.errors import GraphError
from irgen.ir.tensor import TensorType

Scalar = int | float | bool | str | None
Attr = Scalar | tuple["Attr", ...]
Array = NDArray[np.generic]
Types = TensorType | tuple[TensorType, ...]

NO_ATTRS: Mapping[str, Attr] = {}


@dataclass(frozen=True, slots=True)
class Node:
    """One call of a canonical operator (`irgen.ir.ops`).

    `inputs` are node ids by port position; a missing optional port in the middle is the empty string. Operators
    with several results have a tuple as `type`, and only `pick` nodes read them. `value` belongs to `const`
    nodes (`None`: the value is absent, as with external data that is not there); `body` to operators that carry
    a graph of their own. A node holds no name: provenance is kept beside the graph.
    """

    id: str
    op: str
    inputs: tuple[str, ...]
    type: Types
    attrs: Mapping[str, Attr] = field(default_factory=lambda: NO_ATTRS)
    value: Array | None = field(default=None, compare=False)
    body: Graph | None = field(default=None, compare=False)

    @property
    def tensor(self) -> TensorType:
        """The type of a node with one result."""
        if isinstance(self.type, tuple):
            raise GraphError(f"{self.op} has {len(self.type)} results, one was asked for", at=self.id)
        return self.type

    @property
    def shape(self) -> tuple[int, ...]:
        """Traced sizes of the (first) result; the empty tuple where the rank is unknown."""
        first = self.type[0] if isinstance(self.type, tuple) else self.type
        return first.shape or ()

    @property
    def size(self) -> int:
        """Number of elements of the (first) result at the traced sizes, or -1 where unknown."""
        first = self.type[0] if isinstance(self.type, tuple) else self.type
        return first.size

    @property
    def is_float(self) -> bool:
        """Whether the (first) result is floating point or complex."""
        first = self.type[0] if isinstance(self.type, tuple) else self.type
        return first.is_float

    @property
    def dtype(self) -> str:
        """Element type of the (first) result."""
        first = self.type[0] if isinstance(self.type, tuple) else self.type
        return first.dtype


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a node comes from. Words for captions and messages only: matching never sees it."""

    name: str = ""  # of the input, output, parameter or ONNX node
    module: str = ""  # module path, as `encoder.layer.0.attention`
    cls: str = ""  # class of that module
    line: str = ""  # `file.py:123`
    call: str = ""  # the call before it was made canonical, as `torch.nn.functional.linear` or `Gemm`


@dataclass
class Graph:
    """A directed acyclic graph of operator calls, in topological order.

    `nodes` maps ids to nodes; its order is the order of execution. `nx` gives the same graph as a
    `networkx.MultiDiGraph` (edge key = argument position; edge data = dtype and shape) for its algorithms.
    """

    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    inputs: list[str] = field(default_factory=list[str])
    outputs: list[str] = field(default_factory=list[str])
    provenance: dict[str, Provenance] = field(default_factory=dict[str, Provenance])
    output_names: list[str] = field(default_factory=list[str])
    findings: list[str] = field(default_factory=list[str])
    parameters: int | None = None  # elements of all parameters of the source, tied ones once; None: not known
    frontend: str = "ir"

    def __getitem__(self, node: str) -> Node:
        return self.nodes[node]

    def __contains__(self, node: object) -> bool:
        return node in self.nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def add(
        self,
        op: str,
        inputs: Iterable[str] = (),
        type: Types | None = None,
        *,
        id: str | None = None,
        value: Array | Scalar = None,
        body: Graph | None = None,
        provenance: Provenance | None = None,
        **attrs: Attr,
    ) -> str:
        """Append a node and return its id (`n0`, `n1`, … unless given).

        `value` is the array of a constant, or the attribute of that name where it is a plain number (`full`, `pad`).
        """
        if isinstance(value, np.generic):
            value = np.asarray(value)
        elif not isinstance(value, np.ndarray):
            if value is not None:
                attrs["value"] = value
            value = None
        if type is None:
            if value is None:
                raise GraphError(f"{op} needs a type")
            type = TensorType(dtype_name(value), tuple(value.shape))
        name = id if id is not None else f"n{len(self.nodes)}"
        if name in self.nodes:
            raise GraphError(f"node {name!r} exists already")
        self.nodes[name] = Node(name, op, tuple(inputs), type, attrs or NO_ATTRS, value, body)
        if provenance is not None:
            self.provenance[name] = provenance
        return name

    def users(self) -> dict[str, list[str]]:
        """For each node the ids of the nodes that read it, in order, once for each port."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, node in self.nodes.items():
            for source in node.inputs:
                if source:
                    found[source].append(name)
        return found

    def without_names(self) -> Graph:
        """The same graph without provenance: what passes and patterns are allowed to read."""
        return replace(self, provenance={}, output_names=[])

    def pruned(self) -> Graph:
        """The same graph without nodes that no output depends on (inputs stay), and without origins of what is gone."""
        live = set(self.outputs)
        for name, node in reversed(self.nodes.items()):
            if name in live:
                live.update(node.inputs)
        live.update(self.inputs)
        live.discard("")  # an optional port without a value
        if len(live) == len(self.nodes) and self.provenance.keys() <= self.nodes.keys():
            return self
        nodes = {name: node for name, node in self.nodes.items() if name in live}
        kept = {name: origin for name, origin in self.provenance.items() if name in live}
        return replace(self, nodes=nodes, provenance=kept)

    def sorted(self) -> Graph:
        """The same graph with its nodes in a topological order that depends on structure and old order only."""
        place = {name: i for i, name in enumerate(self.nodes)}
        order = nx.lexicographical_topological_sort(self.nx, key=place.__getitem__)
        return replace(self, nodes={name: self.nodes[name] for name in order})

    @property
    def nx(self) -> nx.MultiDiGraph[str]:
        """The graph as a `networkx.MultiDiGraph`, made anew at each call."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self:
            graph.add_node(node.id, op=node.op, node=node)
        for node in self:
            for port, source in enumerate(node.inputs):
                if source:
                    origin = self.nodes[source]
                    graph.add_edge(source, node.id, key=port, dtype=origin.dtype, shape=origin.shape)
        return graph


def dtype_name(value: Array) -> str:
    """The IR's name of a numpy array's element type."""
    return "string" if value.dtype.kind in "OUS" else value.dtype.name
