"""Fields that the general shrinking gets wrong for one model type, with the value it needs."""

from typing import Any

_SERIES = {"prediction_length": 8, "context_length": 20}
_RESNET = {
    "use_timm_backbone": False,
    "use_pretrained_backbone": False,
    "backbone": None,
    "backbone_config": {
        "model_type": "resnet",
        "embedding_size": 16,
        "hidden_sizes": [24, 32, 40, 56],
        "depths": [2, 1, 1, 1],
        "layer_type": "basic",
        "out_features": ["stage4"],
    },
}
_PYRAMID = _RESNET | {"backbone_config": _RESNET["backbone_config"] | {"out_features": ["stage2", "stage3", "stage4"]}}


def _sections(*sizes: int) -> dict[str, Any]:
    return {"rope_parameters": {"mrope_section": list(sizes)}}


OVERRIDES: dict[str, dict[str, Any]] = {
    "autoformer": _SERIES,
    "informer": _SERIES,
    "time_series_transformer": _SERIES,
    "detr": _RESNET,
    "conditional_detr": _RESNET,
    "dab-detr": _RESNET,
    "table-transformer": _RESNET,
    "deformable_detr": _PYRAMID,
    "aria": {"projector_patch_to_query_dict": {16: 6}},
    "llama4": {"vision_config": {"intermediate_size": 192, "vision_output_dim": 256}},
    "mllama": {"vision_config": {"vision_output_dim": 320}},
    "aya_vision": {"vision_config": {"num_attention_heads": 6}},
    "blip-2": {"image_token_id": 130, "num_query_tokens": 6},
    "instructblip": {"image_token_id": 130, "num_query_tokens": 6},
    "instructblipvideo": {"video_token_id": 130, "num_query_tokens": 6},
    "bros": {"dim_bbox_sinusoid_emb_2d": 32, "dim_bbox_sinusoid_emb_1d": 4, "dim_bbox_projection": 16},
    "deepseek_v2": {"num_experts_per_tok": 3, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1},
    "dots1": {
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "num_experts_per_tok": 3,
        "moe_intermediate_size": 56,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
    },
    "dpt": {"num_hidden_layers": 5, "backbone_out_indices": [1, 2, 3, 4]},
    "esm": {"vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32},
    "falcon_h1": {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 12},
    "gemma3n_text": {"num_kv_shared_layers": 0},
    "glm46v": {"text_config": _sections(2, 1, 1)},
    "glm4v": {"text_config": _sections(2, 1, 1)},
    "glm4v_text": _sections(2, 1, 1),
    "glm4v_moe": {"text_config": _sections(1, 1, 1)},
    "glm4v_moe_text": _sections(1, 1, 1),
    "glm_image": {"text_config": _sections(2, 1, 1)},
    "glm_image_text": _sections(2, 1, 1),
    "glm_ocr": {"text_config": _sections(2, 3, 3), "vision_config": {"out_hidden_size": 64}},
    "glm_ocr_text": _sections(2, 3, 3),
    "glmga": {"text_config": _sections(2, 1, 1)},
    "layoutlmv3": {"coordinate_size": 8, "shape_size": 8},
    "lfm2_moe": {"layer_types": ["conv", "conv", "full_attention"] * 2, "num_hidden_layers": 6},
    "mobilebert": {
        "hidden_size": 48,
        "embedding_size": 24,
        "true_hidden_size": 16,
        "intra_bottleneck_size": 16,
        "intermediate_size": 56,
        "num_attention_heads": 4,
    },
    "moonshine_streaming": {"num_key_value_heads": 2},
    "paddleocr_vl": {"text_config": _sections(2, 1, 1)},
    "voxtral": {"audio_token_id": 130},
    "neomme": {"head_dim": 16},
    "qwen2_vl": {"vision_config": {"hidden_size": 512}, "text_config": _sections(4, 6, 6)},
    "qwen2_vl_text": _sections(4, 6, 6),
    "qwen2_5_vl": {"vision_config": {"out_hidden_size": 512}, "text_config": _sections(4, 6, 6)},
    "qwen2_5_vl_text": _sections(4, 6, 6),
    "qwen2_5_omni_thinker": {"text_config": _sections(2, 3, 3)},
    "reformer": {"axial_pos_embds_dim": [16, 48], "axial_pos_shape": [8, 20]},
    "stablelm": {"num_attention_heads": 10, "num_key_value_heads": 10},
    "step3p7": {"text_config": {"sliding_window": 8}},
    "swin2sr": {"embed_dim": 60, "image_size": 32},
    "pix2struct": {"vision_config": {"patch_embed_hidden_size": 768}},
    "pi0": {"vlm_config": {"image_token_index": 130}},
}
