"""Mixtures beyond a top-k of the scores: experts that choose tokens, soft and dense ones, ranks, thresholds, keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.patterns.branches import WIDTH
from tests.patterns.mixtures import CHOSEN, EXPERTS, HIDDEN, Expert


class Separate(nn.Module):
    """A router and experts with weights of their own, summed under a table of shares."""

    def __init__(self, columns: int = EXPERTS, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, columns, bias=False)
        self.experts = nn.ModuleList(Expert(hidden) for _ in range(EXPERTS))

    def mixed(self, x: Tensor, shares: Tensor) -> Tensor:
        return sum(shares[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


class Stacked(nn.Module):
    """A router and experts in two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, EXPERTS, bias=False)
        self.wide = nn.Parameter(torch.randn(EXPERTS, WIDTH, HIDDEN) / 5)
        self.narrow = nn.Parameter(torch.randn(EXPERTS, HIDDEN, WIDTH) / 6)


class ZeroExperts(Separate):
    """Nine columns, three of which hand the token on as it is (LongCat's zero-computation experts)."""

    def __init__(self) -> None:
        super().__init__(columns=EXPERTS + 3)

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).topk(3, -1)
        table = torch.zeros(*x.shape[:-1], EXPERTS + 3).scatter(-1, which, 6 * best)
        return self.mixed(x, table) + table[..., EXPERTS:].sum(-1, keepdim=True) * x


class ExpertsChoose(Stacked):
    """Each expert takes the four tokens that score it highest."""

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).transpose(1, 2).topk(4, -1)
        index = which.unsqueeze(-1).expand(-1, -1, -1, WIDTH)
        rows = x.unsqueeze(1).expand(-1, EXPERTS, -1, -1).gather(2, index)
        y = torch.relu(torch.einsum("becd,edh->bech", rows, self.wide)) @ self.narrow * best.unsqueeze(-1)
        return torch.zeros_like(x).scatter_add(1, index.flatten(1, 2), y.flatten(1, 2))


class SoftSlots(nn.Module):
    """Three slots an expert, each a mean of all tokens; each token a mean of all slots."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.randn(WIDTH, EXPERTS, 3))
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH)) for _ in range(EXPERTS)
        )

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.einsum("btd,des->btes", x, self.slots)
        into, back = scores.softmax(1), scores.flatten(2).softmax(-1).view_as(scores)
        rows = torch.einsum("btd,btes->besd", x, into)
        y = torch.stack([expert(rows[:, i]) for i, expert in enumerate(self.experts)], 1)
        return torch.einsum("besd,btes->btd", y, back)


class Capacity(Stacked):
    """Top one, four places an expert: tokens that come too late are dropped (dispatch and combine tensors)."""

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).max(-1)
        hit = functional.one_hot(which, EXPERTS)
        place = hit.cumsum(1) * hit
        slot = functional.one_hot((place.sum(-1) - 1).clamp(0, 3), 4)
        sent = ((hit * (place <= 4)).unsqueeze(-1) * slot.unsqueeze(2)).to(x.dtype)
        rows = torch.einsum("btec,btd->becd", sent, x)
        y = torch.relu(torch.einsum("becd,edh->bech", rows, self.wide)) @ self.narrow
        return torch.einsum("btec,becd->btd", sent * best[..., None, None], y)


class Noisy(Separate):
    """Noise of a learned size on the scores before the choice."""

    def __init__(self) -> None:
        super().__init__()
        self.noise = nn.Linear(WIDTH, EXPERTS)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.router(x) + torch.randn(EXPERTS) * functional.softplus(self.noise(x))
        best, which = scores.topk(CHOSEN, -1)
        return self.mixed(x, torch.full_like(scores, -torch.inf).scatter(-1, which, best).softmax(-1))


class Ranked(Separate):
    """The rank of each score counted by comparisons: neither a sort nor a top-k."""

    def forward(self, x: Tensor) -> Tensor:
        scores = self.router(x)
        shares = scores.softmax(-1) * ((scores.unsqueeze(-1) < scores.unsqueeze(-2)).sum(-1) < CHOSEN)
        return self.mixed(x, shares / shares.sum(-1, keepdim=True))


class Bent(Separate):
    """Rectified scores: how many experts a token has, the scores say."""

    def forward(self, x: Tensor) -> Tensor:
        return self.mixed(x, self.router(x).relu())


class Nucleus(Separate):
    """As many experts as it takes to reach six tenths of the probability."""

    def forward(self, x: Tensor) -> Tensor:
        shares = self.router(x).softmax(-1)
        sorted_, order = shares.sort(-1, descending=True)
        kept = torch.zeros_like(shares).scatter(-1, order, ((sorted_.cumsum(-1) - sorted_) < 0.6).to(x.dtype))
        return self.mixed(x, shares * kept / (shares * kept).sum(-1, keepdim=True))


class Levels(Separate):
    """One of two groups, then two of its three experts; both probabilities count."""

    def __init__(self) -> None:
        super().__init__()
        self.groups = nn.Linear(WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        group, which = self.groups(x).softmax(-1).max(-1, keepdim=True)
        inside = functional.one_hot(which.squeeze(-1), 2).repeat_interleave(3, -1).bool()
        best, which = self.router(x).masked_fill(~inside, -torch.inf).softmax(-1).topk(CHOSEN, -1)
        return self.mixed(x, torch.zeros(*x.shape[:-1], EXPERTS).scatter(-1, which, best * group))


class InFront(Stacked):
    """Top one by sigmoid; the weight scales what the expert reads (Llama 4), a shared expert beside."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = Expert()

    def forward(self, x: Tensor) -> Tensor:
        rows, scores = x.flatten(0, 1), self.router(x).flatten(0, 1)
        best, which = scores.topk(1, -1)
        shares = torch.full_like(scores, -torch.inf).scatter(1, which, best).sigmoid()
        y = torch.bmm(functional.silu(torch.bmm(rows * shares.T[..., None], self.wide)), self.narrow)
        return self.shared(x) + y.sum(0).view_as(x)


class Looked(nn.Module):
    """Product keys: two heads look up three of 5 × 5 single neurons each (PEER)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, 32, bias=False)
        self.keys = nn.Parameter(torch.randn(2, 2, 5, 8))
        self.wide, self.narrow = nn.Embedding(25, WIDTH), nn.Embedding(25, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.einsum("bthpd,phkd->btphk", self.query(x).unflatten(-1, (2, 2, 8)), self.keys)
        best, which = scores.topk(3, -1)
        sums = (best[:, :, 0, :, :, None] + best[:, :, 1, :, None]).flatten(-2)
        pairs = (which[:, :, 0, :, :, None] * 5 + which[:, :, 1, :, None]).flatten(-2)
        shares, places = sums.topk(3, -1)
        index = pairs.gather(-1, places)
        hidden = functional.gelu(torch.einsum("btd,bthkd->bthk", x, self.wide(index))) * shares.softmax(-1)
        return torch.einsum("bthk,bthkd->btd", hidden, self.narrow(index))


class LowRank(nn.Module):
    """A mixture of low-rank corrections of one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.router = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, EXPERTS)
        self.wide = nn.Parameter(torch.randn(EXPERTS, WIDTH, 4))
        self.narrow = nn.Parameter(torch.randn(EXPERTS, 4, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).topk(CHOSEN, -1)
        inner = torch.einsum("btd,btkdr->btkr", x, self.wide[which])
        y = torch.einsum("btkr,btkrd->btkd", inner, self.narrow[which])
        return self.base(x) + (y * (best / best.sum(-1, keepdim=True))[..., None]).sum(2)


class Adapters(Separate):
    """Narrow experts beside one wide feed-forward."""

    def __init__(self) -> None:
        super().__init__(hidden=6)
        self.up, self.down = nn.Linear(WIDTH, 96), nn.Linear(96, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).topk(CHOSEN, -1)
        shares = torch.zeros(*x.shape[:-1], EXPERTS).scatter(-1, which, best)
        return self.down(functional.gelu(self.up(x))) + self.mixed(x, shares)


class ByPlace(Separate):
    """Tokens dealt out in turn: no score decides."""

    def forward(self, x: Tensor) -> Tensor:
        turn = torch.arange(x.shape[1]) % EXPERTS
        return sum(torch.where((turn == i)[None, :, None], expert(x), 0.0) for i, expert in enumerate(self.experts))


class Unused(Separate):
    """A choice is made, and the mean of all experts is taken whatever it was."""

    def forward(self, x: Tensor) -> Tensor:
        best, _ = self.router(x).softmax(-1).topk(CHOSEN, -1)
        return sum(expert(x) for expert in self.experts) / EXPERTS + 0 * best.sum(-1, keepdim=True)


class OneForAll(nn.Module):
    """Six shares of one and the same feed-forward."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.expert = nn.Linear(WIDTH, EXPERTS), Expert()

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).topk(CHOSEN, -1)
        shares = torch.zeros(*x.shape[:-1], EXPERTS).scatter(-1, which, best)
        return sum(shares[..., i : i + 1] * self.expert(x) for i in range(EXPERTS))


class Signed(Separate):
    """Scores as they are, of either sign: a bilinear form, no shares."""

    def forward(self, x: Tensor) -> Tensor:
        return self.mixed(x, self.router(x))


class Depth(nn.Module):
    """The four highest-scoring tokens pass one feed-forward: tokens are chosen, not experts."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.expert = nn.Linear(WIDTH, 1), Expert()

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).squeeze(-1).topk(4, -1)
        index = which[..., None].expand(-1, -1, WIDTH)
        return torch.zeros_like(x).scatter(1, index, self.expert(x.gather(1, index)) * best.sigmoid()[..., None])


class Blurred(Separate):
    """The sum in the divisor is shifted: shares that do not sum to one constant."""

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).softmax(-1).topk(CHOSEN, -1)
        best = best / (best.sum(-1, keepdim=True) + 0.3)
        return self.mixed(x, torch.zeros(*x.shape[:-1], EXPERTS).scatter(-1, which, best))


class Attending(nn.Module):
    """Experts of query and output projections around keys and values that all share (mixture of attention heads)."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.keys = nn.Linear(WIDTH, EXPERTS, bias=False), nn.Linear(WIDTH, 24)
        self.query = nn.Parameter(torch.randn(EXPERTS, WIDTH, 12) / 5)
        self.out = nn.Parameter(torch.randn(EXPERTS, 12, WIDTH) / 4)

    def forward(self, x: Tensor) -> Tensor:
        best, which = self.router(x).topk(CHOSEN, -1)
        k, v = self.keys(x).chunk(2, -1)
        scores = torch.einsum("btd,btkde,bse->bkts", x, self.query[which], k) / 12**0.5
        seen = torch.ones(x.shape[1], x.shape[1]).tril().bool()
        y = torch.einsum("bkts,bse->btke", scores.masked_fill(~seen, -torch.inf).softmax(-1), v)
        return (torch.einsum("btke,btked->btkd", y, self.out[which]) * best.softmax(-1)[..., None]).sum(2)
