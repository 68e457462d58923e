"""How each named input of a forward looks, by modality; several layouts where families differ."""

from __future__ import annotations

from collections.abc import Callable

import torch

from irgen.frontends.settings import Settings, side_of
from irgen.source import SIZES, Input, numbers, ones, tokens

#: Optional inputs that carry a modality: left out, a whole tower of the model would stay dark.
WANTED = (
    "input_ids", "pixel_values", "pixel_values_images", "pixel_values_videos", "input_features", "input_values", "image", "bbox",
    "flattened_patches", "image_pixel_values", "audio_input_features", "protein_input_ids", "audio_input_ids",
    "image_grid_thw", "image_grid_hw", "image_sizes", "pixel_position_ids", "image_position_ids", "spatial_shapes", "pixel_attention_mask", "image_patches",
    "aspect_ratio_ids", "aspect_ratio_mask", "decoder_input_ids", "decoder_input_values", "speaker_embeddings", "token_type_ids",
    "past_time_features", "past_observed_mask", "future_values", "future_time_features",
    "static_categorical_features", "static_real_features", "states", "actions", "rewards", "returns_to_go", "timesteps",
    "visual_embeds", "visual_feats", "visual_pos", "entity_ids", "xpath_tags_seq", "xpath_subs_seq", "target_sizes",
    "input_shape_ids", "input_pronunciation_ids", "input_points", "image_embeds_position_mask", "task_type_ids", "prompt_depth",
    "image_merge_sizes", "image_token_pooling", "image_grids", "image_num_crops", "qformer_input_ids", "global_attention_mask",
    "image_attention_mask",
)  # fmt: skip


def _ids(axis: str = "seq") -> Callable[[Settings], list[Input]]:
    def rule(s: Settings, name: str = "") -> list[Input]:
        low, high = s.low_high
        return [
            tokens(name, high, "batch", axis, low=low),
            tokens(name, high, low=low, *("batch", axis, int(s.get("num_codebooks", default=4)))),
        ]

    return rule


def _image(s: Settings, name: str) -> list[Input]:
    channels = s.vision("num_channels", "in_channels", "in_chans", "input_channels", "num_input_channels", default=3)
    channels = int(channels[0] if isinstance(channels, (list, tuple)) else channels)
    channels = channels if channels in (1, 2, 3, 4) else 3
    height, width = side_of(
        s.vision("image_size", "img_size", "input_size", "crop_size", "max_img_size", "base_image_size", default=96)
    )
    frames = int(s.vision("num_frames", "frames_per_clip", default=0) or 0)
    still = numbers(name, "batch", channels, height, width)
    if "image_grid_thw" in s.names or "image_grid_hw" in s.names or "grid_thw" in s.names:
        return [_flat_patches(s, name, channels), still]
    if "spatial_shapes" in s.names or "pixel_position_ids" in s.names or "image_position_ids" in s.names:
        patch = int(s.vision("patch_size", default=16))
        return [numbers(name, "batch", 16, patch * patch * channels), still]
    video = numbers(name, "batch", frames or 2, channels, height, width)
    crops = numbers(name, "batch", 1, channels, height, width)
    out = [video, still] if frames > 1 else [still, crops]
    return [
        *out,
        numbers(name, "batch", channels, 64, 96),
        numbers(name, 1, channels, height, width),
        numbers(name, "batch", 1, 1, channels, height, width),
        numbers(name, "batch", 2, channels, height, width),
    ]


def _flat_patches(s: Settings, name: str, channels: int) -> Input:
    """Patches of all images in one list: 4 × 4 patches an image, each a flattened cube of pixels."""
    patch = int(s.vision("patch_size", "spatial_patch_size", default=14))
    temporal = int(s.vision("temporal_patch_size", "patch_temporal", default=1))
    side = _gridside_of(s)
    s.sizes["patches"] = (SIZES["batch"][0] * side * side, SIZES["batch"][1] * side * side)
    return numbers(name, "patches", channels * temporal * patch * patch)


def _gridside_of(s: Settings) -> int:
    merge = s.vision("spatial_merge_size", "merge_size", default=2)
    merge = int(merge if isinstance(merge, int) else 2)
    return merge * 2


def _grid(width: int) -> Callable[[Settings, str], list[Input]]:
    def rule(s: Settings, name: str) -> list[Input]:
        side = _gridside_of(s)
        row = [1, side, side][-width:]
        return [Input(name, ("batch", width), lambda shape, _g: torch.tensor([row]).repeat(shape[0], 1))]

    return rule


def _sound(s: Settings, name: str) -> list[Input]:
    """A wave form, or features: (batch, samples), (batch, 1, samples), (batch, frames, bins)."""
    bins = int(s.audio("num_mel_bins", "feature_size", "n_mels", default=80))
    length = s.audio("max_length", default=1024)
    spectrum = numbers(name, "batch", int(length), bins)
    wave = [numbers(name, "batch", "samples"), numbers(name, "batch", 1, "samples")]
    return [spectrum, *wave] if s.audio("frequency_stride") else [*wave, spectrum]


def _features(s: Settings, name: str) -> list[Input]:
    """Mel features, frames last (with the number of frames the encoder wants) or bins last."""
    bins = int(
        s.audio(
            "num_mel_bins",
            "n_mels",
            "feature_size",
            "input_feat_size",
            "feature_projection_input_dim",
            "input_dim",
            "n_mel_bins",
            "num_mel",
            default=80,
        )
    )
    positions = s.audio("max_source_positions")
    out: list[Input] = []
    if isinstance(positions, int) and positions <= 3000:
        out.append(numbers(name, "batch", bins, 2 * positions))
    wide = int(s.audio("feature_projection_input_dim", "input_dim", default=bins))
    out += [
        numbers(name, "batch", "frames", wide),
        numbers(name, "batch", bins, "frames"),
        numbers(name, "batch", bins, 200),
        numbers(name, "batch", 200, bins),
    ]
    out += [
        numbers(name, "batch", 1, 1001, bins),
        numbers(name, "batch", 1, int(s.audio("spec_size", default=256)) * 4, bins),
    ]
    return out


def _video(s: Settings, name: str) -> list[Input]:
    frames = int(s.vision("num_frames", "frames_per_clip", "num_image_frames", default=4) or 4)
    height, width = side_of(s.vision("image_size", "crop_size", default=96))
    if s.get("text_config") is not None and "pixel_values" in s.names:
        return []
    return [numbers(name, "batch", frames, 3, height, width), numbers(name, "batch", 3, frames, height, width)]


def _past(s: Settings) -> int:
    lags = s.get("lags_sequence")
    context = int(s.get("context_length", default=32))
    return context + (max(lags) if isinstance(lags, (list, tuple)) and lags else 0)


def _past_values(s: Settings, name: str) -> list[Input]:
    channels = int(s.get("num_input_channels", "input_size", default=1))
    flat = numbers(name, "batch", _past(s))
    channelled = numbers(name, "batch", _past(s), channels)
    return [flat, channelled] if channels == 1 and s.get("lags_sequence") else [channelled, flat]


def _like_series(which: str) -> Callable[[Settings, str], list[Input]]:
    def rule(s: Settings, name: str) -> list[Input]:
        length = _past(s) if which == "past" else int(s.get("prediction_length", default=24) or 24)
        features = int(s.get("num_time_features", default=0)) + int(s.get("num_dynamic_real_features", default=0))
        if name.endswith("time_features"):
            return (
                [numbers(name, "batch", length, max(features, 1) if which == "past" and not features else features)]
                if features
                else [numbers(name, "batch", length, 0)]
            )
        if name.endswith("mask"):
            return [ones(name, "batch", length, integer=False)]
        return [numbers(name, "batch", length)]

    return rule


def _boxes(_s: Settings, name: str) -> list[Input]:
    """Boxes x0 ≤ x1, y0 ≤ y1 on the 1000 × 1000 page, or corners scaled to one."""

    def draw(shape: tuple[int, ...], g: torch.Generator) -> torch.Tensor:
        low, size = (
            torch.randint(0, 60, (*shape[:2], 2), generator=g),
            torch.randint(1, 60, (*shape[:2], 2), generator=g),
        )
        return torch.cat([low, low + size], -1)

    return [Input(name, ("batch", "seq", 4), draw), numbers(name, "batch", "seq", 8)]


def _below(names: tuple[str, ...], default: int, *shape: int | str) -> Callable[[Settings, str], list[Input]]:
    """Ids below a number of the configuration."""

    def rule(s: Settings, name: str) -> list[Input]:
        size = s.get(*names, default=default)
        return [tokens(name, int(size if isinstance(size, int) else size[0]), *(shape or ("batch", "seq")), low=0)]

    return rule


def _real(*shape: int | str | tuple[tuple[str, ...], int]) -> Callable[[Settings, str], list[Input]]:
    """Numbers of a shape whose sizes are axes, numbers, or (configuration names, default)."""

    def rule(s: Settings, name: str) -> list[Input]:
        return [numbers(name, *(int(s.get(*n[0], default=n[1])) if isinstance(n, tuple) else n for n in shape))]

    return rule


def _mask(*shape: int | str) -> Callable[[Settings, str], list[Input]]:
    return lambda _s, name: [ones(name, *shape)]


def _segments(s: Settings, name: str) -> list[Input]:
    """Segment ids, where the model has more than one segment."""
    size = s.get("type_vocab_size", "type_vocab_sizes", "num_token_types", default=0)
    size = size[0] if isinstance(size, (list, tuple)) and size else size
    if s.get("model_type") == "tapas":
        return [Input(name, ("batch", "seq", 7), lambda shape, _g: torch.zeros(shape, dtype=torch.int64))]
    return [tokens(name, int(size), "batch", "seq", low=0)] if isinstance(size, int) and size > 1 else []


def _decoder_ids(s: Settings, name: str) -> list[Input]:
    if not (s.get("is_encoder_decoder") or name in s.names):
        return []
    decoder = getattr(s.config, "decoder", None)
    size = getattr(decoder, "vocab_size", None) or s.get("decoder_vocab_size", "tgt_vocab_size") or s.low_high[1]
    books = s.get("num_codebooks")
    wide = [tokens(name, int(size), "batch", "target", int(books))] if isinstance(books, int) else []
    return [tokens(name, int(size), "batch", "target"), *wide]


def _named(rule: Callable[[Settings, str], list[Input]], name: str) -> Callable[[Settings], list[Input]]:
    return lambda s: rule(s, name)


_BY_NAME: dict[str, Callable[..., list[Input]]] = {
    "input_ids": _ids(),
    "decoder_input_ids": _decoder_ids,
    "protein_input_ids": _ids("target"),
    "qformer_input_ids": _ids("target"),
    "classes_input_ids": _ids("target"),
    "tasks_input_ids": _ids("target"),
    "token_type_ids": _segments,
    "inputs_embeds": _real("batch", "seq", (("hidden_size", "d_model", "n_embd"), 64)),
    "hidden_states": lambda s, name: (
        [_flat_patches(s, name, int(s.vision("in_channels", "in_chans", "num_channels", default=3)))]
        if "grid_thw" in s.names
        else [numbers(name, "batch", "seq", int(s.get("hidden_size", "d_model", "embed_dim", default=64)))]
    ),
    "pixel_values": _image,
    "pixel_values_images": _image,
    "image": _image,
    "image_pixel_values": _image,
    "prompt_pixel_values": _image,
    "prompt_masks": _image,
    "pixel_values_videos": _video,
    "image_grid_thw": _grid(3),
    "grid_thw": _grid(3),
    "image_grid_hw": _grid(2),
    "spatial_shapes": lambda _s, name: [Input(name, ("batch", 2), lambda shape, _g: torch.full(shape, 4))],
    "pixel_attention_mask": _mask("batch", 16),
    "pixel_position_ids": lambda _s, name: [
        Input(name, ("batch", 16, 2), lambda shape, _g: torch.cartesian_prod(torch.arange(4), torch.arange(4)).repeat(shape[0], 1, 1))
    ],
    "image_position_ids": lambda _s, name: [
        Input(name, ("batch", 16, 2), lambda shape, _g: torch.cartesian_prod(torch.arange(4), torch.arange(4)).repeat(shape[0], 1, 1))
    ],
    "image_sizes": lambda s, name: [
        Input(name, ("batch", 2), lambda shape, _g: torch.tensor([side_of(s.vision("image_size", default=96))]).repeat(shape[0], 1))
    ],
    "aspect_ratio_ids": lambda _s, name: [Input(name, ("batch", 1), lambda shape, _g: torch.ones(shape, dtype=torch.int64))],
    "aspect_ratio_mask": lambda s, name: [ones(name, "batch", 1, int(s.vision("max_num_tiles", default=4)))],
    "input_values": _sound,
    "audio_input_features": _features,
    "input_features": _features,
    "audio_mel": _features,
    "past_values": _past_values,
    "past_values_padding": _like_series("past"),
    "past_time_features": _like_series("past"),
    "past_observed_mask": _like_series("past"),
    "future_values": _like_series("future"),
    "future_time_features": _like_series("future"),
    "static_categorical_features": lambda s, name: (
        [tokens(name, 2, "batch", int(n), low=0)] if (n := s.get("num_static_categorical_features", default=0)) else []
    ),
    "static_real_features": lambda s, name: [numbers(name, "batch", int(n))] if (n := s.get("num_static_real_features", default=0)) else [],
    "states": _real("batch", "seq", (("state_dim",), 17)),
    "actions": _real("batch", "seq", (("act_dim",), 4)),
    "rewards": _real("batch", "seq", 1),
    "returns_to_go": _real("batch", "seq", 1),
    "timesteps": _below(("max_ep_len",), 100),
    "bbox": _boxes,
    "visual_embeds": _real("batch", 7, (("visual_embedding_dim",), 64)),
    "visual_feats": _real("batch", 7, (("visual_feat_dim",), 64)),
    "visual_pos": _real("batch", 7, (("visual_pos_dim",), 4)),
    "entity_ids": _below(("entity_vocab_size",), 10, "batch", 5),
    "xpath_tags_seq": lambda s, name: [tokens(name, int(s.get("max_xpath_tag_unit_embeddings", default=256)), "batch", "seq", int(s.get("max_depth", default=50)), low=0)],
    "xpath_subs_seq": lambda s, name: [tokens(name, int(s.get("max_xpath_subs_unit_embeddings", default=256)), "batch", "seq", int(s.get("max_depth", default=50)), low=0)],
    "input_shape_ids": _below(("shape_vocab_size",), 100),
    "input_pronunciation_ids": _below(("pronunciation_vocab_size",), 100),
    "task_type_ids": lambda s, name: [tokens(name, int(s.get("task_type_vocab_size", default=3)), low=0)] if s.get("use_task_id") else [],
    "flattened_patches": lambda s, name: [
        numbers(name, "batch", "nodes", int(s.vision("patch_embed_hidden_size", default=768))),
        Input(name, ("batch", "nodes", 2 + 3 * int(s.vision("patch_size", default=16)) ** 2), _flattened),
    ],
    "decoder_input_values": _real("batch", "target", (("num_mel_bins",), 80)),
    "speaker_embeddings": _real("batch", (("speaker_embedding_dim",), 512)),
    "input_points": lambda _s, name: [numbers(name, "batch", 1, 2, 2)],
    "inputs": lambda s, name: [tokens(name, s.low_high[1]), numbers(name, "batch", 3, 224, 224), numbers(name, "batch", "seq", (int(s.get("d_model", default=64))))],
    "prompt_depth": lambda s, name: [numbers(name, "batch", 1, *(side_of(s.vision("image_size", default=224))))],
    "task_inputs": _ids("target"),
    "state": _real("batch", (("max_state_dim",), 32)),
    "latents": _real("batch", "frames", (("latent_dim", "latent_channels"), 32)),
    "noise_embeds": _real("batch", "frames", (("noise_embed_dim", "hidden_size"), 32)),
    "global_attention_mask": lambda s, name: [Input(name, ("batch", "seq"), _first_only)] if s.get("attention_window") else [],
    "image_merge_sizes": lambda s, name: [Input(name, ("batch",), lambda shape, _g: torch.full(shape, 2))],
    "image_attention_mask": lambda s, name: [ones(name, "batch", "seq", 1)] if s.get("cross_layer_interval") else [],
    "merge_sizes": lambda s, name: [Input(name, ("batch",), lambda shape, _g: torch.full(shape, 2))],
}  # fmt: skip


def _first_only(shape: tuple[int, ...], _g: torch.Generator) -> torch.Tensor:
    mask = torch.zeros(shape, dtype=torch.int64)
    mask[:, 0] = 1
    return mask


def _flattened(shape: tuple[int, ...], g: torch.Generator) -> torch.Tensor:
    """Patches led by their row and column, counted from one."""
    out = torch.randn(shape, generator=g)
    out[..., 0] = torch.arange(shape[1]) // 4 + 1
    out[..., 1] = torch.arange(shape[1]) % 4 + 1
    return out


def _bind(name: str, rule: Callable[..., list[Input]]) -> Callable[[Settings], list[Input]]:
    return lambda s: rule(s, name)


#: For each name of an input, the inputs it may stand for, the likeliest first; an empty list leaves it out.
RULES: dict[str, Callable[[Settings], list[Input]]] = {name: _bind(name, rule) for name, rule in _BY_NAME.items()}

#: Masks that must be as long as another input, and that input.
MASKS = {
    "input_features_mask": "input_features",
    "feature_attention_mask": "input_features",
    "audio_mel_mask": "audio_mel",
    "padding_mask": "input_values",
    "input_values_mask": "input_values",
}


def mask_of(name: str, pick: tuple[Input, ...]) -> Input | None:
    """A mask that hides nothing of the input it goes with, along that input's axis of time; None without that input."""
    source = next((i for i in pick if i.name == MASKS[name]), None)
    if source is None:
        return None
    rest = source.shape[1:]
    time = next((n for n in rest if isinstance(n, str)), max((n for n in rest if isinstance(n, int)), default=1))
    return Input(name, (source.shape[0], time), lambda shape, _g: torch.ones(shape, dtype=torch.bool))
