"""A source as an ONNX file whose nodes carry irgen's region labels: built, exported, read again, labelled."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irgen import building
from irgen.errors import IrgenError
from irgen.ir import facts
from irgen.ir.architecture import Region

if TYPE_CHECKING:
    import onnx

    from irgen.inputs import Inputs
    from irgen.reference.export import Exported
    from irgen.reference.written import Labels

Say = Callable[[str], None]

REGION, LABEL, FACTS = "irgen.region", "irgen.label", "irgen.facts"
"""Keys in the metadata of a node: the id of its innermost region, the labels from the outermost to it, its facts."""


def export(
    source: Any,
    target: str | Path,
    inputs: Inputs = None,
    *,
    full: bool = False,
    weights: bool = True,
    checkpoint: str | Path | None = None,
    timeout: float | None = None,
    trust_remote_code: bool = False,
    say: Say = lambda _: None,
) -> Exported:
    """Write a source as an ONNX file, its axes dynamic where the model lets them, its nodes labelled.

    `source` is a zoo name (its twin; its published size if `full`, or without `weights`), a configuration or a Hugging
    Face id, `package.module:callable`, or a `torch.nn.Module` with `inputs`. `checkpoint` is a folder with safetensors;
    without it weights are random. Without `weights` the file names its tensors and does not hold them. Raises
    `irgen.IrgenError` where the source, the inputs, the checkpoint or the target are wrong, or no exporter takes it.
    """
    from irgen.reference.export import export as written  # noqa: PLC0415 - the command line starts without it

    size = "full" if full or not weights or checkpoint is not None else "twin"
    name, built = building.built_of(
        source,
        inputs,
        say,
        size=size,
        weights=weights and checkpoint is None,
        checkpoint=checkpoint,
        trust_remote_code=trust_remote_code,
    )
    return written(
        built,
        Path(target),
        weights=weights,
        timeout=timeout,
        progress=say,
        labels=lambda path: labels(path, name),
    )


def labels(path: Path, name: str) -> Labels:
    """What recognition says of an ONNX file, for the metadata of its nodes and of the whole.

    A file that irgen cannot read gets no labels but the reason.
    """
    import onnx  # noqa: PLC0415 - heavy

    from irgen import passes, patterns  # noqa: PLC0415
    from irgen.frontends import onnx as reader  # noqa: PLC0415
    from irgen.reference.written import Labels  # noqa: PLC0415

    about = {"irgen.version": version("irgen-arch"), "irgen.source": name}
    try:
        graph = passes.normalise(reader.read(path))
        regions, architecture = patterns.label(graph)
    except IrgenError as error:
        return Labels({}, {**about, "irgen.unlabelled": error.what})
    record = facts.record(architecture, source=name, frontend=graph.frontend)
    places = {node: trail for trail in _trails(regions, ()) for node in trail[-1].nodes}
    named = {graph.provenance[node].name: trail for node, trail in places.items() if node in graph.provenance}
    model = onnx.load(str(path), load_external_data=False)
    trails = _spread(model.graph, named)
    nodes = {value: _entries(trail) for value, trail in trails.items() if trail}
    about["irgen.facts"] = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return Labels(nodes, about)


Trail = tuple[Region, ...]
"""Regions from the outermost to the innermost."""


def _trails(regions: Sequence[Region], above: Trail) -> Iterator[Trail]:
    """Every region behind those that hold it, outer ones first."""
    for region in regions:
        yield (*above, region)
        yield from _trails(region.children, (*above, region))


def _entries(trail: Trail) -> dict[str, str]:
    words = [region.id.rpartition(".")[2] if region.label == "layer" else region.label for region in trail]
    label = " / ".join(
        f"layer {word}" if region.label == "layer" else word for word, region in zip(words, trail, strict=True)
    )
    inner = trail[-1].facts
    entries = {REGION: trail[-1].id, LABEL: label}
    if inner:
        entries[FACTS] = ", ".join(f"{key} {value}" for key, value in inner.items() if value is not None)
    return entries


def _spread(graph: onnx.GraphProto, named: Mapping[str, Trail]) -> dict[str, Trail]:
    """A trail for the outputs of every node: what became part of a canonical operator goes where its readers are.

    A node that is none itself belongs to the deepest region that holds all who read it, else to that of what it reads.
    """
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for value in _reads(node):
            readers.setdefault(value, []).append(node)
    found: dict[str, Trail] = {}
    for node in reversed(graph.node):
        trail = next((named[value] for value in node.output if value in named), None)
        if trail is None:
            below = [found.get(other.output[0], ()) for value in node.output for other in readers.get(value, [])]
            trail = _common(below)
        for value in node.output:
            found[value] = trail
    for node in graph.node:
        if not found[node.output[0]]:
            trail = _common([found[value] for value in node.input if found.get(value)])
            for value in node.output:
                found[value] = trail
    for node in graph.node:
        for inner in _inner(node):
            for value in inner.output:
                found[value] = found[node.output[0]]
    return found


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads, its bodies included."""
    yield from node.input
    for inner in _inner(node):
        yield from inner.input


def _inner(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield inner
                yield from _inner(inner)


def _common(trails: Sequence[Trail]) -> Trail:
    """The regions that hold all of some places."""
    if not trails:
        return ()
    shared: list[Region] = []
    for regions in zip(*trails, strict=False):
        if any(region is not regions[0] for region in regions):
            break
        shared.append(regions[0])
    return tuple(shared)
