"""A graph with one thing changed loses the label or changes the fact: nothing is named by its looks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.patterns import mixtures, recurrences
from tests.patterns.branches import facts, parts
from tests.patterns.mixtures import CHOSEN, EXPERTS


class Unnormalised(mixtures.Dense):
    """The weights of the chosen as they come out of the softmax."""

    def route(self, x: Tensor) -> tuple[Tensor, Tensor]:
        best, which = self.router(x).softmax(-1).topk(CHOSEN, dim=-1)
        return best, which


class BySigmoid(mixtures.Dense):
    """Sigmoid in place of softmax."""

    def route(self, x: Tensor) -> tuple[Tensor, Tensor]:
        best, which = self.router(x).sigmoid().topk(CHOSEN, dim=-1)
        return best / best.sum(-1, keepdim=True), which


class OneMore(mixtures.Dense):
    """Top-k off by one."""

    def route(self, x: Tensor) -> tuple[Tensor, Tensor]:
        best, which = self.router(x).softmax(-1).topk(CHOSEN + 1, dim=-1)
        return best / best.sum(-1, keepdim=True), which


class All(mixtures.Dense):
    """Every expert is taken: a mixture without a choice."""

    def route(self, x: Tensor) -> tuple[Tensor, Tensor]:
        best, which = self.router(x).softmax(-1).topk(EXPERTS, dim=-1)
        return best / best.sum(-1, keepdim=True), which


@pytest.mark.parametrize(
    ("change", "fact", "value"),
    [(Unnormalised, "normalized", False), (BySigmoid, "scoring", "sigmoid"), (OneMore, "top_k", CHOSEN + 1)],
)
def test_a_changed_router_changes_one_fact(change: type[nn.Module], fact: str, value: object):
    torch.manual_seed(0)
    before, after = facts(mixtures.Dense()), facts(change())
    assert after[fact] == value != before[fact]
    assert {k: v for k, v in after.items() if k != fact} == {k: v for k, v in before.items() if k != fact}


def test_taking_all_experts_gives_each_token_all_of_them():
    assert facts(All()) == {**facts(mixtures.Dense()), "top_k": EXPERTS}


class Inverted(recurrences.Retention):
    """The mask the other way round: later tokens, not earlier ones."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        place = torch.arange(x.shape[1])
        gaps = (place - place[:, None]).clamp(min=0)
        return self.close((q @ k.mT * 0.5**gaps * (place[:, None] <= place)) @ v)


class Unmasked(recurrences.Retention):
    """No mask at all."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        return self.close((q @ k.mT) @ v)


class Faded(recurrences.Retention):
    """No decay: what is left is plain linear attention."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        return self.close((q @ k.mT).tril() @ v)


class Clipped(recurrences.Gated):
    """A bound on the state makes the steps nonlinear."""

    def forward(self, x: Tensor) -> Tensor:
        fade = self.keep(x).sigmoid()
        state, outputs = torch.zeros(len(x), recurrences.INNER), []
        for t in range(x.shape[1]):
            state = torch.tanh(fade[:, t] * state + self.value(x)[:, t])
            outputs.append(state)
        return self.out(torch.stack(outputs, 1))


class Unscaled(recurrences.Gated):
    """Without the factor √(1 − a²) it is some gated recurrence, not the real-gated linear unit."""

    def forward(self, x: Tensor) -> Tensor:
        fade, value = self.keep(x).sigmoid(), self.value(x)
        state, outputs = torch.zeros(len(x), recurrences.INNER), []
        for t in range(x.shape[1]):
            state = fade[:, t] * state + value[:, t]
            outputs.append(state)
        return self.out(torch.stack(outputs, 1))


class Kept(recurrences.Delta):
    """The delta rule without its correction: gated linear attention, which has no name here."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads(x)
        alpha = self.more(x).sigmoid().transpose(1, 2)[:, : recurrences.HEADS]
        state, outputs = torch.zeros(len(x), recurrences.HEADS, v.shape[-1], k.shape[-1]), []
        for t in range(x.shape[1]):
            state = alpha[:, :, t, None, None] * state + v[:, :, t, :, None] @ k[:, :, t, None]
            outputs.append((state @ q[:, :, t, :, None])[..., 0])
        return self.close(torch.stack(outputs, 2))


@pytest.mark.parametrize("change", [Inverted, Unmasked, Clipped])
def test_what_is_not_causal_or_not_linear_is_no_linear_recurrence(change: Callable[[], nn.Module]):
    assert all(p.kind != "linear-recurrence" for p in parts(change()))


@pytest.mark.parametrize(("change", "variant"), [(Faded, "linear-attention"), (Unscaled, None), (Kept, None)])
def test_another_law_is_another_variant(change: Callable[[], nn.Module], variant: str | None):
    found = facts(change())
    assert (found["kind"], found["variant"]) == ("linear-recurrence", variant)
