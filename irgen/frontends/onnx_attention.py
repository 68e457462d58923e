"""Attention operators, standard and of ONNX Runtime, taken apart into products, mask and softmax; rotary embedding."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irgen.frontends.onnx_build import Build
from irgen.frontends.onnx_call import Call, Lowering, NotFolded
from irgen.ir.tensor import TensorType


@dataclass(frozen=True, slots=True)
class Core:
    """What one softmax attends with: q, k, v are [batch, heads, tokens, width]; masks in the order they act."""

    q: str
    k: str
    v: str
    scale: float
    keeps: Sequence[str] = ()  # boolean masks
    biases: Sequence[str] = ()  # added to the scores
    cap: float = 0.0
    sink: str = ""  # [heads]: one more column of scores


def heads_first(b: Build, x: str, heads: int) -> str:
    """[batch, tokens, heads·width] as [batch, heads, tokens, width]."""
    shape = b.shape(x)
    if len(shape) == 4:
        return x
    width = -1 if shape[2] < 0 else shape[2] // heads
    return b.transpose(b.reshape(x, (shape[0], shape[1], heads, width)), (0, 2, 1, 3))


def heads_last(b: Build, x: str) -> str:
    """[batch, heads, tokens, width] as [batch, tokens, heads·width]."""
    n, heads, tokens, width = b.shape(x)
    return b.reshape(b.transpose(x, (0, 2, 1, 3)), (n, tokens, heads * width))


def repeated(b: Build, x: str, heads: int) -> str:
    """Key or value heads repeated until there are as many as query heads."""
    n, own, tokens, width = b.shape(x)
    if own == heads or own <= 0:
        return x
    wide = b.expand(b.reshape(x, (n, own, 1, tokens, width)), (n, own, heads // own, tokens, width))
    return b.reshape(wide, (n, heads, tokens, width))


def band(
    b: Build, queries: int, keys: int, past: int | str = 0, *, left: int | None = None, right: int | None = None
) -> str:
    """Boolean [queries, keys]: key j is seen from query i where i + past − left ≤ j ≤ i + past + right.

    `past` counts the keys before the first query: a number, or a node with one for each batch entry.
    """
    row = b.add("arange", (), TensorType("int64", (queries,)), start=0 if isinstance(past, str) else past, step=1)
    row = b.reshape(row, (queries, 1))
    if isinstance(past, str):
        row = b.add("add", (row, b.reshape(past, (b.shape(past)[0], 1, 1, 1))))
    column = b.add("arange", (), TensorType("int64", (keys,)), start=0, step=1)
    keep = ""
    for bound, op, sign in ((right, "le", 1), (left, "ge", -1)):
        if bound is not None:
            edge = b.add("add", (row, b.scalar(sign * bound, row))) if bound else row
            seen = b.add(op, (column, edge))
            keep = b.add("and", (keep, seen)) if keep else seen
    return keep


@dataclass(frozen=True, slots=True)
class Attended:
    """The results of one attention, and the stages of its scores."""

    out: str
    scores: str
    masked: str
    weights: str


def attend(b: Build, core: Core) -> Attended:
    """softmax(scale · q kᵀ, masked) v."""
    heads = b.shape(core.q)[1]
    k, v = repeated(b, core.k, heads), repeated(b, core.v, heads)
    scores = b.add("matmul", (core.q, b.transpose(k, (0, 1, 3, 2))))
    scores = b.add("mul", (scores, b.scalar(core.scale, scores)))
    if core.cap:
        cap = b.scalar(core.cap, scores)
        scores = b.add("mul", (b.add("tanh", (b.add("div", (scores, cap)),)), cap))
    masked = scores
    for bias in core.biases:
        masked = b.add("add", (masked, bias))
    for keep in core.keeps:
        masked = b.add("where", (keep, masked, b.scalar(-math.inf, masked)))
    if core.sink:
        n, _, tokens, width = b.shape(masked)
        column = b.expand(b.reshape(core.sink, (1, heads, 1, 1)), (n, heads, tokens, 1))
        whole = b.add("softmax", (b.concat((masked, column), 3),), axis=3)
        weights = b.slice(whole, 3, 0, width)
    else:
        weights = b.add("softmax", (masked,), axis=3)
    return Attended(b.add("matmul", (weights, v)), scores, masked, weights)


def _with_past(c: Call, x: str, past: int) -> str:
    return c.b.concat((c.operand(past), x), 2) if c.has(past) else x


def _attention(c: Call) -> Sequence[str]:
    """Attention of opset 23 and later; windows since 25, lengths of a cache of fixed size since 24."""
    b, three = c.b, len(c.shape()) == 3
    q = heads_first(b, c.x, c.int("q_num_heads", 1))
    k, v = (heads_first(b, c.operand(i), c.int("kv_num_heads", 1)) for i in (1, 2))
    k, v = _with_past(c, k, 4), _with_past(c, v, 5)
    queries, keys = b.shape(q)[2], b.shape(k)[2]
    past: int | str = b.shape(c.operand(4))[2] if c.has(4) else 0
    keeps: list[str] = []
    biases: list[str] = []
    if c.has(3):
        mask = _widened(b, c.operand(3), keys)
        (keeps if b.dtype(mask) == "bool" else biases).append(mask)
    if c.has(6):
        lengths = c.operand(6)
        column = b.add("arange", (), TensorType("int64", (keys,)), start=0, step=1)
        keeps.append(b.add("lt", (column, b.reshape(lengths, (b.shape(lengths)[0], 1, 1, 1)))))
        past = b.add("sub", (lengths, b.scalar(queries, lengths)))
    left, right = c.int("left_window_size", -1), c.int("right_window_size", -1)
    right = 0 if c.int("is_causal", 0) and right != 0 else right
    if left >= 0 or right >= 0:
        if min(queries, keys) < 0:
            raise NotFolded
        bounds = {"left": left if left >= 0 else None, "right": right if right >= 0 else None}
        keeps.append(band(b, queries, keys, past, **bounds))
    scale = c.float("scale", 0.0) or 1 / math.sqrt(b.shape(q)[3])
    made = attend(b, Core(q, k, v, scale, keeps, biases, c.float("softcap", 0.0)))
    shown = {2: made.masked, 3: made.weights}.get(c.int("qk_matmul_output_mode", 0), made.scores)
    return [heads_last(b, made.out) if three else made.out, k, v, shown]


def _widened(b: Build, mask: str, keys: int) -> str:
    """A mask that covers the first keys only: the others are not seen."""
    shape = b.shape(mask)
    if shape[-1] in (keys, 1) or min(shape[-1], keys) < 0:
        return mask
    pads = ((0, 0),) * (len(shape) - 1) + ((0, keys - shape[-1]),)
    return b.add("pad", (mask,), pads=pads, mode="constant", value=False if b.dtype(mask) == "bool" else -math.inf)


def _rotary(c: Call, cos: int, sin: int, positions: int) -> str:
    """Pairs of the last axis turned by the angles of their position."""
    b, shape = c.b, c.shape()
    three = len(shape) == 3
    x = c.x
    if three:
        heads = c.int("num_heads", 0)
        if not heads:
            heads = shape[2] // (c.int("rotary_embedding_dim", 0) or 2 * c.shape(cos)[-1])
        x = heads_first(b, x, heads)
    tokens, width = b.shape(x)[2:]
    turned = c.int("rotary_embedding_dim", 0) or width
    tables: list[str] = []
    for i in (cos, sin):
        table = c.operand(i)
        if c.has(positions):
            at = c.operand(positions)
            if len(b.shape(at)) == 1:  # one offset for all rows
                steps = b.add("arange", (), TensorType("int64", (tokens,)), start=0, step=1)
                at = b.add("add", (b.reshape(at, (1, 1)), steps))
            table = b.add("gather", (table, at), axis=0)
        table = b.slice(table, len(b.shape(table)) - 1, 0, turned // 2)
        tables.append(b.reshape(table, (*b.shape(table)[:-2], 1, *b.shape(table)[-2:])))
    head = b.slice(x, 3, 0, turned)
    out = b.add("rotary", (head, *tables), interleaved=bool(c.int("interleaved", 0)))
    if turned < width:
        out = b.concat((out, b.slice(x, 3, turned, width)), 3)
    return heads_last(b, out) if three else out


def _biased(c: Call, x: str, bias: str, start: int, size: int) -> str:
    return c.b.add("add", (x, c.b.slice(bias, 0, start, start + size))) if bias else x


def _padding(c: Call, i: int, tokens: int) -> list[str]:
    """A key padding mask [batch, keys] (or [batch, queries, keys]) of ones where there is a token."""
    if not c.has(i):
        return []
    shape = c.shape(i)
    keep = c.b.cast(c.operand(i), "bool")
    if len(shape) == 2 and shape[1] == tokens:
        return [c.b.reshape(keep, (shape[0], 1, 1, shape[1]))]
    if len(shape) == 3:
        return [c.b.unsqueeze(keep, 1)]
    if len(shape) == 4:
        return [keep]
    raise NotFolded


def _multi_head(c: Call) -> Sequence[str]:
    """MultiHeadAttention of ONNX Runtime: separate, key–value packed or wholly packed projections."""
    b, heads, shape = c.b, c.int("num_heads", 1), c.shape()
    bias = c.optional(3)
    if len(shape) == 5:  # [batch, tokens, heads, 3, width]
        parts = [b.squeeze(b.slice(c.x, 3, i, i + 1), 3) for i in range(3)]
        q, k, v = (b.transpose(x, (0, 2, 1, 3)) for x in parts)
    else:
        q = heads_first(b, _biased(c, c.x, bias, 0, shape[2]), heads)
        if len(c.shape(1)) == 5:  # [batch, tokens, heads, 2, width]
            pair = [b.squeeze(b.slice(c.operand(1), 3, i, i + 1), 3) for i in range(2)]
            k, v = (b.transpose(x, (0, 2, 1, 3)) for x in pair)
        elif len(c.shape(1)) == 4:
            k, v = c.operand(1), c.operand(2)
        else:
            k = heads_first(b, _biased(c, c.operand(1), bias, shape[2], c.shape(1)[2]), heads)
            v = heads_first(b, _biased(c, c.operand(2), bias, shape[2] + c.shape(1)[2], c.shape(2)[2]), heads)
    k, v = _with_past(c, k, 6), _with_past(c, v, 7)
    queries, keys = b.shape(q)[2], b.shape(k)[2]
    keeps = _padding(c, 4, keys)
    if c.int("unidirectional", 0):
        keeps.append(band(b, queries, keys, keys - queries, right=0))
    scale = c.float("scale", 0.0) or 1 / math.sqrt(b.shape(q)[3])
    made = attend(b, Core(q, k, v, scale, keeps, [c.operand(5)] if c.has(5) else []))
    return [heads_last(b, made.out), k, v]


def _fused(c: Call) -> Sequence[str]:
    """Attention of ONNX Runtime: the q, k, v projection is inside."""
    b, heads = c.b, c.int("num_heads", 1)
    if c.has(4) or c.int("do_rotary", 0):
        raise NotFolded
    total = c.shape(1)[1]
    widths = c.ints("qkv_hidden_sizes") or (total // 3,) * 3
    whole = b.add("linear", (c.x, c.operand(1), *([c.operand(2)] if c.has(2) else [])), layout="io")
    starts = np.cumsum((0, *widths)).tolist()
    q, k, v = (heads_first(b, b.slice(whole, 2, at, at + n), heads) for at, n in zip(starts, widths, strict=False))
    tokens = b.shape(q)[2]
    keeps = _padding(c, 3, tokens)
    if c.int("unidirectional", 0):
        keeps.append(band(b, tokens, tokens, right=0))
    scale = c.float("scale", 0.0) or 1 / math.sqrt(b.shape(q)[3])
    made = attend(b, Core(q, k, v, scale, keeps, [c.operand(5)] if c.has(5) else []))
    return [heads_last(b, made.out)]


def _turned(c: Call, x: str, past: int) -> str:
    """Query or key heads of GroupQueryAttention rotated by its caches."""
    b = c.b
    tokens, width = b.shape(x)[2:]
    tables: list[str] = []
    for i in (7, 8):
        table = b.slice(c.operand(i), 0, past, past + tokens)
        tables.append(b.reshape(table, (1, 1, *b.shape(table))))
    turned = 2 * b.shape(tables[0])[-1]
    out = b.add("rotary", (b.slice(x, 3, 0, turned), *tables), interleaved=bool(c.int("rotary_interleaved", 0)))
    return out if turned == width else b.concat((out, b.slice(x, 3, turned, width)), 3)


def _grouped(c: Call) -> Sequence[str]:
    """GroupQueryAttention of ONNX Runtime: causal, its rotary embedding and its cache inside."""
    b, heads, own = c.b, c.int("num_heads", 1), c.int("kv_num_heads", 1)
    if c.has(1):
        q, k, v = heads_first(b, c.x, heads), heads_first(b, c.operand(1), own), heads_first(b, c.operand(2), own)
    else:
        width = c.shape()[2] // (heads + 2 * own)
        edges = [0, heads * width, (heads + own) * width, (heads + 2 * own) * width]
        parts = [b.slice(c.x, 2, low, high) for low, high in itertools.pairwise(edges)]
        q, k, v = (heads_first(b, x, n) for x, n in zip(parts, (heads, own, own), strict=True))
    past = max(b.shape(c.operand(3))[2], 0) if c.has(3) else 0
    if c.int("do_rotary", 0):
        q, k = _turned(c, q, past), _turned(c, k, past)
    k, v = _with_past(c, k, 3), _with_past(c, v, 4)
    queries, keys = b.shape(q)[2], b.shape(k)[2]
    if min(queries, keys) < 0:
        raise NotFolded
    window = max(c.int("local_window_size", -1), 0)
    scale = c.float("scale", 0.0) or 1 / math.sqrt(b.shape(q)[3])
    seen = band(b, queries, keys, keys - queries, left=window - 1 if window else None, right=0)
    sink = c.optional(11)
    if c.int("smooth_softmax", 0) and not sink:
        sink = b.add("full", (), TensorType(b.dtype(q), (heads,)), value=0.0)
    core = Core(
        q, k, v, scale, [seen], [c.operand(10)] if c.has(10) else [],
        c.float("softcap", 0.0), sink,
    )  # fmt: skip
    return [heads_last(b, attend(b, core).out), k, v]


def _embed(c: Call) -> Sequence[str]:
    """EmbedLayerNormalization: word, position and segment tables summed, then a norm."""
    b, shape = c.b, c.shape()
    total = b.add("embedding", (c.operand(2), c.x))
    at = c.operand(8) if c.has(8) else b.add("arange", (), TensorType("int64", (shape[1],)), start=0, step=1)
    total = b.add("add", (total, b.add("embedding", (c.operand(3), at))))
    if c.has(1) and c.has(4):
        total = b.add("add", (total, b.add("embedding", (c.operand(4), c.operand(1)))))
    norm = b.add("layer_norm", (total, c.operand(5), c.operand(6)), axes=(2,), eps=c.float("epsilon", 1e-12))
    index = b.reduce("reduce_sum", b.cast(c.operand(7), "int32"), (1,), keepdims=False) if c.has(7) else norm
    return [norm, index, total]


OPS: dict[str, Lowering] = {
    "Attention": _attention,
    "RotaryEmbedding": lambda c: _rotary(c, 1, 2, 3),
}
CONTRIB: dict[str, Lowering] = {
    "Attention": _fused,
    "MultiHeadAttention": _multi_head,
    "GroupQueryAttention": _grouped,
    "RotaryEmbedding": lambda c: _rotary(c, 2, 3, 1),
    "EmbedLayerNormalization": _embed,
}
