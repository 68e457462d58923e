"""The story of recognition: cores, residual sums, branches, layers, stacks, entry, head, regions, architecture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from irgen.ir.architecture import Architecture, Embedding, Head, Link, Port, Region, Stack
from irgen.ir.graph import Graph, Provenance
from irgen.match.analysis import Analysis
from irgen.match.pattern import Pattern
from irgen.patterns import bare
from irgen.patterns.auxiliary import find_auxiliary
from irgen.patterns.auxiliary import regions_of as auxiliary_regions
from irgen.patterns.cores import find_cores
from irgen.patterns.exits import decode, memory_exits, output_exits, own_parts
from irgen.patterns.family import family_of
from irgen.patterns.graph_embeddings import name_graph_embeddings
from irgen.patterns.head import behind_last_sum, find_head
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
from irgen.patterns.sublayers import SILENT, find_sublayers, parts_of_sum


def recognise(graph: Graph, patterns: list[Pattern]) -> tuple[list[Region], Architecture]:
    """Label a canonical graph: its regions and its architecture."""
    analysis = Analysis(graph)
    runs, skips = _find_runs(analysis, patterns)
    embeddings, reads = _embeddings(analysis, runs)
    loose = bare.find_tables(analysis) if not runs else dict[str, Embedding]()
    embeddings = embeddings or bare.distinct(loose)
    aim = find_objective(analysis)
    ends = _find_ends(analysis, runs, reads, with_aim=aim is not None)
    regions = [*bare.regions_of(loose), *build_regions(analysis, runs, ends.nodes - set(loose))]
    regions += auxiliary_regions(ends.side, analysis)
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
        stacks=ends.stacks,
        links=[*skips, *links_of(analysis, runs), *pyramid_links(analysis, runs, graph.outputs)],
        head=ends.head,
        unknown=unknown,
        findings=list(graph.findings),
        auxiliary=[head for head, _ in ends.side],
        objective=aim[0] if aim is not None else None,
    )
    return regions, found


def _find_runs(analysis: Analysis, patterns: list[Pattern]) -> tuple[list[Run], list[Link]]:
    """The stacks in the making with roles, names and parts, and the links that skip over some of them."""
    cores, _ = find_cores(analysis)
    sums = find_sums(analysis, frozenset(n for core in cores for n in core.nodes))
    runs = build_runs(analysis, find_sublayers(analysis, sums, cores, patterns))
    connect(analysis, runs)
    assign_roles(analysis, runs)
    name_towers(analysis, runs)
    for run in runs:
        for s in run.sublayers:
            run.parts[s.sum.node] = parts_of_sum(analysis, s)
    runs = merge_codecs(runs)
    assign_names(runs)
    skips = find_skips(analysis, runs)
    name_graph_embeddings(analysis, runs, cores)
    return runs, skips


@dataclass(slots=True)
class _Ends:
    """The head and the heads on the side, the stacks with what stands behind them, and all nodes of the ends."""

    head: Head
    stacks: list[Stack]
    side: list[tuple[Head, set[str]]]
    nodes: set[str]


def _find_ends(analysis: Analysis, runs: list[Run], reads: dict[str, list[str]], *, with_aim: bool) -> _Ends:
    """What stands behind the last layers. With an aim (a loss), a model without layers has no head."""
    tables = {
        analysis[n].inputs[0]
        for run in runs
        for n, e in run.entry.embeddings.items()
        if e.kind in {"token", "codebook"} and analysis.op(n) in {"embedding", "gather"}
    }
    marked = [n for run in runs for n in run.nodes]
    head, stem, nodes, after = find_head(analysis, marked, tables)
    stacks = [to_stack(analysis, run) for run in runs]
    for run, stack in zip(runs, stacks, strict=True):
        stack.reads = reads[run.name]
        if stem in run.nodes:
            stack.after = own_parts(run, after)
            head.reads = stack.name
    hand_back(analysis, runs, stacks)
    give_codes(runs, stacks)
    nodes |= decode(analysis, head, nodes)
    side: list[tuple[Head, set[str]]] = []
    if not marked:
        if with_aim:
            head = Head("none", None, None, parts=[])
        return _Ends(head, stacks, side, set() if head.kind == "none" else nodes)
    nodes |= memory_exits(analysis, runs, stacks)
    if stem is not None:
        nodes |= output_exits(analysis, runs, stacks, stem)
        side = find_auxiliary(analysis, runs, stem, tables)
    for output in analysis.graph.outputs:
        nodes |= behind_last_sum(analysis, output, set(marked))[0]
    return _Ends(head, stacks, side, nodes - set[str]().union(*(held for _, held in side)))


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
        analysis.op(n) for n in analysis.order if n not in held and analysis.is_data(n) and analysis.op(n) not in SILENT
    )
    return dict(sorted(loose.items()))
