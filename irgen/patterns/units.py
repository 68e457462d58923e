"""Blocks without a skip: runs of convolutions or recurrent cells where no residual sum holds the stream.

Where a network has no residual stream its dominators are the spine: nodes through which everything passes. A block is
the smallest interval between them that ends a convolution unit (a depthwise convolution belongs to the pointwise one
behind it, a widening pointwise one to the depthwise one behind it) or that holds parallel branches. A state that is put
beside a far later one of its own size (the skips of a U-Net, Ronneberger et al. 2015) is no way around the spine, and
what leads to other outputs than the deepest one (auxiliary classifiers) hangs beside it.
"""

from __future__ import annotations

from irgen.ir.attrs import integer
from irgen.ir.ops import ELEMENTWISE
from irgen.match.analysis import NORMS, Analysis
from irgen.match.trace import feature_axis
from irgen.patterns.branching import joins_channels, joint_of, skipped
from irgen.patterns.cores import Core
from irgen.patterns.loops import find_loops
from irgen.patterns.residual import Sum
from irgen.patterns.shapes import is_depthwise, is_pointwise

_FOLLOWS = ELEMENTWISE | NORMS | frozenset({"max_pool", "avg_pool", "pad", "pick", "concat", "transpose"})
"""What may stand behind a unit inside its block."""

_POOLS = frozenset({"max_pool", "avg_pool"})
_UNITS = frozenset({"conv", "conv_transposed"})


def find_units(analysis: Analysis, sums: list[Sum]) -> list[Sum]:
    """Blocks outside the residual sums, in order, as sums without a residual."""
    held = set[str]().union(*(s.region for s in sums)) | {s.node for s in sums}
    loose = [n for n in analysis.order if n not in held and analysis.is_data(n) and analysis.op(n) != "input"]
    units = [_recurrent(analysis, n) for n in loose if analysis.op(n) == "rnn"]
    held = set[str]().union(*(unit.region for unit in units))
    for component in _components(analysis, [n for n in loose if n not in held]):
        if any(_is_unit(analysis, n) for n in component):
            units.extend(_spine(analysis, component))
        else:
            units.extend(find_loops(analysis, component))
    return sorted(units, key=lambda unit: analysis.place[unit.node])


def find_attentions(analysis: Analysis, cores: list[Core], sums: list[Sum]) -> list[Sum]:
    """Attention that no residual sum holds, as blocks without a residual from what asks to what it is answered."""
    held = set[str]().union(*(s.region for s in sums))
    blocks: list[Sum] = []
    for core in cores:
        asks = [s.branches[0] for s in sums if analysis.reaches(s.branches[0], core.q)]
        if core.out in held or not asks:
            continue
        root = max(asks, key=analysis.place.__getitem__)
        region = (analysis.between(root, [core.out]) | core.nodes) - held
        block = Sum(core.out, root, core.out, [core.out], region, residual=False)
        block.shape = analysis[core.out].shape
        block.axis = len(block.shape) - 1
        blocks.append(block)
    return blocks


def _recurrent(analysis: Analysis, name: str) -> Sum:
    """A recurrent operator with its results."""
    node = analysis[name]
    results = sorted(analysis.users[name], key=lambda n: integer(analysis[n], "index"))
    block = Sum(name, node.inputs[0], results[0], results[:1], {name, *results}, residual=False)
    block.shape = node.shape
    block.axis = len(block.shape) - 1
    return block


def _components(analysis: Analysis, nodes: list[str]) -> list[list[str]]:
    """Weakly connected sets of nodes, each in order."""
    parent = {n: n for n in nodes}

    def find(n: str) -> str:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for n in nodes:
        for source in analysis.inputs(n):
            if source in parent:
                parent[find(n)] = find(source)
    groups: dict[str, list[str]] = {}
    for n in nodes:
        groups.setdefault(find(n), []).append(n)
    return list(groups.values())


def _spine(analysis: Analysis, component: list[str], *, every_end: bool = False) -> list[Sum]:
    """The blocks of connected nodes: those on the way to their deepest end, then those of towers that join it.

    `every_end`: what leads to other ends than the deepest one stands beside it too (branches of a joint further on).
    """
    main = _on_the_way(analysis, _deepest(analysis, component))
    skips = {c: skipped(analysis, c) for c in main if joins_channels(analysis, c)}
    blocks, rest = _cut(analysis, main, skips)
    joined = _before_joint(analysis, rest)
    if joined and len(joined) < len(component):
        for tower in _components(analysis, joined):
            if any(_is_unit(analysis, n) for n in tower):
                blocks.extend(_spine(analysis, tower, every_end=True))
    if every_end:
        held = set(main)
        for side in _components(analysis, [n for n in component if n not in held]):
            if any(_is_unit(analysis, n) for n in side):
                blocks.extend(_spine(analysis, side, every_end=True))
    return blocks


def _deepest(analysis: Analysis, component: list[str]) -> list[str]:
    """The nodes that lead to the end with most units behind it (the first one of several), in order."""
    inside = set(component)
    ends = [n for n in component if not any(u in inside for u in analysis.users[n])]
    if len(ends) < 2:
        return component
    floor = analysis.place[component[0]]
    cones = [analysis.back(end, floor) & inside for end in ends]
    most = max(cones, key=lambda cone: sum(_is_unit(analysis, n) for n in cone))
    return [n for n in component if n in most]


def _on_the_way(analysis: Analysis, component: list[str]) -> list[str]:
    """The nodes that lead to a unit or come from one; what joins later without either stands beside the spine."""
    inside = set(component)
    floor = analysis.place[component[0]]
    ahead: set[str] = set()
    behind: set[str] = set()
    for name in component:
        if _is_unit(analysis, name) or any(source in behind for source in analysis.inputs(name)):
            behind.add(name)
        if _is_unit(analysis, name):
            ahead |= analysis.back(name, floor) & inside
    return [n for n in component if n in behind or n in ahead]


def _before_joint(analysis: Analysis, rest: list[str]) -> list[str]:
    """What is left of the nodes when the last ones, up to and with the joint of several ways, are taken away."""
    if not rest:
        return []
    inside = set(rest)
    name = rest[-1]
    while True:
        inside.discard(name)
        data = [s for s in dict.fromkeys(analysis.data(name)) if s in inside]
        if len(data) != 1 or len(set(analysis.data(name))) > 1:
            return [n for n in rest if n in inside]
        name = data[0]


def _cut(analysis: Analysis, component: list[str], skips: dict[str, set[str]]) -> tuple[list[Sum], list[str]]:
    """Cut a component at its dominators into blocks that hold at least one unit operator, and what is left behind.

    A block ends at the last dominator before the next unit, so that norms, activations and pools stay with the
    convolution that they follow.
    """
    inside = set(component)
    last = {n: _last_user(analysis, n, inside, skips) for n in component}
    blocks: list[Sum] = []
    start, end, reach = 0, 0, -1
    for i, n in enumerate(component):
        if end > start and _is_unit(analysis, n):
            blocks.append(_block(analysis, component[start:end], skips))
            start = end
        if reach <= analysis.place[n] and _complete(analysis, component[start : i + 1], component[i + 1 :], skips):
            end = i + 1
        reach = max(reach, last[n])
    if end > start:
        blocks.append(_block(analysis, component[start:end], skips))
        start = end
    return blocks, component[start:]


def _last_user(analysis: Analysis, name: str, inside: set[str], skips: dict[str, set[str]]) -> int:
    """The place of the last reader of a node that does not skip over the spine."""
    users = [u for u in analysis.users[name] if u in inside and name not in skips.get(u, ())]
    return max((analysis.place[u] for u in users), default=-1)


def _is_unit(analysis: Analysis, name: str) -> bool:
    """A convolution; not one on a map of a single position (squeeze-and-excitation)."""
    return analysis.op(name) in _UNITS and max(analysis[name].shape[2:], default=2) > 1


def _complete(analysis: Analysis, pending: list[str], rest: list[str], skips: dict[str, set[str]]) -> bool:
    """Whether a block may end here: it has units, none that belongs to the next one, and one state that it reads."""
    units = [n for n in pending if _is_unit(analysis, n)]
    if not units or skips.get(pending[-1]):
        return False
    final = units[-1]
    if any(analysis.op(n) not in _FOLLOWS for n in pending[pending.index(final) + 1 :]):
        return False
    if len(units) > 1 and len(_sources(analysis, _behind_joints(pending, skips))) > 1:
        return False
    if analysis.op(final) != "conv":
        return True
    ahead = [n for n in rest if _is_unit(analysis, n)]
    if not ahead or analysis.op(ahead[0]) != "conv":
        return True
    if is_depthwise(analysis, final):
        return not is_pointwise(analysis, ahead[0])
    if all(is_pointwise(analysis, n) for n in units):
        return not _prepares(analysis, final)
    alone = analysis.single_user(pending[-1]) is not None
    if not alone or any(is_depthwise(analysis, n) for n in units) or joint_of(analysis, pending) is not None:
        return True
    return not is_pointwise(analysis, ahead[0]) or len(ahead) == 1 or _prepares(analysis, ahead[0])


def _prepares(analysis: Analysis, name: str) -> bool:
    """Whether a convolution at the positions that a pointwise one gives looks beyond one of them."""
    stack, seen = [name], set[str]()
    while stack:
        for user in analysis.users[stack.pop()]:
            if user in seen:
                continue
            seen.add(user)
            if analysis.op(user) == "conv" and not is_pointwise(analysis, user):
                return True
            if analysis.op(user) in _FOLLOWS - _POOLS:
                stack.append(user)
    return False


def _sources(analysis: Analysis, nodes: list[str]) -> list[str]:
    """The hidden states outside that nodes read, in order."""
    inside = set(nodes)
    return list(dict.fromkeys(s for n in nodes for s in analysis.data(n) if s not in inside))


def _behind_joints(nodes: list[str], skips: dict[str, set[str]]) -> list[str]:
    """The nodes behind the last joint with a state that skipped over the spine."""
    joints = [i for i, n in enumerate(nodes) if skips.get(n)]
    return nodes[joints[-1] + 1 :] if joints else nodes


def _block(analysis: Analysis, nodes: list[str], skips: dict[str, set[str]]) -> Sum:
    nodes = _behind_projections(analysis, _behind_joints(nodes, skips))
    out = nodes[-1]
    sources = _sources(analysis, nodes)
    units = [n for n in nodes if _is_unit(analysis, n)]
    block = Sum(out, sources[0] if sources else nodes[0], out, [out], set(nodes), residual=False)
    block.shape = analysis[joint_of(analysis, nodes) or units[-1]].shape
    block.axis = feature_axis(analysis[units[-1]])
    return block


def _behind_projections(analysis: Analysis, nodes: list[str]) -> list[str]:
    """The nodes behind the last projection or look-up in front of the first unit, which are what feeds the block."""
    first = next(i for i, n in enumerate(nodes) if _is_unit(analysis, n))
    feeding = [i for i, n in enumerate(nodes[:first]) if analysis.op(n) in {"linear", "embedding", "gather"}]
    return nodes[feeding[-1] + 1 :] if feeding else nodes
