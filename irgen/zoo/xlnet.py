"""XLNet base: relative attention in two streams, content and query, over a permuted order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, tokens
from irgen.zoo.model import Model, from_transformers

if TYPE_CHECKING:
    import torch

TARGETS = 7


def later(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """For a random order of the places: 1 where a place must not see another, as it comes later in that order."""
    import torch  # noqa: PLC0415

    rank = torch.rand(shape[:2], generator=generator).argsort(-1)
    return (rank[:, :, None] <= rank[:, None, :]).float()


def last(shape: tuple[int, ...], _generator: torch.Generator) -> torch.Tensor:
    """One-hot rows that pick the last places as those to predict."""
    import torch  # noqa: PLC0415

    return torch.eye(shape[2])[-shape[1] :].expand(shape).contiguous()


MODEL = Model(
    name="xlnet",
    part="C",
    title="XLNet base",
    line="permutation language model, 12 post-norm layers of two-stream relative attention, tied head",
    family=("decoder-only", "permutation", "text"),
    source="Yang et al. 2019, arXiv:1906.08237",
    checkpoint="xlnet/xlnet-base-cased",
    parameters=116_750_336,
    build=from_transformers(
        "XLNetLMHeadModel",
        config={
            "vocab_size": 32000,
            "d_model": 768,
            "n_layer": 12,
            "n_head": 12,
            "d_inner": 3072,
            "ff_activation": "gelu",
            "attn_type": "bi",
            "layer_norm_eps": 1e-12,
            "use_mems_eval": False,
            "mem_len": None,
        },
        twin={"vocab_size": 101, "d_model": 48, "n_layer": 3, "n_head": 4, "d_inner": 88},
        inputs=lambda c: (
            tokens("input_ids", c.vocab_size),
            Input("perm_mask", ("batch", "seq", "seq"), later),
            Input("target_mapping", ("batch", TARGETS, "seq"), last),
        ),
        title="XLNet base",
    ),
)
