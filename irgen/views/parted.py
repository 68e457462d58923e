"""The place where two runs part, ringed on the overview: found among its boxes by stack, layer and label."""

from __future__ import annotations

from irgen.ir.architecture import Architecture
from irgen.scene import Mark, Node, Scene

ROLES = {
    "self-attention": "attn", "cross-attention": "cross", "feed-forward": "ffn", "moe": "moe",
    "selective-scan": "ssm", "linear-recurrence": "ssm", "rnn": "ssm", "convolution": "conv", "mixer": "attn",
    "norm": "norm", "residual": "op",
}  # fmt: skip
"""Colour roles of the boxes that show a sublayer of a label."""

AROUND = 5.0
"""Pixels between a box and its ring."""


def ring(
    scene: Scene, found: Architecture, *, label: str, stack: str = "", layer: int | None = None, nth: int = 0
) -> list[str]:
    """Draw a ring around the boxes that show a region; the ids of these boxes.

    `label` is that of the region, `nth` says which of its kind in its `layer` of its `stack`; none of these for what
    stands before or behind the layers.
    """
    boxes = _of_layer(scene, found, label, stack, layer, nth) if layer is not None else _outside(scene, label)
    for box in boxes:
        scene.marks.append(Mark("ring", _around(box)))
    return [box.id for box in boxes]


def _of_layer(scene: Scene, found: Architecture, label: str, stack: str, layer: int | None, nth: int) -> list[Node]:
    at = next((i for i, one in enumerate(found.stacks) if one.name == stack), None)
    if at is None:
        return []
    inside = [node for node in scene.nodes if node.id.startswith(f"s{at}.")]
    frames = list(dict.fromkeys(node.id.rsplit(".", 1)[0] for node in inside))
    blocks = found.stacks[at].blocks
    if len(frames) == len(blocks):
        mine = next((frame for frame, block in zip(frames, blocks, strict=True) if layer in block.at), frames[0])
        inside = [node for node in inside if node.id.rsplit(".", 1)[0] == mine]
    fit = [node for node in inside if node.role == ROLES.get(label)]
    return fit[nth : nth + 1] or fit[:1] or inside


def _outside(scene: Scene, label: str) -> list[Node]:
    """The head or the embeddings."""
    if label == "head":
        return [node for node in scene.nodes if node.role == "head"][:1]
    return [node for node in scene.nodes if node.role == "embed" and "." in node.id and node.id.startswith("t")]


def _around(box: Node) -> str:
    x, y, w, h = box.x - AROUND, box.y - AROUND, box.w + 2 * AROUND, box.h + 2 * AROUND
    return f"M{x:g} {y:g}h{w:g}v{h:g}h{-w:g}z"
