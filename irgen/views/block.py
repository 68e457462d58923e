"""One block opened: projections, heads, norms, masks and experts in place, with their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from irgen.errors import OutputError
from irgen.ir.architecture import Architecture, Block, Part, Region, Stack
from irgen.ir.graph import Graph
from irgen.scene import Scene, literal
from irgen.views.captions import caption, first
from irgen.views.compose import below
from irgen.views.glyphs import mask_cells
from irgen.views.insides import Insides
from irgen.views.layers import Drawn, layer
from irgen.views.layout.columns import fit
from irgen.views.layout.metrics import cut
from irgen.views.layout.metrics import width as width_of
from irgen.views.layout.page import MARGIN, legend, title_block
from irgen.views.layout.sheet import extent, put, wedge
from irgen.views.layout.tree import Chain, Frame, Leaf, Par, Piece
from irgen.views.numbers import parameters, ranges, shape, whole
from irgen.views.opened import convolutional
from irgen.views.overview import slug
from irgen.views.panels import Detail, inside, panel
from irgen.views.sources import index_of, letters
from irgen.views.stacks import layer_name
from irgen.views.summary import describe, legend_names, subtitle_of
from irgen.views.words import Words

MASKS = ("causal", "sliding-window", "bidirectional")
BAND = 3


def blocks(found: Architecture) -> list[tuple[str, Stack, Block]]:
    """The distinct blocks of the model by name: `decoder.0` is the first distinct block of the stack `decoder`."""
    return [(f"{stack.name}.{at}", stack, block) for stack in found.stacks for at, block in enumerate(stack.blocks)]


def pick(found: Architecture, wanted: str | None) -> list[tuple[str, Stack, Block]]:
    """The block of this name, or the distinct blocks of the stack with the most layers."""
    every = [one for one in blocks(found) if one[2].sublayers]
    if wanted is not None:
        chosen = [one for one in every if wanted in (one[0], one[1].name)]
        if not chosen:
            names = ", ".join(literal(name, 40) for name, _, _ in every[:12])
            raise OutputError(f"no block {wanted!r}", fix=f"one of {names}" if names else None)
        return chosen
    if not every:
        return []
    longest = max({id(stack): stack for _, stack, _ in every}.values(), key=lambda stack: (stack.layers, stack.width))
    alike: dict[str, tuple[str, Stack, Block]] = {}
    for one in every:
        if one[1] is longest:
            alike.setdefault(str([(part.kind, part.form) for part in one[2].sublayers]), one)
    return list(alike.values())


def draw(
    architecture: Architecture,
    regions: Sequence[Region] = (),
    graph: Graph | None = None,
    *,
    title: str,
    subtitle: str | None = None,
    lang: str = "en",
    width: int = 720,
    note: str | None = None,
    block: str | None = None,
) -> Scene:
    """The figure of one block (or of the two that alternate), `width` pixels wide; `block` is a name as `decoder.0`."""
    words = Words(lang)
    insides = Insides(regions, graph) if graph is not None else None
    chosen = pick(architecture, block)[:2]
    said = literal(subtitle, 300) if subtitle is not None else subtitle_of(architecture, words)
    said = " · ".join(x for x in (said, literal(note, 300) if note else "") if x)
    scene = Scene(
        f"{slug(title)}-block", literal(title, 120) or words("Block"), describe(architecture, title, words),
        float(width), 0.0, subtitle=said, lang=lang,
    )  # fmt: skip
    top = title_block(scene, _facts(chosen[0][1], chosen[0][2], words) if chosen else [])
    opener = Opener(architecture, words, scene.width - 2 * MARGIN, insides)
    bottom = _columns(scene, opener, chosen, top)
    legend(scene, bottom, words, legend_names(architecture))
    return scene


def _facts(stack: Stack, block: Block, words: Words) -> list[tuple[str, str]]:
    rows = [
        (
            words("Layers"),
            words("{n} of {k}", n=block.count, k=stack.layers) if block.count < stack.layers else whole(block.count),
        )
    ]
    rows.append(("d_{model}", whole(stack.width)))
    if block.parameters:
        rows.append((words("Parameters"), parameters(block.parameters, words.lang)))
    for part in block.sublayers:
        said = caption(part, None, words)
        if said.note and len(rows) < 6:
            rows.append((first(said.title), first(said.note)))
    return rows[:6]


def leading(found: Architecture, stack: Stack) -> tuple[int | str, ...]:
    """The sizes of a stream ahead of its width; the traced length of a text is its symbol."""
    if not stack.positions:
        return ()
    numbers = [i for read in stack.reads if (i := index_of(read, "embedding")) is not None]
    kinds = {found.embeddings[i].kind for i in numbers if i < len(found.embeddings)}
    texts = any("seq" in port.shape for port in found.inputs) and "token" in kinds and kinds <= TEXTS
    if texts and len(stack.positions) == 1 and len(numbers) == len(stack.reads):
        return ("batch", "seq")
    return ("batch", *stack.positions)


TEXTS = frozenset({"token", "segment", "learned-position", "sinusoidal-position"})


@dataclass(slots=True)
class Opener:
    """Opens blocks on a page of a width; a sublayer that is drawn once is one box when it comes again."""

    found: Architecture
    words: Words
    across: float
    insides: Insides | None = None
    closed: bool = False
    """Sublayers stay boxes in their block and are opened beside it."""
    seen: list[object] = field(default_factory=list[object])
    cores: dict[str, Leaf] = field(default_factory=dict[str, Leaf])
    """The attention cores by what they mask."""

    def frame(self, number: int, stack: Stack, block: Block) -> Frame:
        """The block with every sublayer that can be opened drawn in its place."""
        words = self.words
        prefix = f"k{number}"
        name = words(layer_name(block, stack.blocks)) if len(stack.blocks) > 1 else words("Block")
        at = words("layers {n}", n=ranges(block.at)) if 1 < block.count < stack.layers else ""
        badge = f"× {block.count}" if block.count > 1 else ""
        whole = convolutional(self.insides, stack, block, prefix, words) if self.insides else None
        if whole is None:
            inner = layer(prefix, block, stack.width, Drawn(words), stack.name, lambda n, p: self.show(n, p, stack))
            ends = [Leaf(f"{prefix}.{end}", "io", end, shape="port", least=96) for end in ("x", "y")]
            lead = leading(self.found, stack)
            said = shape((*lead, stack.width), letters(self.found)) if lead else ""
            whole = Chain([ends[0], inner, ends[1]], labels={2: said} if said else {})
        label = " · ".join(x for x in (name, at) if x)
        if width_of(label, "g") > (self.across - (120 if not self.closed else 300)) / 2:
            label = cut(name, "g", (self.across - 120) / 2)
        return Frame(f"{prefix}.g", whole, label, badge, entry=22, closed=True)

    def panels(self, chosen: Sequence[tuple[str, Stack, Block]]) -> list[Frame]:
        """The inside of every distinct sublayer, each in a frame of its own."""
        made: list[Frame] = []
        seen: list[object] = []
        for _, stack, block in chosen:
            for part in block.sublayers:
                key = (part.kind, {k: v for k, v in part.facts.items() if k not in ("mask", "window")}, stack.width)
                if key in seen:
                    continue
                seen.append(key)
                lead = leading(self.found, stack)
                narrow = self.across < 400
                found = panel(Detail(part, stack.width, f"d{len(seen)}", self.words, narrow=narrow, lead=lead))
                made += [found] if found else []
        for frame in made:
            frame.measure()
        return made

    def show(self, name: str, part: Part, stack: Stack) -> Piece | None:
        """A sublayer opened; None where it stays one box."""
        key = (part.kind, part.facts, stack.width)
        if self.closed or key in self.seen:
            return None
        lead = leading(self.found, stack)
        narrow = self.across < 400 or part.form == "parallel"
        detail = Detail(part, stack.width, name, self.words, narrow=narrow, inline=True, lead=lead)
        child = inside(detail)
        if child is None:
            return None
        frame = Frame(f"{name}.f", child, first(caption(part, stack.width, self.words).title), pad=12, entry=20)
        frame.measure()
        if extent(frame) + 90 > self.across:
            return None
        self.seen.append(key)
        core = next((leaf for leaf in frame.leaves() if leaf.id == f"{name}.s"), None)
        if core and part.kind == "self-attention":
            self.cores.setdefault(str(part.facts.get("mask")), core)
        return frame


def _columns(scene: Scene, opener: Opener, chosen: list[tuple[str, Stack, Block]], top: float) -> float:
    across, words = opener.across, opener.words
    if not chosen:
        return top
    kinds = [[part.kind for part in block.sublayers] for _, _, block in chosen]
    masks = _masks([b for _, stack, _ in chosen[:1] for b in stack.blocks if [p.kind for p in b.sublayers] in kinds])
    if len(chosen) == 1:
        return _alone(scene, opener, opener.frame(0, *chosen[0][1:]), masks, top)
    frames = [opener.frame(at, stack, block) for at, (_, stack, block) in enumerate(chosen)]
    if fit(frames, across, 196) >= 112:
        bottom = below(scene, frames, top)
    else:
        opener.closed = True
        frames = [opener.frame(at, stack, block) for at, (_, stack, block) in enumerate(chosen)]
        fit(frames, across, 196)
        bottom = below(scene, frames, top)
        panels = sorted(opener.panels(chosen), key=lambda frame: -frame.high)
        panels += [_scores(masks, words)] if masks else []
        masks = []
        for panel_of in panels:
            panel_of.measure()
        bottom = below(scene, [f for f in panels if extent(f) <= across], bottom + 24) or bottom
    if masks:
        scores = _scores(masks, words)
        scores.measure()
        bottom = below(scene, [scores], bottom + 24)
    return bottom


def _alone(scene: Scene, opener: Opener, frame: Frame, masks: list[Part], top: float) -> float:
    """One block, with the picture of its masks beside the attention that they belong to."""
    across = opener.across
    fit([frame], across, 212)
    scores = _scores(masks, opener.words) if masks else None
    if scores:
        scores.measure()
    if scores is None or extent(frame) + 40 + extent(scores) > across:
        put(scene, frame, MARGIN + (across - extent(frame)) / 2 + frame.outer, top + frame.high)
        return below(scene, [scores], top + frame.high + 24) if scores else top + frame.high
    gap = min(72.0, across - extent(frame) - extent(scores))
    left = MARGIN + (across - extent(frame) - gap - extent(scores)) / 2
    put(scene, frame, left + frame.outer, top + frame.high)
    core = opener.cores.get(str(masks[0].facts.get("mask")))
    middle = -(core.m + core.high / 2) if core else top + scores.high / 2
    low = min(max(middle + scores.high / 2, top + scores.high), top + frame.high)
    put(scene, scores, left + extent(frame) + gap + scores.outer, low)
    if core:
        wedge(scene, core, scores)
    return top + frame.high


def _masks(chosen: list[Block]) -> list[Part]:
    """Self-attentions whose mask has a picture, one for each kind of mask."""
    parts = [
        p for block in chosen for p in block.sublayers if p.kind == "self-attention" and p.facts.get("mask") in MASKS
    ]
    kept: dict[str, Part] = {}
    for part in parts:
        kept.setdefault(str(part.facts["mask"]), part)
    return list(kept.values())


def _scores(masks: list[Part], words: Words) -> Frame:
    """Which keys a query sees, for each mask."""
    boxes: list[Piece] = []
    for part in masks[:3]:
        mask, window = str(part.facts.get("mask")), part.facts.get("window")
        sinks, sliding = bool(part.facts.get("sinks")), mask == "sliding-window"
        said = words("all keys") if mask == "bidirectional" else words("all past keys")
        if sliding and window:
            said = words("last {n} keys", n=whole(window))
        box = Leaf(f"scores.{mask}", "card", "", f"{said} + {words('sink')}" if sinks else said, least=132)
        box.drawing = mask_cells(BAND if sliding else None, sinks, full=mask == "bidirectional")
        boxes.append(box)
    return Frame("scores", Par(boxes), words("Attention scores of one head"), entry=16, closed=True)


VIEW = draw
