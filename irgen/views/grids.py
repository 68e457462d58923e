"""The height and width of each stage's feature map, where input size, patches and strides settle it."""

from __future__ import annotations

from irgen.ir.architecture import Architecture, Embedding, Part, Stack
from irgen.views.sources import index_of

Grid = tuple[int, int]


def grids(found: Architecture) -> list[Grid | None]:
    """One grid a stage; None from the first stage on where something is not known."""
    known = [_positions(stack) for stack in found.stacks]
    if all(known):
        return list(known)
    grid = _input(found)
    made: list[Grid | None] = []
    for stack in found.stacks:
        for read in stack.reads:
            at = index_of(read, "embedding")
            if at is not None and at < len(found.embeddings) and found.embeddings[at].kind == "patch":
                grid = _patched(grid, found.embeddings[at])
        grid = _reduced(grid, stack, found.stacks[len(made) - 1].width if made else None)
        made.append(grid)
    return made if all(made) else [None] * len(made)


def _positions(stack: Stack) -> Grid | None:
    """The grid that recognition found."""
    sizes = [size for size in stack.positions if isinstance(size, int)]
    if len(sizes) == 2 and len(stack.positions) == 2:
        return sizes[0], sizes[1]
    root = round(sizes[0] ** 0.5) if len(sizes) == 1 and len(stack.positions) == 1 and stack.role == "stage" else 0
    return (root, root) if root and root * root == sizes[0] else None


def _input(found: Architecture) -> Grid | None:
    for port in found.inputs:
        high, wide = (port.shape[-2], port.shape[-1]) if len(port.shape) == 4 else (None, None)
        if isinstance(high, int) and isinstance(wide, int):
            return high, wide
    return None


def _patched(grid: Grid | None, embedding: Embedding) -> Grid | None:
    count = embedding.facts.get("positions") or embedding.size
    if grid is None or not isinstance(count, int) or not count:
        return None
    step = round((grid[0] * grid[1] / count) ** 0.5)
    made = _divided(grid, step)
    return made if made and made[0] * made[1] == count else None


def _divided(grid: Grid, step: int) -> Grid | None:
    return (grid[0] // step, grid[1] // step) if step and not (grid[0] % step or grid[1] % step) else None


def _stride(part: Part) -> int | None:
    """By how much a part shrinks the map; None where the facts do not say."""
    if part.kind == "patch-merging":
        return 2
    if part.kind not in ("convolution", "pooling"):
        return 1
    stride = part.facts.get("stride")
    if isinstance(stride, (list, tuple)):
        return int(stride[0]) if stride else 1  # pyright: ignore[reportUnknownArgumentType]
    return stride if isinstance(stride, int) else None


def _merged(grid: Grid | None, stack: Stack, before: int) -> Grid | None:
    """Patch merging spelled as a projection of four neighbours; any other change of width is not understood."""
    four = any(part.kind == "linear" and part.facts.get("in") == 4 * before for part in stack.before)
    return _divided(grid, 2) if grid and four else None


def _reduced(grid: Grid | None, stack: Stack, before: int | None) -> Grid | None:
    layers = [(min(block.at), len(block.at), part) for block in stack.blocks for part in block.sublayers if block.at]
    changed = before is not None and before != stack.width
    if (
        changed
        and not any(_stride(part) != 1 for part in stack.before)
        and all(part.kind != "convolution" for _, _, part in layers)
    ):
        grid = _merged(grid, stack, before or 0)
    parts = [(1, part) for part in stack.before] + [(count, part) for _, count, part in layers]
    for count, part in parts:
        step = _stride(part)
        if grid is None or step is None:
            return None
        for _ in range(count if step > 1 else 0):
            grid = _divided(grid, step) if grid else None
    return grid
