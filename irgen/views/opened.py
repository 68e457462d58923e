"""Blocks opened beside or below an overview that folds them."""

from __future__ import annotations

from irgen.ir.architecture import Architecture, Block, Stack
from irgen.views.captions import stride_of
from irgen.views.insides import Insides
from irgen.views.layers import Drawn, layer
from irgen.views.layout.tree import Chain, Frame, Leaf
from irgen.views.panels import Detail, drawable, panel, title
from irgen.views.stacks import single
from irgen.views.words import Words


def longest(found: Architecture) -> Stack:
    """The stack with the most layers."""
    return max(found.stacks, key=lambda s: s.layers)


CONVOLUTIONAL = frozenset({"convolution", "pooling", "feed-forward", "norm", "activation", "unknown", "mixer"})
"""Kinds of the sublayers of a layer that is opened operator by operator."""


def opened_blocks(found: Architecture, words: Words, insides: Insides | None = None) -> list[Frame]:
    """The distinct blocks of the longest stack (at most two), then the panels of their sublayers.

    Convolutional layers are drawn as the graph has them where it is known.
    """
    stack = longest(found)
    number = found.stacks.index(stack)
    frames: list[Frame] = []
    opened = Drawn(words)
    telling = _telling(stack)[:2]
    stage = f" · {words('Stage {n}', n=number + 1).lower()}" if len(found.stacks) > 1 else ""
    for at, block in enumerate(telling):
        name = f"o{at}"
        label = _block_name(block, words) + stage
        if insides and (chain := convolutional(insides, stack, block, name, words)):
            if len(block.sublayers) == 1:
                label = title(Detail(block.sublayers[0], stack.width, name, words)) + stage
            frames.append(Frame(f"{name}.g", chain, label, entry=22, closed=True))
            continue
        inner = layer(name, block, stack.width, opened, stack.name)
        if len(block.sublayers) < 2 and (not block.sublayers or drawable(block.sublayers[0]) or single(block)):
            continue
        ends = [
            Leaf(f"{name}.x", "io", "x", shape="port", least=96),
            Leaf(f"{name}.y", "io", "y", shape="port", least=96),
        ]
        frames.append(Frame(f"{name}.g", Chain([ends[0], inner, ends[1]]), label, entry=22, closed=True))
    seen: set[str] = set()
    for one in opened.opened:
        key = f"{one.part.kind} {stride_of(one.part.facts)}"
        if key in seen or one.part.kind == "patch-merging":
            continue
        seen.add(key)
        frame = panel(Detail(one.part, one.width, f"p{len(frames)}", words))
        if frame:
            frame.label += stage
            frames.append(frame)
    return frames


def convolutional(insides: Insides, stack: Stack, block: Block, name: str, words: Words) -> Chain | None:
    """A layer of convolutions as the graph has it; None where it is something else, or too large."""
    kinds = {part.kind for part in block.sublayers}
    if "convolution" not in kinds or not kinds <= CONVOLUTIONAL:
        return None
    return insides.layer(stack.name, min(block.at, default=0), name, words)


def _telling(stack: Stack) -> list[Block]:
    """The distinct blocks, without those that only differ in a number."""
    kept: list[Block] = []
    keys: list[object] = []
    for block in sorted(stack.blocks, key=lambda b: min(b.at)):
        key = [(p.kind, p.facts.get("mask"), p.facts.get("variant"), stride_of(p.facts)) for p in block.sublayers]
        if key not in keys:
            keys.append(key)
            kept.append(block)
    return kept


def _block_name(block: Block, words: Words) -> str:
    masks = {p.facts.get("mask") for p in block.sublayers if p.kind == "self-attention"}
    if "shifted-window" in masks:
        return words("Shifted-window block")
    return words("Window block") if "local-window" in masks else words("Block")
