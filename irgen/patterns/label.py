"""The story of recognition: cores, residual sums, branches, layers, stacks, entry, head, regions, architecture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from irgen.ir.architecture import Architecture, Embedding, Head, Part, Port, Region, Stack
from irgen.ir.graph import Graph, Provenance
from irgen.match.analysis import Analysis
from irgen.match.pattern import Branch, Pattern, classify
from irgen.patterns import bare
from irgen.patterns.auxiliary import find_auxiliary, goes_on
from irgen.patterns.auxiliary import regions_of as auxiliary_regions
from irgen.patterns.branching import joint_of
from irgen.patterns.cores import Core, find_cores
from irgen.patterns.decoding import find_dequantizer
from irgen.patterns.family import family_of
from irgen.patterns.graph_embeddings import name_graph_embeddings
from irgen.patterns.head import behind_last_sum, find_head, parts_of
from irgen.patterns.layers import Sublayer, carried_norms, form_of
from irgen.patterns.links import find_skips, give_codes, hand_back, links_of, pyramid_links
from irgen.patterns.objective import find_objective, region_of
from irgen.patterns.parameters import weight_size
from irgen.patterns.reads import connect
from irgen.patterns.regions import build_regions
from irgen.patterns.residual import find_sums
from irgen.patterns.roles import assign_names, assign_roles
from irgen.patterns.runs import Run, build_runs, merge_codecs
from irgen.patterns.space import name_towers
from irgen.patterns.stacks import to_stack
from irgen.patterns.sums import Sum
from irgen.patterns.units import find_attentions, find_units

_SILENT = frozenset(
    {"input", "param", "const", "arange", "full", "reshape", "transpose", "expand", "slice", "cast", "concat", "pick"}
)
"""Operators that are not counted as unknown: they move or hold, they do not compute."""


def recognise(graph: Graph, patterns: list[Pattern]) -> tuple[list[Region], Architecture]:
    """Label a canonical graph: its regions and its architecture."""
    analysis = Analysis(graph)
    cores, _ = find_cores(analysis)
    sums = find_sums(analysis, frozenset(n for core in cores for n in core.nodes))
    marks: dict[str, list[object]] = {}
    attentions = {core.out: core for core in cores}
    known = Known(marks, attentions, carried_norms(analysis, sums))
    sublayers = _sublayers(analysis, sums, cores, patterns, known)
    runs = build_runs(analysis, sublayers)
    connect(analysis, runs)
    assign_roles(analysis, runs)
    name_towers(analysis, runs)
    for run in runs:
        for s in run.sublayers:
            run.parts[s.sum.node] = _parts(analysis, s)
    runs = merge_codecs(runs)
    assign_names(runs)
    skips = find_skips(analysis, runs)
    name_graph_embeddings(analysis, runs, cores)
    embeddings, reads = _embeddings(analysis, runs)
    loose = bare.find_tables(analysis) if not runs else dict[str, Embedding]()
    embeddings = embeddings or bare.distinct(loose)
    aim = find_objective(analysis)
    tables = {
        analysis[n].inputs[0]
        for run in runs
        for n, e in run.entry.embeddings.items()
        if e.kind in {"token", "codebook"} and analysis.op(n) in {"embedding", "gather"}
    }
    marked = [n for run in runs for n in run.nodes]
    head, stem, head_nodes, after = find_head(analysis, marked, tables)
    stacks = [to_stack(analysis, run) for run in runs]
    for run, stack in zip(runs, stacks, strict=True):
        stack.reads = reads[run.name]
        if stem in run.nodes:
            stack.after = after[1:] if _ends_in_norm(run) and after and after[0].kind == "norm" else after
            head.reads = stack.name
    hand_back(analysis, runs, stacks)
    give_codes(runs, stacks)
    exits = _exits(analysis, runs, stacks)
    if stem is not None:
        exits |= _ends(analysis, runs, stacks, stem)
    head_nodes |= _decode(analysis, head, head_nodes)
    side = find_auxiliary(analysis, runs, stem, tables) if stem is not None else []
    rest = (
        set[str]().union(*(behind_last_sum(analysis, o, set(marked))[0] for o in graph.outputs))
        if marked
        else set[str]()
    )
    if not marked and head.kind == "none":
        head_nodes = set[str]()
    if not marked and aim is not None:
        head, head_nodes = Head("none", None, None, parts=[]), set[str]()
    head_nodes -= set(loose)
    beside = set[str]().union(*(nodes for _, nodes in side))
    regions = [*bare.regions_of(loose), *build_regions(analysis, runs, (head_nodes | exits | rest) - beside)]
    regions += auxiliary_regions(side, analysis)
    if aim is not None:
        regions.append(region_of(analysis, *aim, regions))
    total = _total(graph)
    unknown = _unknown(analysis, regions)
    found = Architecture(
        family=family_of(analysis, runs, embeddings),
        total=total,
        active=total - _idle(runs),
        embedding_parameters=_table_size(analysis, runs) + bare.size_of(analysis, loose),
        inputs=_ports(graph, graph.inputs, [graph.provenance.get(n, Provenance()).name for n in graph.inputs]),
        outputs=_ports(graph, graph.outputs, graph.output_names),
        embeddings=embeddings,
        stacks=stacks,
        links=[*skips, *links_of(analysis, runs), *pyramid_links(analysis, runs, graph.outputs)],
        head=head,
        unknown=unknown,
        findings=list(graph.findings),
        auxiliary=[head for head, _ in side],
        objective=aim[0] if aim is not None else None,
    )
    return regions, found


def _decode(analysis: Analysis, head: Head, nodes: set[str]) -> set[str]:
    """Let a head that is followed by a way from tokens back to values have it as its last part; its nodes."""
    values = find_dequantizer(analysis, nodes)
    if values is None:
        return set()
    head.parts.append(values[0])
    return values[1]


@dataclass(frozen=True, slots=True)
class Known:
    """What passes over the whole graph have found before its branches are looked at."""

    marks: dict[str, list[object]]
    attentions: dict[str, Core]
    carried: frozenset[str]


def _sublayers(
    analysis: Analysis, sums: list[Sum], cores: list[Core], patterns: list[Pattern], known: Known
) -> list[Sublayer]:
    """What each residual sum adds, and the blocks without a residual where no attention is among the sums."""
    sublayers = _own_layers(analysis, [_sublayer(analysis, s, patterns, known) for s in sums])
    if not all(_is_spatial(s) for s in sublayers) or (cores and sublayers):
        return sublayers
    blocks = find_units(analysis, sums)
    blocks += find_attentions(analysis, cores, blocks)
    return _with_units(analysis, sublayers, [_sublayer(analysis, s, patterns, known) for s in blocks])


def _own_layers(analysis: Analysis, sublayers: list[Sublayer]) -> list[Sublayer]:
    """Without the sums that nothing explains and that only what is explained reads: states that routers hand on."""
    unknown = [s for s in sublayers if not s.found]
    if not unknown:
        return sublayers
    explained = {n for s in sublayers for f, _ in s.found for n in f.nodes}
    within = explained.union(*(s.sum.region | {s.sum.node} for s in unknown))
    inner = {
        s.sum.node
        for s in unknown
        if any(u in explained for u in analysis.users[s.sum.node])
        and s.sum.node not in analysis.outputs
        and all(u in within for u in analysis.users[s.sum.node])
    }
    return [s for s in sublayers if s.sum.node not in inner]


def _sublayer(analysis: Analysis, s: Sum, patterns: list[Pattern], known: Known) -> Sublayer:
    inside = analysis.between(s.reads, s.leaves) if s.exits else s.region
    axis = len(analysis[s.leaves[0]].shape) - 1 if s.exits else s.axis
    trunk = None if s.exits else s.trunk
    branch = Branch(analysis, s.reads, s.leaves, inside, axis, trunk, known.marks, attentions=known.attentions)
    found, rejected = classify(branch, patterns)
    form, norm, norms = form_of(analysis, s, found, known.carried)
    left = s.region - branch.claimed
    ops = Counter(analysis.op(n) for n in left if analysis.is_data(n) and analysis.op(n) not in _SILENT)
    return Sublayer(s, found, rejected, form, norm, norms, dict(sorted(ops.items())))


def _ends_in_norm(run: Run) -> bool:
    """Whether the norm behind the last sum belongs to the last layer."""
    return run.sublayers[-1].form == "post-norm"


def _exits(analysis: Analysis, runs: list[Run], stacks: list[Stack]) -> set[str]:
    """Give stacks that others read as memory the parts between their last layer and the readers' projections."""
    marked = {n for run in runs for n in run.nodes}
    held: set[str] = set()
    for run, stack in zip(runs, stacks, strict=True):
        if stack.after:
            continue
        for s in (s for other in runs if run in other.memories for s in other.sublayers):
            nodes = {
                n for f, _ in s.found if f.memory for n in _behind_memory(analysis, f.memory, f.nodes, marked, run)
            }
            if nodes:
                parts = [p for _, p in parts_of(analysis, nodes)]
                stack.after = parts[1:] if _ends_in_norm(run) and parts and parts[0].kind == "norm" else parts
                held |= nodes
                break
    return held


def _ends(analysis: Analysis, runs: list[Run], stacks: list[Stack], stem: str) -> set[str]:
    """Give stacks that lead to an output of their own, beside that of the head (behind `stem`), the parts up to it."""
    owner = {n: at for at, run in enumerate(runs) for n in run.nodes}
    held: set[str] = set()
    for output in analysis.graph.outputs:
        nodes, reads = behind_last_sum(analysis, output, set(owner)) if analysis[output].is_float else (held, held)
        ends = {owner[n] for n in reads}
        if len(ends) != 1 or stacks[at := ends.pop()].after or stem in runs[at].nodes:
            continue
        if any(goes_on(runs[at], runs, n) for n in reads):
            continue
        parts = [p for _, p in parts_of(analysis, nodes)]
        stacks[at].after = parts[1:] if _ends_in_norm(runs[at]) and parts and parts[0].kind == "norm" else parts
        held |= nodes
    return held


def _behind_memory(analysis: Analysis, memory: str, own: set[str], marked: set[str], run: Run) -> set[str]:
    """The nodes from a stack's last sum to the projections of a cross-attention that reads it."""
    nodes, reads = behind_last_sum(analysis, memory, marked)
    return nodes - own if reads & set(run.nodes) else set()


def _is_spatial(s: Sublayer) -> bool:
    """Whether a sublayer is a convolution or a recurrent cell (or nothing known)."""
    return {f.label for f, _ in s.found} <= {"convolution", "rnn", "pooling"}


def _with_units(analysis: Analysis, sublayers: list[Sublayer], units: list[Sublayer]) -> list[Sublayer]:
    """Blocks without a skip join the residual ones where they are of the same make; they stand alone where none is."""
    makes = {_make(s) for s in sublayers}
    joined = [*sublayers, *(u for u in units if u.found and (not sublayers or _make(u) in makes))]
    joined.sort(key=lambda s: analysis.place[s.sum.node])
    for one, other in pairwise(joined):
        follows = other.sum.before is None and analysis.reaches(one.sum.node, other.sum.node)
        grows = _is_joined(analysis, one) and _is_joined(analysis, other)
        if follows and one.sum.tokens == other.sum.tokens and (grows or one.sum.width == other.sum.width):
            other.sum.before = one.sum.node
    return joined


def _is_joined(analysis: Analysis, s: Sublayer) -> bool:
    """Whether a block without a skip ends in branches put side by side, so that the width grows from block to block."""
    return not s.sum.residual and joint_of(analysis, s.sum.region) is not None


def _make(s: Sublayer) -> tuple[object, ...]:
    """What a convolutional block is made of, apart from its sizes."""
    made: list[tuple[object, ...]] = []
    for f, _ in s.found:
        variant, kernel = f.facts.get("variant"), tuple(f.facts.get("kernel") or ())
        apart = variant in {"depthwise", "inverted-residual"}
        many = len(f.evidence[0].nodes) if f.evidence else 1
        made.append((f.label, "depthwise") if apart else (f.label, variant, kernel, many))
    return tuple(made)


def _parts(analysis: Analysis, s: Sublayer) -> list[Part]:
    """The sublayers of one sum, as the record shows them."""
    if not s.found:
        return [Part("unknown", {"ops": s.ops}, s.sum.node, weight_size(analysis, s.sum.region), s.form)]
    return [
        Part(
            f.label,
            {k: v for k, v in f.facts.items() if k != "idle"},
            f"{s.sum.node}.{i}",
            weight_size(analysis, f.nodes),
            s.form,
        )
        for i, (f, _) in enumerate(s.found)
    ]


def _embeddings(analysis: Analysis, runs: list[Run]) -> tuple[list[Embedding], dict[str, list[str]]]:
    """All embeddings in order, each once, and for each stack what it reads."""
    order: dict[str, Embedding] = {}
    for run in runs:
        for name in sorted(run.entry.embeddings, key=analysis.place.__getitem__):
            order.setdefault(name, run.entry.embeddings[name])
    kept: list[Embedding] = []
    index: dict[str, int] = {}
    known: dict[tuple[object, ...], int] = {}
    for name, embedding in order.items():
        table = analysis[name].inputs[0] if analysis[name].inputs else name
        key = (table, embedding.kind, repr(embedding.size))
        if key not in known:
            known[key] = len(kept)
            kept.append(embedding)
        index[name] = known[key]
    inputs = {n: i for i, n in enumerate(analysis.graph.inputs)}
    for name in order:
        behind = (
            [i for n, i in inputs.items() if n in analysis.back(name, 0)]
            if analysis.op(name) not in {"param", "const"}
            else []
        )
        if kept[index[name]].input is None and behind:
            kept[index[name]].input = behind[0]
    reads = {
        run.name: [
            *dict.fromkeys(
                f"embedding:{index[n]}" for n in sorted(run.entry.embeddings, key=analysis.place.__getitem__)
            ),
            *(r.name for r in run.reads),
            *(f"input:{inputs[n]}" for n in run.entry.inputs),
        ]
        for run in runs
    }
    return kept, reads


def _table_size(analysis: Analysis, runs: list[Run]) -> int:
    """Learned numbers in the tables of the embeddings."""
    tables: set[str] = set()
    for run in runs:
        for name, embedding in run.entry.embeddings.items():
            if embedding.kind not in {"patch", "tubelet", "linear", "frame", "sinusoidal-position"}:
                node = analysis[name]
                tables.add(node.inputs[0] if node.op in {"embedding", "gather"} else name)
    return weight_size(analysis, tables)


def _idle(runs: list[Run]) -> int:
    """Learned numbers of routed experts that a token does not pass."""
    return sum(int(f.facts.pop("idle", 0) or 0) for run in runs for s in run.sublayers for f, _ in s.found)


def _total(graph: Graph) -> int:
    declared = getattr(graph, "parameters", None)
    if isinstance(declared, int):
        return declared
    return sum(max(node.size, 0) for node in graph if node.op == "param")


def _ports(graph: Graph, names: list[str], words: list[str]) -> list[Port]:
    ports: list[Port] = []
    for i, name in enumerate(names):
        node = graph[name]
        word = words[i] if i < len(words) and words[i] else f"{'input' if node.op == 'input' else 'output'}_{i}"
        ports.append(Port(word, node.dtype, node.tensor.dims))
    return ports


def _unknown(analysis: Analysis, regions: list[Region]) -> dict[str, int]:
    """The operators that compute on hidden states and lie in no region but the model."""
    held: set[str] = set()
    stack = list(regions)
    while stack:
        region = stack.pop()
        stack.extend(region.children)
        if region.label not in {"model"}:
            held.update(region.nodes)
    loose = Counter(
        analysis.op(n)
        for n in analysis.order
        if n not in held and analysis.is_data(n) and analysis.op(n) not in _SILENT
    )
    return dict(sorted(loose.items()))
