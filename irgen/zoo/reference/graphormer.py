"""Graphormer (Ying et al. 2021, arXiv:2106.05234): attention over the nodes of a graph, told its shape by biases."""

import torch
from torch import Tensor, nn

from irgen.zoo.reference.attention import PreNormLayer


class Centrality(nn.Module):
    """Atom features and degrees of every node, and the virtual node in front (sections 3.1.1 and 3.2)."""

    def __init__(self, atoms: int, degrees: int, width: int) -> None:
        super().__init__()
        self.atom = nn.Embedding(atoms, width, padding_idx=0)
        self.in_degree = nn.Embedding(degrees, width, padding_idx=0)
        self.out_degree = nn.Embedding(degrees, width, padding_idx=0)
        self.graph_token = nn.Embedding(1, width)

    def forward(self, atoms: Tensor, in_degree: Tensor, out_degree: Tensor) -> Tensor:
        """(batch, nodes, features) and twice (batch, nodes) to (batch, 1 + nodes, width)."""
        nodes = self.atom(atoms).sum(dim=-2) + self.in_degree(in_degree) + self.out_degree(out_degree)
        return torch.cat([self.graph_token.weight.expand(atoms.shape[0], 1, -1), nodes], dim=1)


class GraphBias(nn.Module):
    """What is added to the scores of each head: distance, and the edges on the shortest path (3.1.2, 3.1.3)."""

    def __init__(self, distances: int, edges: int, hops: int, heads: int) -> None:
        super().__init__()
        self.distance = nn.Embedding(distances, heads, padding_idx=0)
        self.edge = nn.Embedding(edges, heads, padding_idx=0)
        self.hop = nn.Parameter(torch.empty(hops, heads, heads).normal_(std=0.02))
        self.graph_token = nn.Embedding(1, heads)

    def forward(self, distance: Tensor, path: Tensor) -> Tensor:
        """(batch, n, n) and (batch, n, n, hops, edge features) to (batch, heads, 1 + n, 1 + n)."""
        edges = self.edge(path).mean(dim=-2)
        along = torch.einsum("bijdh,dhk->bijk", edges, self.hop) / distance.clamp(1, self.hop.shape[0])[..., None]
        between = (self.distance(distance) + along).permute(0, 3, 1, 2)
        virtual = self.graph_token.weight.view(1, -1, 1, 1)
        between = torch.cat([virtual.expand(between.shape[0], -1, between.shape[2], 1), between], dim=3)
        return torch.cat([virtual.expand(between.shape[0], -1, 1, between.shape[3]), between], dim=2)


class Graphormer(nn.Module):
    """Pre-norm layers (equations 8 and 9) over the nodes and a virtual one, from which a number is read."""

    def __init__(
        self, width: int, heads: int, layers: int, *, atoms: int, degrees: int, distances: int, edges: int, hops: int
    ) -> None:
        super().__init__()
        self.centrality = Centrality(atoms, degrees, width)
        self.bias = GraphBias(distances, edges, hops, heads)
        self.layers = nn.ModuleList([PreNormLayer(width, heads, width, eps=1e-5) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, 1))

    def forward(self, atoms: Tensor, in_degree: Tensor, out_degree: Tensor, distance: Tensor, path: Tensor) -> Tensor:
        """A batch of graphs of n nodes to one number each, (batch, 1)."""
        bias = self.bias(distance, path)
        x = self.centrality(atoms, in_degree, out_degree)
        for layer in self.layers:
            x = layer(x, scores_bias=bias)
        return self.head(self.norm(x)[:, 0])
