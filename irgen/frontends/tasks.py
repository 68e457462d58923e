"""Which class of transformers stands for a model type."""

from __future__ import annotations

from typing import cast

#: Which task's class stands for a model type whose configuration names none: the one that shows most comes first.
TASKS = (
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT",
    "MODEL_FOR_MULTIMODAL_LM",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM",
    "MODEL_FOR_SPEECH_SEQ_2_SEQ",
    "MODEL_FOR_MASKED_LM",
    "MODEL_FOR_TEXT_TO_WAVEFORM",
    "MODEL_FOR_CAUSAL_LM",
    "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION",
    "MODEL_FOR_IMAGE_CLASSIFICATION",
    "MODEL_FOR_SEMANTIC_SEGMENTATION",
    "MODEL_FOR_UNIVERSAL_SEGMENTATION",
    "MODEL_FOR_OBJECT_DETECTION",
    "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION",
    "MODEL_FOR_VIDEO_CLASSIFICATION",
    "MODEL_FOR_DEPTH_ESTIMATION",
    "MODEL_FOR_CTC",
    "MODEL_FOR_AUDIO_CLASSIFICATION",
    "MODEL_FOR_TEXT_TO_SPECTROGRAM",
    "MODEL_FOR_TIME_SERIES_PREDICTION",
    "MODEL_FOR_TIME_SERIES_CLASSIFICATION",
    "MODEL_FOR_SEQUENCE_CLASSIFICATION",
    "MODEL",
    "MODEL_FOR_PRETRAINING",
    "MODEL_FOR_IMAGE_TO_IMAGE",
    "MODEL_FOR_KEYPOINT_DETECTION",
    "MODEL_FOR_KEYPOINT_MATCHING",
    "MODEL_FOR_IMAGE_MATTING",
    "MODEL_FOR_TEXT_RECOGNITION",
    "MODEL_FOR_TABLE_RECOGNITION",
    "MODEL_FOR_POSE_ESTIMATION",
    "MODEL_FOR_TEXT_ENCODING",
    "MODEL_FOR_MASK_GENERATION",
    "MODEL_FOR_BACKBONE",
)


def architecture_of(model_type: str, architectures: object = None) -> str | None:
    """The class of transformers for a model type: one that the configuration names, else the likeliest task's."""
    import transformers  # noqa: PLC0415 - heavy
    from transformers.models.auto import modeling_auto  # noqa: PLC0415

    for wish in cast("list[object]", architectures) if isinstance(architectures, list) else []:
        if isinstance(wish, str) and hasattr(transformers, wish):
            return wish
    for task in TASKS:
        found = getattr(modeling_auto, f"{task}_MAPPING_NAMES").get(model_type)
        if found:
            return found if isinstance(found, str) else found[0]
    return None
