"""Attention in a branch: self-attention where the keys read the branch's own stream, else cross-attention."""

from __future__ import annotations

import numpy as np

from irgen.ir.architecture import Evidence
from irgen.ir.ops import CONTRACTIONS, ELEMENTWISE, MOVES
from irgen.match.analysis import HEAVY, NORMS, Analysis
from irgen.match.masks import classify
from irgen.match.pattern import Branch, Finding, Pattern, Refusal
from irgen.patterns.attention import describe, variant_of
from irgen.patterns.cores import Core
from irgen.patterns.pairs import asks_for_all, seen_pairs
from irgen.patterns.sums import stream_pieces

_POOLS = frozenset({"max_pool", "avg_pool", "adaptive_pool"})
_TO_STREAM = frozenset({"linear", "slice"}) | NORMS
_TO_PROJECTION = MOVES | ELEMENTWISE | NORMS | {"pick"}


def prove(branch: Branch) -> list[Finding] | Refusal:
    """Every core of the branch, with the projections in front of it and behind it."""
    analysis = branch.analysis
    known = branch.attentions
    outs = sorted((n for n in branch.region if n in known), key=analysis.place.__getitem__)
    cores = [core for n in outs if isinstance(core := known[n], Core)]
    if not cores:
        return Refusal("no softmax over a product of two streams whose rows weigh a third lies in the branch")
    pieces = _of_pieces(branch, cores)
    if pieces is not None:
        return [pieces]
    seen: dict[str, Finding] = {}
    split: dict[str, list[Core]] = {}
    for core in cores:
        finding = _finding(branch, analysis, core)
        same = next((f for f in seen.values() if f.label == finding.label and _alike(f, finding)), None)
        if same is None:
            seen[core.out] = finding
        else:
            same.nodes |= finding.nodes
            if _side_by_side(analysis, same.ports["out"], core.out):
                split.setdefault(same.ports["out"], []).append(core)
    for out, parts in split.items():
        _joined(analysis, seen[out], parts)
    return list(seen.values())


_PIECES = 64
"""More cores than this in one branch are not followed pair by pair."""


def _of_pieces(branch: Branch, cores: list[Core]) -> Finding | None:
    """One attention whose queries are asked for in pieces (first, middle and last blocks, chunks), a core each."""
    analysis, root = branch.analysis, branch.root
    if root is None or not 1 < len(cores) <= _PIECES or len(analysis[root].shape) != 3:
        return None
    if len({analysis[core.softmax].shape[-2:] for core in cores}) == 1 and len(cores) == 2:
        return None  # two of a kind: differential attention, or content and positions
    if all(asks_for_all(analysis, core, root) for core in cores):
        return None
    kept = [keep for core in cores if (keep := seen_pairs(analysis, core, root)) is not None]
    asked = [keep.any(axis=1) for keep in kept]
    whole = sum(bool(rows.all()) for rows in asked)  # one core may ask for all and others ask again for a few
    if len(kept) < len(cores) or whole > 1 or not np.any(asked, axis=0).all():
        return None
    found = [_finding(branch, analysis, core) for core in cores]
    first = max(found, key=lambda f: str(f.facts["variant"] == "mha"))
    if any(f.label != "self-attention" or f.facts["heads"] != first.facts["heads"] for f in found):
        return None
    mask = classify(np.any(kept, axis=0))
    first.facts.update(mask=mask.kind, window=mask.window, axis="sequence")
    first.evidence.append(Evidence("mask", f"{len(cores)} cores, a piece of the queries each: {mask.check}", ()))
    first.nodes = set[str]().union(*(f.nodes for f in found))
    first.causal = mask.causal
    return first


def _side_by_side(analysis: Analysis, one: str, other: str) -> bool:
    """Whether the outputs of two cores are put beside one another, feature by feature."""

    def concats(name: str) -> set[str]:
        found: set[str] = set()
        front = [name]
        for _ in range(6):
            front = [u for n in front for u in analysis.users[n] if analysis.op(u) in MOVES]
            found.update(n for n in front if analysis.op(n) == "concat")
        return found

    return bool(concats(one) & concats(other))


def _joined(analysis: Analysis, finding: Finding, parts: list[Core]) -> None:
    """Heads that are computed one after another are heads of one attention."""
    none: frozenset[tuple[str, int]] = frozenset()
    first_queries, first_keys = finding.heads or (none, none)
    queries, keys = set(first_queries), set(first_keys)
    for core in parts:
        found = describe(analysis, core, None)
        queries |= found.query_heads
        keys |= found.key_heads
    if queries and keys:
        facts = finding.facts
        facts["heads"], facts["kv_heads"] = len(queries), len(keys)
        facts["variant"] = variant_of(len(queries), len(keys))


def _alike(one: Finding, other: Finding) -> bool:
    """Two cores of one attention (content split over branches, differential attention): same facts, same stream."""
    return one.facts == other.facts and one.memory == other.memory


def _finding(branch: Branch, analysis: Analysis, core: Core) -> Finding:
    root = branch.root
    found = describe(analysis, core, root, branch.trunk)
    own_key = root is not None and _depends(branch, core.k, root)
    own_query = root is not None and _depends(branch, core.q, root)
    foreign = _foreign(analysis, branch, core)
    joined = found.seen.joined and foreign is not None
    cross = root is not None and (own_key != own_query or (own_key and joined))
    before = analysis.back(core.out, analysis.place[root]) if root is not None else set(core.nodes)
    nodes = (before & branch.region) | found.nodes | _projection(branch, core.out)
    nodes |= _own_context(analysis, nodes, root)
    label = "cross-attention" if cross else "self-attention"
    memory = (foreign or core.k) if cross else None
    if memory is not None and root is not None and _same_stream(analysis, memory, root):
        label, memory = "self-attention", None
    if cross and own_key and not own_query:
        memory = core.q
    ports = {**found.ports, "x": root or core.q}
    heads = (found.query_heads, found.key_heads)
    return Finding(label, found.facts, nodes, ports, found.evidence, found.seen.mask.causal, memory, heads)


def _depends(branch: Branch, name: str, root: str) -> bool:
    """Whether a node is computed from the root inside the branch: not by the way of another stream."""
    seen, stack = {name}, [name]
    while stack:
        at = stack.pop()
        if at == root:
            return True
        if at in branch.region:
            fresh = [source for source in branch.analysis.inputs(at) if source not in seen]
            seen.update(fresh)
            stack.extend(fresh)
    return False


def _same_stream(analysis: Analysis, memory: str, root: str) -> bool:
    """Whether the keys read the very stream that the queries were pooled from."""
    for name in analysis.walk(memory, lambda node: node.op in _TO_STREAM):
        if analysis.reaches(name, root):
            between = analysis.between(name, [root])
            if not any(analysis.op(n) in HEAVY - _POOLS for n in between | {root}):
                return True
    return False


def _own_context(analysis: Analysis, nodes: set[str], root: str | None) -> set[str]:
    """Norms and views in front of the projections that nothing else reads (a norm of the memory, layer by layer)."""
    found: set[str] = set()
    stack = [s for n in nodes for s in analysis.data(n) if s not in nodes]
    while stack:
        name = stack.pop()
        taken = nodes | found
        if name == root or name in taken or any(u not in taken for u in analysis.users[name]):
            continue
        is_exit = analysis.op(name) in NORMS and analysis.op(analysis[name].inputs[0]) == "add"
        if analysis.op(name) in MOVES | NORMS and not is_exit:
            found.add(name)
            stack.extend(analysis.data(name))
    return found


def _foreign(analysis: Analysis, branch: Branch, core: Core) -> str | None:
    """A hidden state from outside the branch that is joined to the keys' tokens (image tokens beside latents)."""
    own = stream_pieces(analysis, branch.trunk) if branch.trunk else set[str]()
    for name in (
        sorted(analysis.back(core.k, analysis.place[branch.root]) & branch.region, key=analysis.place.__getitem__)
        if branch.root
        else []
    ):
        if analysis.op(name) == "concat":
            for source in analysis.data(name):
                if (
                    source not in branch.region
                    and source != branch.root
                    and analysis.live(source)
                    and not _cached(analysis, source)
                    and not stream_pieces(analysis, source) <= own
                ):
                    return source
    return None


def _cached(analysis: Analysis, name: str) -> bool:
    """Whether a hidden state comes from an input by views alone (a cache of keys or values)."""
    while analysis.op(name) in MOVES or analysis.op(name) == "cast":
        name = analysis.inputs(name)[0]
    return analysis.op(name) == "input"


def _projection(branch: Branch, out: str) -> set[str]:
    """The nodes from a core's output to the first contraction behind it (the output projection)."""
    analysis = branch.analysis
    own = {out}
    front = [out]
    for _ in range(24):
        after = [u for n in front for u in analysis.users[n] if u in branch.region and u not in own]
        if not after:
            return own
        own.update(after)
        if any(analysis.op(u) in CONTRACTIONS for u in after):
            return own
        front = [u for u in after if analysis.op(u) in _TO_PROJECTION]
    return own


PATTERN = Pattern(label="self-attention", prove=prove, mixes=True)
