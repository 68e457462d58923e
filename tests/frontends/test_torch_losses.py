"""Losses are computed by the operators of the vocabulary: the graph gives torch's own numbers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as nnf

from irgen.frontends.torch_live import capture
from tests.support.evaluating import by_graph

Inputs = tuple[Tensor, ...]
IDS = torch.tensor([1, 0, -100, 3, 2])
MAPS = torch.tensor([[1, 0, 2], [3, -100, 0]])


class Loss(torch.nn.Module):
    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def logits(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3


CASES: dict[str, tuple[Callable[..., Tensor], Inputs]] = {
    "classes": (nnf.cross_entropy, (logits(5, 4), IDS)),
    "classes summed": (lambda x, t: nnf.cross_entropy(x, t, reduction="sum"), (logits(5, 4), IDS)),
    "classes kept": (lambda x, t: nnf.cross_entropy(x, t, reduction="none"), (logits(5, 4), IDS)),
    "classes of maps": (nnf.cross_entropy, (logits(2, 4, 3), MAPS)),
    "left out by a mark": (lambda x, t: nnf.cross_entropy(x, t, ignore_index=0), (logits(5, 4), IDS.clamp(0))),
    "logarithms": (lambda x, t: nnf.nll_loss(x.log_softmax(1), t), (logits(5, 4), IDS)),
    "labels": (nnf.binary_cross_entropy_with_logits, (logits(5, 4), logits(5, 4).sigmoid().round())),
    "probabilities": (lambda x, t: nnf.binary_cross_entropy(x.sigmoid(), t), (logits(5, 4), logits(5, 4).sigmoid())),
    "smooth": (nnf.smooth_l1_loss, (logits(5, 4), logits(4, 5).T)),
    "smooth with a knee": (lambda x, t: nnf.smooth_l1_loss(x, t, beta=2.0), (logits(5, 4), logits(4, 5).T)),
    "Huber": (lambda x, t: nnf.huber_loss(x, t, delta=2.0), (logits(5, 4), logits(4, 5).T)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_loss_is_lowered_and_gives_the_same_number(name: str):
    function, inputs = CASES[name]
    graph = capture(Loss(function).eval(), inputs)
    assert not [node for node in graph if node.op == "opaque"]
    assert not graph.findings
    given = dict(zip((graph.provenance[name].name for name in graph.inputs), (x.numpy() for x in inputs), strict=True))
    (told,) = by_graph(graph, {}, given)
    np.testing.assert_allclose(told, function(*inputs).numpy(), rtol=1e-5)
