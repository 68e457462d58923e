"""The survey's own parts: small models run, truth is read right, misses are told apart."""

from types import SimpleNamespace

import pytest
import torch

from tests.survey.models import half, names, tiny, tiny_config
from tests.survey.score import ABSENT, RIGHT, UNKNOWN, WRONG, Check, score, without_dark
from tests.survey.shrink import shrink
from tests.survey.truth import Part, Truth, truth_of


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["bert", "mistral", "qwen3_moe", "t5", "vit", "llava", "whisper", "mamba"])
def test_a_tiny_model_is_small_and_runs_at_both_sizes(name: str):
    built = tiny(name)
    assert sum(p.numel() for p in built.module.parameters()) < 20_000_000
    with torch.no_grad():
        for inputs in (built.kwargs, *built.resized):
            built.module(**inputs)


def test_shrinking_keeps_what_divides_what():
    small = shrink({"hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128})
    assert small == {"hidden_size": 256, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 32}


def test_shrinking_keeps_every_kind_of_layer():
    types = ["sliding", "sliding", "sliding", "full"] * 8
    small = shrink({"hidden_size": 1024, "num_hidden_layers": 32, "layer_types": types, "sliding_window": 4096})
    assert small["layer_types"] == types[: small["num_hidden_layers"]]
    assert set(small["layer_types"]) == {"sliding", "full"}
    assert small["sliding_window"] < 19


def test_shrinking_keeps_special_tokens_apart_and_inside_the_vocabulary():
    small = shrink({"hidden_size": 768, "vocab_size": 50257, "eos_token_id": 50256, "image_token_id": 50255})
    special = [small["eos_token_id"], small["image_token_id"]]
    assert len(set(special)) == 2
    assert all(5 < i < small["vocab_size"] for i in special)


def test_the_halves_are_stable_and_of_like_size():
    assert half("bert") == half("bert")
    share = sum(half(n) == "develop" for n in names()) / len(names())
    assert 0.4 < share < 0.6


def test_truth_of_a_decoder():
    truth = truth_of(tiny_config("mistral"), "MistralForCausalLM")
    assert truth.family == "decoder-only"
    assert truth.parts[0].facts == {
        "layers": 3, "width": 256, "heads": 8, "kv_heads": 2, "head_dim": 32, "hidden": 896,
        "activation": "silu", "window": 8, "norm": "rmsnorm",
    }  # fmt: skip


def test_truth_of_both_halves_of_an_encoder_decoder():
    truth = truth_of(tiny_config("bart"), "BartForConditionalGeneration")
    assert truth.family == "encoder-decoder"
    assert [(p.name, p.facts["layers"]) for p in truth.parts] == [("encoder", 3), ("decoder", 2)]


def record(sublayers: list[dict[str, object]], **stack: object) -> dict[str, object]:
    whole = {"layers": 3, "width": 48, "blocks": [{"norm": "layernorm", "sublayers": sublayers}], **stack}
    return {"family": "decoder-only", "stacks": [whole]}


@pytest.mark.parametrize(
    ("sublayers", "verdict"),
    [
        ([{"kind": "self-attention", "heads": 4}], RIGHT),
        ([{"kind": "self-attention", "heads": 8}], WRONG),
        ([{"kind": "feed-forward"}], ABSENT),
        ([{"kind": "unknown"}], UNKNOWN),
    ],
)
def test_verdicts(sublayers: list[dict[str, object]], verdict: str):
    checks = score(Truth([Part("model", {"heads": 4})]), record(sublayers))
    assert [c.verdict for c in checks] == [verdict]


def test_a_wrong_family_is_wrong():
    assert [c.verdict for c in score(Truth([], "encoder-only"), record([]))] == [WRONG]


def test_stacks_go_to_the_parts_they_fit():
    two = {"family": None, "stacks": [{"layers": n, "width": w, "blocks": []} for n, w in ((2, 64), (3, 48))]}
    truth = Truth([Part("vision", {"layers": 3, "width": 48}), Part("text", {"layers": 2, "width": 64})])
    assert {c.verdict for c in score(truth, two)} == {RIGHT}


def test_nothing_is_expected_of_settings_that_are_not_in_force():
    config = SimpleNamespace(
        num_hidden_layers=2,
        hidden_size=48,
        num_attention_heads=4,
        sliding_window=8,
        use_sliding_window=False,
        num_experts=1,
    )
    facts = truth_of(config, "AnyModel").parts[0].facts
    assert not {"window", "experts"} & facts.keys()


def test_parts_that_never_ran_are_set_aside():
    checks = [Check("text", "layers", 2, [2], RIGHT), Check("vision", "layers", 3, [], ABSENT)]
    assert without_dark(checks) == (checks[:1], ["vision"])
