"""How a stream begins: embeddings, positions and what stands between them and the first layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from irgen.ir.architecture import Embedding, Part
from irgen.ir.attrs import integers
from irgen.ir.ops import MOVES
from irgen.match.activations import NAMES
from irgen.match.analysis import ACTIVATIONS, CONST, INDEX, NORMS, PARAM, Analysis
from irgen.patterns.decoding import scaling_of
from irgen.patterns.layers import part_norm
from irgen.patterns.parameters import weight_size

_STEM = frozenset({"max_pool", "avg_pool", "batch_norm"}) | ACTIVATIONS


@dataclass(slots=True)
class Entry:
    """What lies behind a stream: the sums it continues, its embeddings (by node), its inputs, its parts in order."""

    sums: list[str] = field(default_factory=list[str])
    codes: list[str] = field(default_factory=list[str])
    """Sums that are read as quantised codes."""
    embeddings: dict[str, Embedding] = field(default_factory=dict[str, Embedding])
    inputs: list[str] = field(default_factory=list[str])
    parts: list[tuple[str, Part]] = field(default_factory=list[tuple[str, Part]])
    nodes: set[str] = field(default_factory=set[str])
    quantised: set[str] = field(default_factory=set[str])
    """Nodes that turn hidden states into the codes that are looked up."""
    joins: list[str] = field(default_factory=list[str])


def entry(analysis: Analysis, start: str, sums: frozenset[str], width: int) -> Entry:
    """Walk back from the start of a stream to the embeddings, inputs or earlier sums that feed it."""
    found = Entry()
    stack = [start]
    while stack:
        name = stack.pop()
        if name in found.nodes or name in found.sums or name in found.codes:
            continue
        if name in sums:
            found.sums.append(name)
            continue
        node = analysis[name]
        if node.op == "input":
            found.inputs.append(name)
            continue
        leaf = _leaf(analysis, name)
        if leaf is not None:
            found.embeddings[name] = leaf
            found.nodes.add(name)
            if leaf.kind in {"patch", "tubelet"}:
                found.nodes |= analysis.back(name, 0)
            else:
                quantised, codes = _quantised(analysis, name, sums)
                found.quantised |= quantised
                found.codes.extend(codes)
            continue
        found.nodes.add(name)
        for source in dict.fromkeys(s for s in node.inputs if s):
            if analysis.is_data(source):
                stack.append(source)
            elif node.op in {"add", "sub", "concat", "mul"} and (
                table := _added_table(analysis, node.op, source, width)
            ):
                found.embeddings[source] = table
        if node.op in {"concat", "masked_scatter", "scatter_nd", "where"} and len(analysis.data(name)) > 1:
            found.joins.append(name)
    _name_segments(analysis, found)
    _name_stem(analysis, found)
    found.parts = _parts(analysis, found.nodes - set(found.embeddings))
    bins = [n for n in found.quantised if analysis.op(n) in {"argmax", "argmin", "searchsorted"}]
    if bins:
        found.parts.insert(0, (bins[0], _quantizer(analysis, found, bins)))
    found.nodes |= found.quantised
    found.sums.sort(key=analysis.place.__getitem__)
    return found


_SELECTIONS = frozenset({"cast", "gather", "gather_nd", "masked_select"})
"""What may choose images or frames of an input before they are projected."""

_FEW = 16
"""No vocabulary of tokens is as small as a table of segments beside one that is larger."""


_POSITIONS = frozenset({"learned-position", "sinusoidal-position"})


def _name_segments(analysis: Analysis, found: Entry) -> None:
    """Tell tokens, segments, positions and boxes apart among lookups by inputs that are added up.

    Tokens are looked up in the table that the model uses again (a tied head), else in the largest. Beside it, or
    beside a projection of values, small tables name segments and large ones positions.
    """
    lookups = {n: e for n, e in found.embeddings.items() if e.kind == "token"}
    for name in [n for n in lookups if _coordinates(analysis, n)]:
        lookups.pop(name).kind = "bbox"
    added = [n for n in lookups if _is_added(analysis, n)]
    if _name_codebooks(analysis, {n: lookups[n] for n in added}):
        return
    projected = {n for n, e in found.embeddings.items() if e.kind == "linear"}
    if len(added) == len(lookups) == 1 and _meets(analysis, added[0], projected):
        lookups[added[0]].kind = "learned-position"
        return
    sizes = {n: (len(set(analysis.users[analysis[n].inputs[0]])) > 1, lookups[n].size or 0) for n in lookups}
    token = max(sizes, key=lambda n: sizes[n], default=None)
    for name in added:
        if name != token and analysis[name].inputs[0] != analysis[token or name].inputs[0]:
            lookups[name].kind = "segment" if int(str(lookups[name].size)) <= _FEW else "learned-position"


def _meets(analysis: Analysis, lookup: str, projected: set[str]) -> bool:
    """Whether a lookup is added to a projection of values (and not to other lookups, beside which values stand)."""
    sums = [n for n in analysis.users[lookup] if analysis.op(n) == "add"]
    while sums:
        name = sums.pop()
        if any(analysis.reaches(p, name) for p in projected):
            return True
        sums.extend(n for n in analysis.users[name] if analysis.op(n) == "add")
    return False


def _name_stem(analysis: Analysis, found: Entry) -> None:
    """A single strided convolution between an image and its first layer is a patch embedding, overlapping or not.

    A convolution with a nonlinearity or a pool behind it is the stem of a convolutional network.
    """
    convs = [n for n in found.nodes if analysis.op(n) == "conv"]
    placed = all(e.kind in _POSITIONS for e in found.embeddings.values())
    if not placed or found.sums or len(convs) != 1 or len(found.inputs) != 1:
        return
    stride = analysis[convs[0]].attrs.get("stride", ())
    kernel = analysis[analysis[convs[0]].inputs[1]].shape[2:]
    pools = any(analysis.op(n) in _STEM for n in found.nodes)
    if isinstance(stride, tuple) and len(kernel) == 2 and stride and int(str(stride[0])) > 1 and not pools:
        size = kernel[0] if len(set(kernel)) == 1 else list(kernel)
        facts = {"kernel": list(kernel), "stride": list(stride)}
        found.embeddings[convs[0]] = Embedding("patch", size, analysis[convs[0]].shape[1], facts=facts)
        found.inputs.clear()


def _name_codebooks(analysis: Analysis, lookups: dict[str, Embedding]) -> bool:
    """Tables of one size, each looked up by another slice of one tensor of codes and added up, are codebooks."""
    tables = {analysis[n].inputs[0] for n in lookups}
    sources = {_sliced(analysis, analysis[n].inputs[-1]) for n in lookups}
    sizes = {(e.size, e.width) for e in lookups.values()}
    sliced = len(sources) == 1 and None not in sources
    if len(tables) < 2 or len(sizes) != 1 or not (sliced or len(tables) > 2):
        return False
    for embedding in lookups.values():
        embedding.kind = "codebook"
    return True


def _sliced(analysis: Analysis, index: str) -> str | None:
    """The tensor of which an index is a slice, or None if it is no slice."""
    cut = False
    while analysis.op(index) in MOVES or analysis.op(index) == "cast":
        cut = cut or analysis.op(index) == "slice"
        index = analysis.inputs(index)[0]
    return index if cut else None


def _is_added(analysis: Analysis, name: str) -> bool:
    """Whether a lookup goes into a sum."""
    users = set(analysis.users[name])
    return bool(users) and all(analysis.op(u) in {"add", "mul", "reshape", "cast", "transpose"} for u in users)


def _coordinates(analysis: Analysis, name: str) -> bool:
    """Whether a lookup's index is one coordinate of boxes: a slice of four, or a difference of two such slices."""
    cone = analysis.back(analysis[name].inputs[-1], 0)
    boxes = [
        n for n in cone if analysis.op(n) == "input" and analysis[n].shape[-1:] == (4,) and len(analysis[n].shape) >= 3
    ]
    return bool(boxes)


def _quantised(analysis: Analysis, name: str, sums: frozenset[str]) -> tuple[set[str], list[str]]:
    """What turns hidden states into the index of a lookup (bins, nearest codes), and the last sum behind it."""
    if analysis.op(name) not in {"embedding", "gather"}:
        return set(), []
    nodes: set[str] = set()
    reads: set[str] = set()
    stack = [analysis[name].inputs[-1]]
    while stack:
        at = stack.pop()
        if at in sums:
            reads.add(at)
        elif at not in nodes and analysis.is_data(at) and analysis.op(at) != "input":
            nodes.add(at)
            stack.extend(analysis.data(at))
    return nodes, sorted(reads, key=analysis.place.__getitem__)[-1:]


def _quantizer(analysis: Analysis, found: Entry, bins: list[str]) -> Part:
    """The step from values to codes: nearest entries of codebooks, or bins."""
    books = [e for e in found.embeddings.values() if e.kind == "codebook"]
    edges = [analysis[n] for n in bins if analysis.op(n) == "searchsorted"]
    width = analysis[edges[0].inputs[0]].size if edges else (books[0].size if books else None)
    facts: dict[str, object] = {"width": width}
    if edges and (scaled := scaling_of(analysis, edges[0].inputs[1])) is not None:
        facts["scaled"] = scaled
    return Part("quantizer", facts, bins[0])


def _parts(analysis: Analysis, nodes: set[str]) -> list[tuple[str, Part]]:
    """The nodes of an entry that do something to the stream, in order."""
    parts: list[tuple[str, Part]] = []
    for name in sorted(nodes, key=analysis.place.__getitem__):
        node = analysis[name]
        part: Part | None = None
        if node.op in NORMS and analysis.is_data(name):
            part = Part("norm", {"norm": part_norm(analysis, name)})
        elif node.op == "linear":
            part = Part(
                "linear",
                {"in": analysis[node.inputs[0]].shape[-1], "out": node.shape[-1], "bias": len(node.inputs) > 2},
            )
        elif node.op in NAMES and analysis.is_data(name):
            part = Part("activation", {"activation": NAMES[node.op]})
        elif node.op in {"conv", "conv_transposed"}:
            part = Part("convolution", convolution_facts(analysis, name))
        elif node.op in {"max_pool", "avg_pool", "adaptive_pool"}:
            part = Part("pooling", {"width": node.shape[1]})
        if part is not None:
            part.parameters, part.region = weight_size(analysis, [name]), name
            parts.append((name, part))
    return parts


def convolution_facts(analysis: Analysis, name: str) -> dict[str, object]:
    """Kernel, stride, channels, groups and variant of a convolution."""
    node = analysis[name]
    weight = analysis[node.inputs[1]].shape
    groups = node.attrs.get("groups", 1)
    channels = node.shape[1] if len(node.shape) > 1 else None
    return {
        "kernel": list(weight[2:]),
        "stride": list(integers(node, "stride")) if "stride" in node.attrs else [],
        "channels": channels,
        "groups": groups,
        **({"transposed": True} if node.op == "conv_transposed" else {}),
        "variant": "depthwise" if groups == analysis[node.inputs[0]].shape[1] > 1 else "plain",
    }


def _leaf(analysis: Analysis, name: str) -> Embedding | None:
    """The embedding that a node is: a table lookup, or the first contraction on an input."""
    node = analysis[name]
    if node.op in {"embedding", "gather"} and not analysis.is_data(node.inputs[0]):
        return lookup(analysis, name)
    if node.op in {"conv", "linear"}:
        source = node.inputs[0]
        moved = False
        while analysis.op(source) in MOVES or analysis.op(source) in _SELECTIONS:
            moved = moved or analysis.op(source) in {"reshape", "transpose"}
            source = analysis.inputs(source)[0]
        if analysis.op(source) != "input" or not analysis[source].is_float:
            return None
        return _projected(analysis, name, source, moved)
    return None


def _projected(analysis: Analysis, name: str, source: str, moved: bool) -> Embedding | None:
    """A patch, tubelet, frame or linear embedding of a float input."""
    node = analysis[name]
    if node.op == "linear":
        features = analysis[node.inputs[0]].shape[-1]
        patches = moved and len(analysis[source].shape) >= 4
        return Embedding("patch" if patches else "linear", features, node.shape[-1])
    kernel = analysis[node.inputs[1]].shape[2:]
    stride = node.attrs.get("stride", ())
    if node.attrs.get("groups", 1) != 1 or len(kernel) == 1:
        return None
    if tuple(kernel) != stride or max(kernel) == 1:
        return None
    kind = "patch" if len(kernel) == 2 else "tubelet"
    size = kernel[0] if len(set(kernel)) == 1 else list(kernel)
    return Embedding(
        kind, size, node.shape[1], facts={"kernel": list(kernel), "positions": int(np.prod(node.shape[2:]))}
    )


def lookup(analysis: Analysis, name: str) -> Embedding:
    """A table lookup, named by the values of its index."""
    node = analysis[name]
    table = analysis[node.inputs[0]]
    size, width = table.shape[0], node.shape[-1]
    index = node.inputs[-1] if node.op == "embedding" else node.inputs[1]
    kind = "token"
    value = analysis.probes[0].value(index)
    counted = analysis[index].shape[-1:] > (2,) and analysis.is_progression(index)  # any two numbers are in equal steps
    if analysis.cls[index] <= PARAM or counted:
        flat = None if value is None else np.asarray(value).reshape(-1)
        constant = flat is not None and flat.size > 1 and (flat == flat[0]).all()
        kind = "segment" if constant and size <= _FEW else "learned-position"
    if kind == "learned-position" and analysis.cls[node.inputs[0]] == CONST:
        kind = "sinusoidal-position"
    return Embedding(kind, size, width)


def _added_table(analysis: Analysis, op: str, name: str, width: int) -> Embedding | None:
    """A learned or fixed table of positions that is added to the stream (or a learned token put beside it)."""
    node = analysis[name]
    if not node.is_float or not node.shape or node.shape[-1] != width or node.size <= width:
        return None
    if op in {"concat", "mul"}:
        return None
    rows = node.size // width
    if analysis.cls[name] == PARAM:
        return Embedding("learned-position", rows, width)
    if analysis.cls[name] in {CONST, INDEX}:
        value = analysis.probes[0].value(name)
        if value is not None and _sinusoidal(np.asarray(value, dtype=np.float64)):
            return Embedding("sinusoidal-position", _table_rows(analysis, name, width), width)
    return None


def _table_rows(analysis: Analysis, name: str, width: int) -> int | None:
    """Rows of the stored table behind a fixed embedding; None where it is computed for any length."""
    while analysis.op(name) in MOVES or analysis.op(name) == "cast":
        name = analysis.inputs(name)[0]
    return analysis[name].size // width if analysis.op(name) == "const" else None


def _sinusoidal(table: np.ndarray) -> bool:
    """Rows of equal norm, bounded by 1, and not all alike (Vaswani et al. 2017, section 3.5)."""
    rows = table.reshape(-1, table.shape[-1])
    norms = np.linalg.norm(rows, axis=1)
    return bool(
        np.abs(rows).max() <= 1 + 1e-6
        and norms.std() < 1e-3 * max(norms.mean(), 1e-9)
        and np.ptp(rows, axis=0).max() > 0.1
    )
