"""Places in the text for image, video and sound features: as many tokens as the features that fill them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from irgen.frontends.settings import Settings
from irgen.source import SIZES, Input

SEQ, SEQ_AGAIN = SIZES["seq"]
KINDS = "mm_token_type_ids"  # 0 for words, 1 for places of images
BEFORE = 3  # words in front of the first feature

#: Given a method and its inputs: how many vectors it makes.
Features = Callable[[Callable[..., Any], dict[str, torch.Tensor]], int]


@dataclass(frozen=True)
class InText:
    """Features that take places in the text: the method that makes them, the setting of their token, their source."""

    method: str
    token: tuple[str, ...]
    sources: frozenset[str]


IN_TEXT = (
    InText(
        "get_image_features",
        ("image_token_id", "image_token_index"),
        frozenset({"pixel_values", "image_pixel_values", "pixel_values_images", "flattened_patches"}),
    ),
    InText("get_video_features", ("video_token_id", "video_token_index"), frozenset({"pixel_values_videos"})),
    InText(
        "get_audio_features",
        ("audio_token_id", "audio_token_index", "audio_soft_token_id"),
        frozenset({"input_features", "input_values", "audio_input_features"}),
    ),
)


def with_feature_tokens(
    module: Any, settings: Settings, pick: tuple[Input, ...], features: Features
) -> tuple[Input, ...]:
    """The inputs with as many special tokens in the text as there are features; unchanged where none are needed.

    Raises whatever the module's own methods raise on inputs that they do not take.
    """
    settings.sizes.pop("seq", None)
    names = {i.name for i in pick}
    places: list[tuple[int, int]] = []
    for kind in IN_TEXT:
        token = settings.get(*kind.token)
        makes = _method(module, kind.method)
        if "input_ids" in names and names & kind.sources and isinstance(token, int) and makes is not None:
            places.append((token, _count(makes, kind.sources, pick, settings, features)))
    if not places:
        return pick
    total = sum(n for _, n in places)
    settings.sizes["seq"] = (SEQ + total, SEQ_AGAIN + total)
    low, high = settings.low_high

    def draw(shape: tuple[int, ...], g: torch.Generator) -> torch.Tensor:
        ids = torch.randint(low, high, shape, generator=g)
        at = BEFORE
        for token, count in places:
            ids[:, at : at + count] = token
            at += count
        return ids

    kinds = torch.zeros(SEQ_AGAIN + total, dtype=torch.int64)
    kinds[BEFORE : BEFORE + total] = 1
    text = [Input("input_ids", ("batch", "seq"), draw)]
    if KINDS in inspect.signature(module.forward).parameters:
        text.append(Input(KINDS, ("batch", "seq"), lambda shape, _g: kinds[: shape[1]].expand(shape).clone()))
    return (*text, *(i for i in pick if i.name not in ("input_ids", KINDS, "token_type_ids")))


def _method(module: Any, name: str) -> Callable[..., Any] | None:
    """The method of the module, or of the part of it that has it."""
    owner = next((part for part in module.modules() if hasattr(part, name)), None)
    return None if owner is None else getattr(owner, name)


def _count(
    makes: Callable[..., Any],
    sources: frozenset[str],
    pick: tuple[Input, ...],
    settings: Settings,
    features: Features,
) -> int:
    """How many feature vectors one sample gets, by making them."""
    takes = sources | inspect.signature(makes).parameters.keys()
    both = SIZES | settings.sizes
    generator = torch.Generator().manual_seed(0)
    given = {i.name: i.at({n: s[0] for n, s in both.items()}, generator) for i in pick}
    return features(makes, {n: v for n, v in given.items() if n in takes}) // both["batch"][0]
