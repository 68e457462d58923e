"""Recurrences written as loops of Python, each in another way: what tracing unrolls."""

import torch
from torch import Tensor, nn


class LstmCell(nn.Module):
    """Two states, an output of each step, and both states at the end."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(6, 5)
        self.out = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = c = torch.zeros(x.shape[0], 5)
        ys: list[Tensor] = []
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
            ys.append(self.out(h))
        return torch.stack(ys, 1), h, c


class FirstStepApart(nn.Module):
    """No state before the first step; parts by `unbind`, results joined along an axis of their own."""

    def __init__(self):
        super().__init__()
        self.w = nn.Linear(6, 5)
        self.u = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = None
        ys: list[Tensor] = []
        for part in x.unbind(1):
            h = torch.tanh(self.w(part) + (self.u(h) if h is not None else 0))
            ys.append(h[:, None])
        return torch.cat(ys, 1)


class BothWays(nn.Module):
    """One loop forwards, one backwards."""

    def __init__(self):
        super().__init__()
        self.a = nn.GRUCell(6, 5)
        self.b = nn.GRUCell(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], 5)
        forth: list[Tensor] = []
        for t in range(x.shape[1]):
            h = self.a(x[:, t], h)
            forth.append(h)
        h = x.new_zeros(x.shape[0], 5)
        back: list[Tensor] = []
        for t in range(x.shape[1] - 1, -1, -1):
            h = self.b(x[:, t], h)
            back.append(h)
        return torch.cat([torch.stack(forth, 1), torch.stack(back[::-1], 1)], -1)


class Stabilised(nn.Module):
    """The RWKV recurrence: three states, exponents kept small by a running maximum, results written in place."""

    def __init__(self):
        super().__init__()
        self.k, self.v, self.r = (nn.Linear(6, 6) for _ in range(3))
        self.w = nn.Parameter(-torch.rand(6))
        self.u = nn.Parameter(torch.rand(6))

    def forward(self, x: Tensor) -> Tensor:
        k, v, r = self.k(x), self.v(x), self.r(x).sigmoid()
        out = torch.zeros_like(k)
        above = below = torch.zeros_like(k[:, 0])
        most = torch.full_like(above, -1e30)
        for t in range(x.shape[1]):
            key, value = k[:, t], v[:, t]
            now = torch.maximum(most, key + self.u)
            a, b = torch.exp(most - now), torch.exp(key + self.u - now)
            out[:, t] = (a * above + b * value) / (a * below + b)
            now = torch.maximum(most + self.w, key)
            a, b = torch.exp(most + self.w - now), torch.exp(key - now)
            above, below, most = a * above + b * value, a * below + b, now
        return r * out


class ReadsWhatItWrote(nn.Module):
    """The state is the place before in the result itself."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros_like(x)
        y[:, 0] = x[:, 0]
        for t in range(1, x.shape[1]):
            y[:, t] = 0.5 * y[:, t - 1] + x[:, t]
        return y


class Growing(nn.Module):
    """A result that grows by concatenation, and the number of the step in the arithmetic."""

    def forward(self, x: Tensor) -> Tensor:
        h = x[:, 0]
        out = h.unsqueeze(1)
        for t in range(1, x.shape[1]):
            h = torch.sigmoid(h) + x[:, t] * t
            out = torch.cat([out, h.unsqueeze(1)], 1)
        return out


class Stacked(nn.Module):
    """A loop without a state whose results another loop reads, with two cells in one step."""

    def __init__(self):
        super().__init__()
        self.a = nn.RNNCell(6, 5)
        self.b = nn.RNNCell(5, 5)
        self.w = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        parts = [self.w(x[:, t]) for t in range(x.shape[1])]
        h = x.new_zeros(x.shape[0], 5)
        g = x.new_zeros(x.shape[0], 5)
        out: list[Tensor] = []
        for part in parts:
            h = self.a(part, h)
            g = self.b(h, g)
            out.append(g)
        return torch.stack(out).transpose(0, 1), g


class Sized(nn.Module):
    """No recurrence: a size that Python turned into a number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).reshape(-1, int(x.shape[1]), 6) + x.mean(1, keepdim=True)


class Doubling(nn.Module):
    """A scan in steps of 1, 2, 4 …: how many there are is no multiple of the length."""

    def forward(self, x: Tensor) -> Tensor:
        step = 1
        while step < int(x.shape[1]):
            x = x + torch.nn.functional.pad(x, (0, 0, step, 0))[:, : x.shape[1]]
            step *= 2
        return x


class Table(nn.Module):
    """A table made by Python for one length."""

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.tensor([[1.0 / (1 + t * t)] for t in range(x.shape[1])])
        return x * rows


LOOPS = (LstmCell, FirstStepApart, BothWays, Stabilised, ReadsWhatItWrote, Growing, Stacked)
"""Modules of one input `x` of 6 features that become loops."""
