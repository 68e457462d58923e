"""One block opened: projections, heads, norms, masks and experts in place, with their shapes."""

from __future__ import annotations

from collections.abc import Sequence

from irgen.errors import OutputError
from irgen.ir.architecture import Architecture, Block, Part, Region, Stack
from irgen.ir.graph import Graph
from irgen.scene import Mark, Scene, Text, literal
from irgen.views.captions import caption, first
from irgen.views.compose import below
from irgen.views.glyphs import mask_cells
from irgen.views.layers import Drawn, layer
from irgen.views.layout.columns import fit
from irgen.views.layout.metrics import cut, wrap
from irgen.views.layout.page import MARGIN, legend, title_block
from irgen.views.layout.sheet import extent, put, shift
from irgen.views.layout.tree import Chain, Frame, Leaf, Piece
from irgen.views.numbers import parameters, ranges, whole
from irgen.views.overview import slug
from irgen.views.panels import Detail, inside
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
    del regions, graph
    words = Words(lang)
    chosen = pick(architecture, block)[:2]
    said = literal(subtitle, 300) if subtitle is not None else subtitle_of(architecture, words)
    said = " · ".join(x for x in (said, literal(note, 300) if note else "") if x)
    scene = Scene(
        f"{slug(title)}-block", literal(title, 120) or words("Block"), describe(architecture, title, words),
        float(width), 0.0, subtitle=said, lang=lang,
    )  # fmt: skip
    top = title_block(scene, _facts(chosen[0][1], chosen[0][2], words) if chosen else [])
    bottom = _columns(scene, chosen, words, top)
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


def _columns(scene: Scene, chosen: list[tuple[str, Stack, Block]], words: Words, top: float) -> float:
    across = scene.width - 2 * MARGIN
    frames = [_opened(at, stack, block, words, across) for at, (_, stack, block) in enumerate(chosen)]
    if not frames:
        return top
    kinds = [[part.kind for part in block.sublayers] for _, _, block in chosen]
    masks = _masks([b for _, stack, _ in chosen[:1] for b in stack.blocks if [p.kind for p in b.sublayers] in kinds])
    if len(frames) == 2 and fit(frames, across, 196) >= 120:
        bottom = below(scene, frames, top)
    else:
        bottom = top
        for frame in frames:
            fit([frame], across, 212)
            if extent(frame) + 190 <= across and masks and len(frames) == 1:
                put(scene, frame, MARGIN + (across - extent(frame) - 190) / 2 + frame.outer, bottom + frame.high)
                _show_masks(
                    scene, masks, words, scene.width - MARGIN - 150 - (across - extent(frame) - 190) / 2, bottom + 16
                )
                masks = []
            else:
                put(scene, frame, MARGIN + (across - extent(frame)) / 2 + frame.outer, bottom + frame.high)
            bottom += frame.high + 24
        bottom -= 24
    if masks:
        _show_masks(scene, masks, words, MARGIN + 16, bottom + 40, beside=True)
        bottom += 190
    return bottom


def _opened(number: int, stack: Stack, block: Block, words: Words, across: float) -> Frame:
    """The block with every sublayer that can be opened drawn in its place."""

    def show(name: str, part: Part) -> Piece | None:
        child = inside(Detail(part, stack.width, name, words, narrow=across < 400, inline=True))
        if child is None:
            return None
        frame = Frame(f"{name}.f", child, first(caption(part, stack.width, words).title), pad=12, entry=20)
        frame.measure()
        return frame if extent(frame) + 90 <= across else None

    prefix = f"k{number}"
    inner = layer(prefix, block, stack.width, Drawn(words), stack.name, show)
    ends = [Leaf(f"{prefix}.{end}", "io", end, shape="port", least=96) for end in ("x", "y")]
    name = words(layer_name(block, stack.blocks)) if len(stack.blocks) > 1 else words("Block")
    at = words("layers {n}", n=ranges(block.at)) if 1 < block.count < stack.layers else ""
    label = cut(" · ".join(x for x in (name, at) if x), "g", (across - 120) / 2)
    badge = f"× {block.count}" if block.count > 1 else ""
    return Frame(f"{prefix}.g", Chain([ends[0], inner, ends[1]]), label, badge, entry=22, closed=True)


def _masks(chosen: list[Block]) -> list[Part]:
    """Self-attentions whose mask has a picture, one for each kind of mask."""
    parts = [
        p for block in chosen for p in block.sublayers if p.kind == "self-attention" and p.facts.get("mask") in MASKS
    ]
    kept: dict[str, Part] = {}
    for part in parts:
        kept.setdefault(str(part.facts["mask"]), part)
    return list(kept.values())


def _show_masks(scene: Scene, masks: list[Part], words: Words, x: float, y: float, *, beside: bool = False) -> None:
    """Which keys a query sees, for each mask."""
    scene.texts.append(Text(x, y, cut(words("Attention scores of one head"), "g", 200), "g"))
    for part in masks[:3]:
        mask = part.facts.get("mask")
        window = part.facts.get("window")
        band = BAND if mask == "sliding-window" else None
        drawing = mask_cells(band, bool(part.facts.get("sinks")), full=mask == "bidirectional")
        for style, d in drawing.marks:
            scene.marks.append(Mark(style, shift(d, x, y + 14)))
        text = words("all keys") if mask == "bidirectional" else words("all past keys")
        if band and window:
            text = words("last {n} keys", n=whole(window))
        for line in wrap(text, "l", 140, 2):
            scene.texts.append(Text(x, y + 124, line, "l"))
        if beside:
            x += 150
        else:
            y += 160


VIEW = draw
