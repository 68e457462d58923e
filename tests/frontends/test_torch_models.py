# ruff: noqa: E501 - a table
"""Small transformers models, captured live and as exported programs, compute what the models compute."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from typing import Any

import pytest
import torch
import transformers as T  # noqa: N812

from irgen.frontends import torch_export
from irgen.frontends.torch_live import capture, record
from irgen.frontends.torch_replay import replays
from irgen.ir.graph import Graph
from irgen.passes import normalise
from tests.frontends.torch_support import disagreement, opaque, randomised

G = torch.Generator().manual_seed(2)
IDS = torch.randint(5, 90, (2, 17), generator=G)
TARGET = torch.randint(5, 90, (2, 11), generator=G)
IMAGE = torch.randn(2, 3, 32, 32, generator=G)
WORDS: dict[str, Any] = {"input_ids": IDS, "use_cache": False}
PAIR: dict[str, Any] = {**WORDS, "decoder_input_ids": TARGET}
SMALL: dict[str, Any] = {
    "vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64,
}  # fmt: skip
GROUPED = {**SMALL, "num_key_value_heads": 2}
VISION: dict[str, Any] = {k: v for k, v in SMALL.items() if k not in ("vocab_size", "max_position_embeddings")} | {
    "image_size": 32, "patch_size": 8
}  # fmt: skip

MODELS: dict[str, tuple[type[Any], Any, dict[str, Any]]] = {
    "gpt2": (T.GPT2LMHeadModel, lambda: T.GPT2Config(vocab_size=100, n_embd=32, n_layer=2, n_head=4), WORDS),
    "bert": (T.BertForMaskedLM, lambda: T.BertConfig(**SMALL), {"input_ids": IDS, "attention_mask": (IDS > 20).long()}),
    "bart": (T.BartModel, lambda: T.BartConfig(vocab_size=100, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48), PAIR),
    "llama": (T.LlamaForCausalLM, lambda: T.LlamaConfig(**GROUPED), WORDS),
    "mistral": (T.MistralForCausalLM, lambda: T.MistralConfig(**GROUPED, sliding_window=6), WORDS),
    "gemma2": (T.Gemma2ForCausalLM, lambda: T.Gemma2Config(**GROUPED, head_dim=8, sliding_window=5), WORDS),
    "mixtral": (T.MixtralForCausalLM, lambda: T.MixtralConfig(**GROUPED, num_local_experts=4), WORDS),
    "gpt_oss": (T.GptOssForCausalLM, lambda: T.GptOssConfig(**GROUPED, head_dim=8, num_local_experts=4, sliding_window=8), WORDS),
    "deepseek_v3": (T.DeepseekV3ForCausalLM, lambda: T.DeepseekV3Config(**{**SMALL, "num_key_value_heads": 4}, moe_intermediate_size=16, n_routed_experts=8, n_group=4, topk_group=2, num_experts_per_tok=3, q_lora_rank=16, kv_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=8, v_head_dim=8, first_k_dense_replace=1), WORDS),
    "mamba": (T.MambaForCausalLM, lambda: T.MambaConfig(vocab_size=100, hidden_size=32, num_hidden_layers=2), WORDS),
    "mamba2": (T.Mamba2ForCausalLM, lambda: T.Mamba2Config(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_heads=4, head_dim=16, n_groups=2, state_size=8, chunk_size=8), WORDS),
    "recurrent_gemma": (T.RecurrentGemmaForCausalLM, lambda: T.RecurrentGemmaConfig(**{**GROUPED, "num_hidden_layers": 3}, lru_width=32, attention_window_size=8, head_dim=8), WORDS),
    "xlnet": (T.XLNetLMHeadModel, lambda: T.XLNetConfig(vocab_size=100, d_model=32, n_layer=2, n_head=4, d_inner=48), {"input_ids": IDS}),
    "deberta_v2": (T.DebertaV2Model, lambda: T.DebertaV2Config(**SMALL, relative_attention=True, pos_att_type=["c2p", "p2c"]), {"input_ids": IDS}),
    "longformer": (T.LongformerModel, lambda: T.LongformerConfig(**SMALL, attention_window=4), {"input_ids": IDS}),
    "vit": (T.ViTForImageClassification, lambda: T.ViTConfig(**VISION), {"pixel_values": IMAGE}),
    "swin": (T.SwinModel, lambda: T.SwinConfig(image_size=32, patch_size=2, embed_dim=12, depths=[2, 2], num_heads=[2, 4], window_size=4), {"pixel_values": IMAGE}),
    "segformer": (T.SegformerForSemanticSegmentation, lambda: T.SegformerConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], decoder_hidden_size=16), {"pixel_values": IMAGE}),
    "resnet": (T.ResNetForImageClassification, lambda: T.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2]), {"pixel_values": IMAGE}),
    "timesformer": (T.TimesformerModel, lambda: T.TimesformerConfig(**VISION, num_frames=3), {"pixel_values": torch.randn(2, 3, 3, 32, 32, generator=G)}),
    "whisper": (T.WhisperModel, lambda: T.WhisperConfig(vocab_size=100, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_mel_bins=8, max_source_positions=20, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1), {"input_features": torch.randn(2, 8, 40, generator=G), "decoder_input_ids": TARGET, "use_cache": False}),
    "clip": (T.CLIPModel, lambda: T.CLIPConfig(text_config={**SMALL, "eos_token_id": 99}, vision_config=VISION, projection_dim=16), {"input_ids": IDS, "pixel_values": IMAGE}),
    "rwkv": (T.RwkvForCausalLM, lambda: T.RwkvConfig(vocab_size=100, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32), WORDS),
}  # fmt: skip


def built(name: str) -> tuple[Any, dict[str, Any]]:
    cls, config, inputs = MODELS[name]
    T.logging.set_verbosity_error()
    with warnings.catch_warnings(action="ignore"):
        return randomised(cls(config())), dict(inputs)


@pytest.mark.parametrize("name", MODELS)
def test_model_lowers_to_operators_that_compute_the_same(name: str) -> None:
    model, inputs = built(name)
    graph = capture(model, (), inputs)
    assert opaque(graph) == []
    assert graph.parameters == sum(p.numel() for p in model.parameters())
    assert disagreement(model, (), inputs, graph) < 1e-4


@pytest.mark.parametrize(
    "name", ["gpt2", "bart", "llama", "mixtral", "mamba", "recurrent_gemma", "xlnet", "segformer", "whisper"]
)
def test_record_replays_the_model_on_other_inputs(name: str) -> None:
    model, inputs = built(name)
    if name == "mixtral":
        model.set_experts_implementation("batched_mm")
    other = {k: v.flip(-1) if isinstance(v, torch.Tensor) else v for k, v in inputs.items()}
    assert replays(model, (), inputs, ((), other))


@pytest.mark.parametrize("experts", ["eager", "batched_mm", "grouped_mm"])
def test_every_implementation_of_experts_computes_the_same(experts: str) -> None:
    model, inputs = built("mixtral")
    model.set_experts_implementation(experts)
    assert disagreement(model, (), inputs) < 1e-4


def operators(graph: Graph) -> Counter[str]:
    return Counter(node.op for node in normalise(graph))


@pytest.mark.parametrize("name", ["gpt2", "llama", "mixtral", "swin", "resnet", "segformer", "mamba", "xlnet"])
def test_exported_program_has_the_operators_of_the_live_capture(name: str) -> None:
    model, inputs = built(name)
    if name == "mixtral":
        model.set_experts_implementation("batched_mm")
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with warnings.catch_warnings(action="ignore"):
        program = torch.export.export(model, (), inputs, strict=False)
    exported = torch_export.read(program)
    live = capture(model, (), inputs)
    assert operators(exported) == operators(live)
    assert exported.output_names == live.output_names
    assert exported.frontend == "torch-export"


def test_published_size_needs_no_memory_for_weights() -> None:
    from irgen.weightless import build_without_memory

    with build_without_memory():
        model = T.MixtralForCausalLM(T.MixtralConfig())
    taken = record(model, (), {"input_ids": IDS, "use_cache": False})
    assert all(leaf.tensor.is_meta for leaf in taken.leaves.values() if leaf.kind == "param")
    assert taken.parameters == 46_702_792_704


def test_experts_that_are_hit_are_found_without_weights() -> None:
    from irgen.weightless import build_without_memory

    with build_without_memory():
        model = T.MixtralForCausalLM(T.MixtralConfig(**GROUPED, num_local_experts=4))
    model.set_experts_implementation("eager")
    graph = capture(model, (), WORDS)
    assert opaque(graph) == []
    assert any("nonzero" in finding for finding in graph.findings)
