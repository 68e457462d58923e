"""Configurations as a source: what is built from good ones, what is said of damaged and hostile ones."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from irgen.errors import InputError, IrgenError, SourceError
from irgen.frontends.huggingface import build
from irgen.frontends.inputs import with_inputs

SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 88}
VISION = {**SMALL, "image_size": 32, "patch_size": 8}


@pytest.fixture
def folder(tmp_path: Path):
    def write(values: object) -> Path:
        text = values if isinstance(values, str) else json.dumps(values)
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
        return tmp_path

    return write


GOOD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "the class the configuration names": (
        {"model_type": "bert", "architectures": ["BertForSequenceClassification"], "vocab_size": 101, **SMALL},
        {"input_ids", "token_type_ids"},
    ),
    "text": ({"model_type": "llama", "vocab_size": 101, "num_key_value_heads": 2, **SMALL}, {"input_ids"}),
    "encoder and decoder": (
        {"model_type": "t5", "vocab_size": 101, "d_model": 40, "d_kv": 8, "d_ff": 72, "num_layers": 2, "num_heads": 4},
        {"input_ids", "decoder_input_ids"},
    ),
    "image": ({"model_type": "vit", **VISION}, {"pixel_values"}),
    "image and text in towers": (
        {"model_type": "clip", "text_config": {"vocab_size": 101, **SMALL}, "vision_config": VISION},
        {"input_ids", "pixel_values"},
    ),
    "image tokens in text": (
        {
            "model_type": "llava",
            "image_token_index": 99,
            "text_config": {"model_type": "llama", "vocab_size": 101, **SMALL},
            "vision_config": {"model_type": "clip_vision_model", **VISION},
        },
        {"input_ids", "pixel_values"},
    ),
    "sound features": (
        {
            "model_type": "whisper",
            "vocab_size": 101,
            "d_model": 48,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 88,
            "decoder_ffn_dim": 88,
            "max_source_positions": 50,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "decoder_start_token_id": 3,
        },
        {"input_features", "decoder_input_ids"},
    ),
    "video": ({"model_type": "timesformer", "num_frames": 3, **VISION}, {"pixel_values"}),
}


@pytest.mark.parametrize("kind", GOOD)
def test_inputs_reach_every_parameter_of_a_module_without_weights(kind: str, folder: Any):
    values, expected = GOOD[kind]
    built = build(folder(values))
    assert set(built.kwargs) == expected
    assert built.note == ""
    assert all(p.is_meta for p in built.module.parameters())
    assert not built.module.training
    named = [n for n, axes in built.axes.items() if "batch" in axes]
    assert set(named) == expected
    assert all(built.kwargs[n].shape[0] != built.resized[0][n].shape[0] for n in named)


def test_as_many_image_tokens_as_image_features(folder: Any):
    values, _ = GOOD["image tokens in text"]
    ids = build(folder(values)).kwargs["input_ids"]
    assert (ids == 99).sum(-1).tolist() == [16, 16]


def test_a_config_file_alone_is_enough(folder: Any):
    assert build(folder(GOOD["image"][0]) / "config.json").kwargs["pixel_values"].shape[1:] == (3, 32, 32)


BAD: dict[str, tuple[object, str]] = {
    "not JSON": ("{'a': 1}", "cannot be read"),
    "cut off": ('{"model_type": "llama", "hidden_', "cannot be read"),
    "nested without end": ("[" * 100_000, "cannot be read"),
    "not an object": ([1, 2], "not a JSON object"),
    "no model type": ({}, "no model_type"),
    "unknown model type": ({"model_type": "lamma"}, "knows no model_type 'lamma'"),
    "model type of another kind": ({"model_type": ["llama"]}, "knows no model_type"),
    "text for a number": ({"model_type": "llama", "hidden_size": "big"}, "hidden_size"),
    "nothing for a number": ({"model_type": "llama", "vocab_size": None}, "vocab_size"),
    "heads that do not divide": ({"model_type": "llama", "hidden_size": 100, "num_attention_heads": 7}, "heads"),
    "no heads": ({"model_type": "llama", "num_attention_heads": 0}, "not a valid llama"),
    "negative width": ({"model_type": "bert", "hidden_size": -48}, "hidden_size is -48, it must be 1 or more"),
    "negative depth": ({"model_type": "gpt2", "n_layer": -3}, "n_layer is -3, it must be 1 or more"),
    "no count at all": ({"model_type": "llama", "num_hidden_layers": -1}, "num_hidden_layers is -1"),
    "negative inside": (
        {"model_type": "llava", "text_config": {"num_attention_heads": -2}},
        "num_attention_heads is -2",
    ),
    "negative stage": ({"model_type": "swin", "depths": [2, -2]}, "depths is -2"),
    "absurd width": ({"model_type": "llama", "hidden_size": 10**12}, "hidden_size is 1000000000000"),
    "absurd depth": ({"model_type": "llama", "num_hidden_layers": 10**7}, "num_hidden_layers is 10000000"),
    "absurd depth inside": ({"model_type": "llava", "text_config": {"num_hidden_layers": 10**7}}, "num_hidden_layers"),
    "absurd experts": ({"model_type": "mixtral", "num_local_experts": 10**7}, "num_local_experts"),
    "absurd stages": ({"model_type": "swin", "depths": [2, 10**8]}, "depths"),
    "code of its own": ({"model_type": "mine", "auto_map": {"AutoModel": "mine.Model"}}, "brings its own Python code"),
}


def test_negative_numbers_that_are_no_sizes_are_let_through(folder: Any):
    values, names = GOOD["text"]
    free = {"pad_token_id": -1, "chunk_size": -1, "num_images": -1, "vision_feature_layers": [-2, -5]}
    assert set(build(folder({**values, **free})).kwargs) == names


@pytest.mark.parametrize("kind", BAD)
def test_a_damaged_or_hostile_configuration_is_one_sentence_with_a_remedy(kind: str, folder: Any):
    values, said = BAD[kind]
    with pytest.raises(SourceError) as caught:
        build(folder(values))
    assert said in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.at
    assert caught.value.fix


def test_near_names_are_suggested(folder: Any):
    with pytest.raises(SourceError, match="did you mean") as caught:
        build(folder({"model_type": "mistrall"}))
    assert "mistral" in str(caught.value)


def test_a_folder_without_configuration_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match=r"no config\.json"):
        build(tmp_path)


def test_an_unreachable_hub_is_said_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    started = time.perf_counter()
    with pytest.raises(SourceError, match="not in the local cache"):
        build("nobody/no-such-model")
    assert time.perf_counter() - started < 10


def test_what_is_no_id_is_refused():
    with pytest.raises(SourceError, match="no such file or folder"):
        build("no such/place/at all")


class Opaque(torch.nn.Module):
    def forward(self, mystery: torch.Tensor) -> torch.Tensor:
        return mystery


def test_an_input_nobody_knows_is_named():
    with pytest.raises(InputError, match="needs mystery") as caught:
        with_inputs(Opaque())
    assert "--input" in (caught.value.fix or "")


class Broken(torch.nn.Module):
    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError(f"on purpose {input_ids.shape}")


def test_a_forward_that_always_raises_is_an_input_error_with_its_reason():
    with pytest.raises(IrgenError, match="on purpose"):
        with_inputs(Broken())


class Half(torch.nn.Module):
    """Two layers of which the forward uses one."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = torch.nn.Embedding(100, 3), torch.nn.Linear(5, 7)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.used(input_ids)


def test_parameters_that_no_guess_reaches_are_counted():
    assert with_inputs(Half()).note == "42 of 342 parameters are never used by these inputs"
