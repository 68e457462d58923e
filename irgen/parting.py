"""Where PyTorch and an ONNX file part, in the words of the figure: both sides traced, paired, searched and named."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irgen import files, passes, patterns, renderers, views
from irgen.errors import IrgenError, OutputError
from irgen.ir import facts
from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.scene import Scene
from irgen.source import Built
from irgen.views import parted

if TYPE_CHECKING:
    from irgen.reference.cases import Case
    from irgen.reference.divergence import Divergence
    from irgen.reference.ports import Ports

Say = Callable[[str], None]


@dataclass(frozen=True)
class Parting:
    """The place where the runs part: a region of the figure, an operator, a line of source, and the proof.

    `region` is the innermost labelled region (`None` outside of all), `path` those around it, outermost first.
    `surplus` names regions that the file computes in whole where PyTorch's part has none of the kind.
    """

    case: str
    region: Region | None
    path: tuple[str, ...]
    operator: str
    module: str
    line: str
    surplus: tuple[str, ...]
    divergence: Divergence
    graph: Graph
    regions: tuple[Region, ...]
    architecture: Architecture

    @property
    def name(self) -> str:
        """The region by its id and label."""
        if self.region is None:
            return "outside of every labelled region"
        return f"{self.region.id} ({self.region.label})"

    def scene(self, title: str, *, lang: str = "en", width: int = 720) -> Scene:
        """The overview of the model with a ring around the place."""
        said = f"{self.case}: the runs part in {self.name}"
        scene = views.draw(
            "overview", self.architecture, self.regions, self.graph, title=title, note=said, lang=lang, width=width
        )
        scene.desc = f"{scene.desc} {said}."
        if self.region is None:
            return scene
        stack = next((one for one in self.regions if one.id in self.path[:1]), None)
        layers = [child for child in stack.children if child.label == "layer"] if stack else []
        at = next((i for i, one in enumerate(layers) if one.id in self.path), None)
        alike = [one for one in layers[at].children if one.label == self.region.label] if at is not None else []
        nth = next((i for i, one in enumerate(alike) if one.id == self.region.id), 0)
        parted.ring(
            scene, self.architecture, label=self.region.label, stack=stack.id if stack else "", layer=at, nth=nth
        )
        return scene

    def draw(self, path: str | Path, title: str, *, theme: str = "light", lang: str = "en") -> bytes:
        """Write the overview with the place ringed; the suffix says the format. Raises `OutputError`."""
        target = Path(path)
        content = renderers.render(self.scene(title, lang=lang), target.suffix.lower(), theme)
        files.write(target, content)
        return content

    def save(self, folder: str | Path) -> tuple[Path, Path]:
        """Write the part that is wrong as `part.onnx`, and its inputs and PyTorch's values as `part.npz`.

        In the latter, `expected/NAME` is what the output NAME should be. Raises `OutputError`.
        """
        import numpy as np  # noqa: PLC0415 - the command line starts without it

        room = Path(folder)
        try:
            room.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the folder cannot be made: {error.strerror}", at=str(room)) from error
        model, data = room / "part.onnx", room / "part.npz"
        files.write(model, self.divergence.model)
        held = io.BytesIO()
        expected = {f"expected/{name}": value for name, value in self.divergence.expected.items()}
        arrays: dict[str, Any] = {**self.divergence.inputs, **expected}
        np.savez_compressed(held, **arrays)
        files.write(data, held.getvalue())
        return model, data


def locate(
    built: Built,
    file: Path,
    case: Case,
    ports: Ports,
    output: str,
    value: str,
    precision: str,
    *,
    optimised: bool,
    say: Say,
) -> Parting | None:
    """The place where a result goes wrong on a case; None where the two sides cannot be brought side by side.

    `output` is the wrong result's name in PyTorch and `value` in the file; `ports` says which input is which.
    """
    from irgen.frontends import onnx, torch_live, torch_replay  # noqa: PLC0415 - loads torch
    from irgen.frontends.torch_lower import lower_with_tensors  # noqa: PLC0415
    from irgen.reference import coarse, extract, pairing, precise  # noqa: PLC0415
    from irgen.reference import precision as kinds  # noqa: PLC0415
    from irgen.reference.divergence import Search  # noqa: PLC0415
    from irgen.reference.runs import Output, array  # noqa: PLC0415

    say("tracing both sides")
    model = kinds.load(file)
    feeds = ports.feeds(case.inputs)
    try:
        record = torch_live.record(built.module, (), case.inputs)
        graph, tensors = lower_with_tensors(record, "torch-live")
        shapes = {name: value.shape for name, value in feeds.items()}
        theirs, names, weights = onnx.read_with_names(file, sizes=extract.sizes(model, shapes))
    except IrgenError:
        return None
    canonical, other = passes.normalise(graph), passes.normalise(theirs)
    held = {
        name: pairing.fingerprint(array(record.leaves[ref].tensor).values)
        for name, ref in tensors.items()
        if name in canonical and canonical[name].op == "param"
    }
    ours = pairing.Side(canonical, held)
    file_side = pairing.Side(other, {name: pairing.fingerprint(value) for name, value in weights})
    made = {name for node in model.graph.node for name in node.output}
    reordered = ours.reordered
    pairs = {
        a: names[b]
        for a, b in pairing.paired(ours, file_side).items()
        if a in tensors and names.get(b) in made and a in ours.trained and a not in reordered and canonical[a].is_float
    }

    def values(nodes: Sequence[str], double: bool) -> list[Output]:
        wanted = [tensors[node] for node in nodes]
        if not double:
            with coarse.rounded(built.module, precision):
                return [array(value) for value in torch_replay.values(record, case.inputs, wanted)]
        given = {k: v.double() if v.is_floating_point() else v for k, v in case.inputs.items()}
        with precise.in_double(built.module):
            return [array(value) for value in torch_replay.values(record, given, wanted)]

    if output not in canonical.output_names:
        return None
    goal = canonical.outputs[canonical.output_names.index(output)]
    if goal not in tensors:
        return None
    say("searching where they part")
    search = Search(canonical, pairs, values, model, file.parent, feeds, precision, optimised)
    found = search.run(goal, value)
    regions, architecture = patterns.label(canonical)
    inside = {node for value, node in _nodes(names).items() if value in found.values}
    ours = {region.label for region in _path(regions, found.node)[-1:]}
    surplus = [
        f"{region.id} ({region.label})"
        for region in _outermost(patterns.label(other)[0], inside & set(other.nodes))
        if region.label in ("layer", *facts.KEYS) and region.label not in ours
    ]
    return _named(found, case.name, canonical, (regions, architecture), tuple(surplus))


def _nodes(names: Mapping[str, str]) -> dict[str, str]:
    """The node of each value of the file."""
    return {value: node for node, value in names.items()}


def _outermost(regions: Sequence[Region], nodes: set[str]) -> Iterator[Region]:
    """The largest regions of which most nodes are among some."""
    for region in regions:
        if region.nodes and len(nodes & set(region.nodes)) > MOST * len(region.nodes):
            yield region
        else:
            yield from _outermost(region.children, nodes)


MOST = 0.7
"""The part of a region's nodes that must be there for it to be there: leaves and sums may lie outside."""


def _named(
    found: Divergence,
    case: str,
    graph: Graph,
    labelled: tuple[list[Region], Architecture],
    surplus: tuple[str, ...],
) -> Parting:
    regions, architecture = labelled
    path = _path(regions, found.node) or next(filter(None, (_path(regions, n) for n in found.suspects[::-1])), ())
    origins = [graph.provenance[name] for name in (found.node, *found.suspects[::-1]) if name in graph.provenance]
    told = next((origin for origin in origins if origin.line), None)
    return Parting(
        case,
        path[-1] if path else None,
        tuple(region.id for region in path[:-1]),
        graph[found.node].op,
        f"{told.module} ({told.cls})" if told and told.module else told.cls if told else "",
        told.line if told else "",
        surplus,
        found,
        graph,
        tuple(regions),
        architecture,
    )


def _path(regions: Sequence[Region], node: str) -> tuple[Region, ...]:
    """The regions around a node, outermost first."""
    for region in regions:
        inside = _path(region.children, node)
        if inside or node in region.nodes:
            return (region, *inside)
    return ()
