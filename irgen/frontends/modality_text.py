"""How token ids, segments, boxes, embeddings and other inputs that go with words look."""

from __future__ import annotations

from collections.abc import Callable

import torch

from irgen.frontends.settings import Settings
from irgen.source import Input, numbers, tokens

#: Given the configuration and the name of an input: what it may look like, the likeliest first, or nothing.
Rule = Callable[[Settings, str], list[Input]]


def ids(axis: str = "seq") -> Rule:
    """Plain token ids, or one id for each codebook."""

    def rule(s: Settings, name: str) -> list[Input]:
        low, high = s.low_high
        books = s.number("num_codebooks", default=4)
        return [
            tokens(name, high, "batch", axis, low=low),
            tokens(name, high, "batch", axis, books, low=low),
            tokens(name, high, "batch", axis, books + 1, low=low),
        ]

    return rule


def decoder_ids(s: Settings, name: str) -> list[Input]:
    """Ids of the decoder's own vocabulary, where there is a decoder apart; all codebooks of a sound in one batch."""
    if not (s.get("is_encoder_decoder") or name in s.names):
        return []
    decoder = getattr(s.config, "decoder", None)
    size = getattr(decoder, "vocab_size", None) or s.get("decoder_vocab_size", "tgt_vocab_size") or s.low_high[1]
    plain = [tokens(name, int(size), "batch", "target")]
    books = s.get("num_codebooks") or (s.get("num_channels") if s.get("delay_pattern") else None)
    if not isinstance(books, int):
        return plain
    s.sizes["rows"] = (2 * books, 3 * books)
    return [tokens(name, int(size), "rows", "target"), *plain, tokens(name, int(size), "batch", "target", books)]


def segments(s: Settings, name: str) -> list[Input]:
    """Segment ids, where the model has more than one segment."""
    sizes = s.get("type_vocab_sizes")
    if isinstance(sizes, (list, tuple)):  # tables: one kind of segment for each row, column and rank
        return [Input(name, ("batch", "seq", 7), lambda shape, _: torch.zeros(shape, dtype=torch.int64))]
    size = s.number("type_vocab_size", "num_token_types", default=0)
    return [tokens(name, size, "batch", "seq", low=0)] if size > 1 else []


def boxes(_s: Settings, name: str) -> list[Input]:
    """Boxes of whole numbers with x0 < x1 and y0 < y1, or eight coordinates of corners."""

    def draw(shape: tuple[int, ...], g: torch.Generator) -> torch.Tensor:
        low = torch.randint(0, 60, (*shape[:2], 2), generator=g)
        return torch.cat([low, low + torch.randint(1, 60, low.shape, generator=g)], -1)

    return [Input(name, ("batch", "seq", 4), draw), numbers(name, "batch", "seq", 8), numbers(name, "batch", "seq", 4)]


def below(names: tuple[str, ...], default: int, *shape: int | str | tuple[tuple[str, ...], int]) -> Rule:
    """Ids below a number of the configuration."""

    def rule(s: Settings, name: str) -> list[Input]:
        size = s.number(*names, default=default)
        return [tokens(name, size, *_shape(s, shape or ("batch", "seq")), low=0)]

    return rule


def real(*shape: int | str | tuple[tuple[str, ...], int]) -> Rule:
    """Numbers of a shape whose sizes are axes, numbers, or (names of settings, default)."""
    return lambda s, name: [numbers(name, *_shape(s, shape))]


def _shape(s: Settings, shape: tuple[int | str | tuple[tuple[str, ...], int], ...]) -> tuple[int | str, ...]:
    return tuple(s.number(*n[0], default=n[1]) if isinstance(n, tuple) else n for n in shape)


def when(setting: str, rule: Rule) -> Rule:
    """The rule, in models whose configuration has the setting; nothing in others."""
    return lambda s, name: rule(s, name) if s.get(setting) else []


def first_only(_s: Settings, name: str) -> list[Input]:
    """A mask that marks the first token alone."""

    def draw(shape: tuple[int, ...], _g: torch.Generator) -> torch.Tensor:
        mask = torch.zeros(shape, dtype=torch.int64)
        mask[:, 0] = 1
        return mask

    return [Input(name, ("batch", "seq"), draw)]
