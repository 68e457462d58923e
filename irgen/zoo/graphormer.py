"""Graphormer base for molecules: degrees as embeddings, distances and bonds as attention bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irgen.source import Input, tokens
from irgen.zoo.model import Model, Size, from_module

if TYPE_CHECKING:
    import torch

PUBLISHED = {"atoms": 512 * 9 + 1, "degrees": 512, "distances": 512, "edges": 512 * 3 + 1, "hops": 5}
TWIN = {"atoms": 31, "degrees": 13, "distances": 11, "edges": 17, "hops": 3}
WIDTHS = {"full": (768, 32, 12), "twin": (48, 6, 3)}
ATOM_FEATURES, BOND_FEATURES = 9, 3


def make(size: Size) -> torch.nn.Module:
    """The base model, or its twin."""
    from irgen.zoo.reference.graphormer import Graphormer  # noqa: PLC0415 - it imports torch

    return Graphormer(*WIDTHS[size], **(PUBLISHED if size == "full" else TWIN))


def inputs(size: Size) -> tuple[Input, ...]:
    """A batch of random graphs of as many nodes each."""
    many = PUBLISHED if size == "full" else TWIN
    return (
        tokens("atoms", many["atoms"], "batch", "nodes", ATOM_FEATURES, low=1),
        tokens("in_degree", many["degrees"], "batch", "nodes", low=1),
        tokens("out_degree", many["degrees"], "batch", "nodes", low=1),
        tokens("distance", many["distances"], "batch", "nodes", "nodes", low=1),
        tokens("path", many["edges"], "batch", "nodes", "nodes", many["hops"], BOND_FEATURES, low=0),
    )


MODEL = Model(
    name="graphormer",
    part="A",
    title="Graphormer base",
    line="12 pre-norm layers over the nodes of a graph and a virtual node; distances and edges as attention bias",
    family=("encoder-only", "bidirectional", "graph"),
    source="Ying et al. 2021, arXiv:2106.05234; sizes of clefourrier/graphormer-base-pcqm4mv2",
    checkpoint="clefourrier/graphormer-base-pcqm4mv2",
    parameters=47_551_553,
    build=from_module(make, inputs, title="Graphormer base"),
)
