"""The table of inputs by name: how each may look, which optional ones to give, and the masks that go with them."""

from __future__ import annotations

import torch

from irgen.frontends import modality_sound as sound
from irgen.frontends import modality_text as text
from irgen.frontends import modality_vision as vision
from irgen.frontends.modality_text import Rule
from irgen.source import Input, numbers, ones

#: Optional inputs that carry a modality: left out, a whole tower of the model would stay dark.
WANTED = (
    "input_ids", "pixel_values", "pixel_values_images", "pixel_values_videos", "input_features", "input_values",
    "image", "bbox", "flattened_patches", "image_pixel_values", "audio_input_features", "protein_input_ids",
    "audio_input_ids", "image_grid_thw", "image_grid_hw", "image_sizes", "pixel_position_ids", "image_position_ids",
    "spatial_shapes", "pixel_attention_mask", "aspect_ratio_ids", "aspect_ratio_mask", "decoder_input_ids",
    "decoder_input_values", "speaker_embeddings", "token_type_ids", "past_time_features", "past_observed_mask",
    "future_values", "future_time_features", "static_categorical_features", "static_real_features", "states",
    "actions", "rewards", "returns_to_go", "timesteps", "visual_embeds", "visual_feats", "visual_pos", "entity_ids",
    "xpath_tags_seq", "xpath_subs_seq", "input_shape_ids", "input_pronunciation_ids", "input_points",
    "task_type_ids", "prompt_depth", "image_merge_sizes", "qformer_input_ids", "global_attention_mask",
    "image_attention_mask", "image_embeds_position_mask", "high_res_pixel_values",
)  # fmt: skip

#: Wanted inputs that only go with a modality: the first to be left out when a guess does not run.
AUXILIARY = frozenset(
    {"image_sizes", "token_type_ids", "image_position_ids", "image_attention_mask", "aspect_ratio_mask"}
)

_XPATH = ("batch", "seq", (("max_depth",), 50))
_HIDDEN = (("hidden_size", "d_model", "n_embd"), 64)

#: For each name of an input: what it may look like, the likeliest first; nothing leaves it out.
RULES: dict[str, Rule] = {
    "input_ids": text.ids(),
    "decoder_input_ids": text.decoder_ids,
    "protein_input_ids": text.ids("target"),
    "qformer_input_ids": text.ids("target"),
    "classes_input_ids": text.ids("target"),
    "tasks_input_ids": text.ids("target"),
    "task_inputs": text.ids("target"),
    "token_type_ids": text.segments,
    "inputs_embeds": text.real("batch", "seq", _HIDDEN),
    "query_embeds": text.real("batch", 7, _HIDDEN),
    "context_hidden_states": text.real("batch", "seq", _HIDDEN),
    "hidden_states": vision.hidden_states,
    "pixel_values": vision.image,
    "high_res_pixel_values": vision.image,
    "pixel_values_images": vision.image,
    "image": vision.image,
    "image_pixel_values": vision.image,
    "prompt_pixel_values": vision.image,
    "prompt_masks": vision.image,
    "pixel_values_videos": vision.video,
    "image_grid_thw": vision.grid(3),
    "grid_thw": vision.grid(3),
    "image_grid_hw": vision.grid(2),
    "spatial_shapes": vision.constant(vision.GRID, "batch", 2),
    "pixel_attention_mask": vision.patches_mask,
    "pixel_position_ids": vision.places,
    "image_position_ids": vision.places,
    "image_sizes": vision.image_sizes,
    "image_merge_sizes": vision.constant(2, "batch"),
    "merge_sizes": vision.constant(2, "batch"),
    "aspect_ratio_ids": vision.constant(1, "batch", 1),
    "aspect_ratio_mask": vision.tiles_mask,
    "flattened_patches": vision.flattened,
    "prompt_depth": vision.depth,
    "input_points": lambda _, name: [numbers(name, "batch", 1, 2, 2)],
    "image_attention_mask": text.when("cross_layer_interval", lambda _, name: [ones(name, "batch", "seq", 1)]),
    "image_embeds_position_mask": text.when("latent_query_num", text.first_only),
    "input_values": sound.wave,
    "input_features": sound.features,
    "audio_input_features": sound.features,
    "audio_mel": sound.features,
    "decoder_input_values": text.real("batch", "target", (("num_mel_bins",), 80)),
    "speaker_embeddings": text.real("batch", (("speaker_embedding_dim",), 512)),
    "past_values": sound.past_values,
    "past_values_padding": sound.beside("past"),
    "past_time_features": sound.beside("past"),
    "past_observed_mask": sound.beside("past"),
    "future_values": sound.beside("future"),
    "future_time_features": sound.beside("future"),
    "static_categorical_features": sound.categories,
    "static_real_features": sound.statics,
    "states": text.real("batch", "seq", (("state_dim",), 17)),
    "state": text.real("batch", (("max_state_dim",), 32)),
    "actions": text.real("batch", "seq", (("act_dim", "max_action_dim"), 4)),
    "rewards": text.real("batch", "seq", 1),
    "returns_to_go": text.real("batch", "seq", 1),
    "timesteps": text.below(("max_ep_len",), 100),
    "bbox": text.boxes,
    "visual_embeds": text.real("batch", 7, (("visual_embedding_dim",), 64)),
    "visual_feats": text.real("batch", 7, (("visual_feat_dim",), 64)),
    "visual_pos": text.real("batch", 7, (("visual_pos_dim",), 4)),
    "entity_ids": text.below(("entity_vocab_size",), 10, "batch", 5),
    "xpath_tags_seq": text.below(("max_xpath_tag_unit_embeddings",), 256, *_XPATH),
    "xpath_subs_seq": text.below(("max_xpath_subs_unit_embeddings",), 256, *_XPATH),
    "input_shape_ids": text.below(("shape_vocab_size",), 100),
    "input_pronunciation_ids": text.below(("pronunciation_vocab_size",), 100),
    "task_type_ids": text.when("use_task_id", text.below(("task_type_vocab_size",), 3)),
    "inputs": lambda s, name: [
        *text.ids()(s, name),
        numbers(name, "batch", 3, 224, 224),
        numbers(name, "batch", "seq", s.number("d_model", default=64)),
        numbers(name, "batch", "samples"),
    ],
    "latents": text.real("batch", "frames", (("latent_dim", "latent_channels"), 32)),
    "noise_embeds": text.real("batch", "frames", (("noise_embed_dim", "hidden_size"), 32)),
    "global_attention_mask": text.when("attention_window", text.first_only),
}  # fmt: skip

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
    return Input(name, (source.shape[0], time), lambda shape, _: torch.ones(shape, dtype=torch.bool))
