"""The control policy of Dactyl (OpenAI 2018, arXiv:1808.00177): a recurrent network from observations to joints."""

import torch
from torch import Tensor, nn


class Policy(nn.Module):
    """Normalised observations, a hidden layer, an LSTM, and a choice of bins for each joint (section 5.2, appendix C).

    The LSTM is what lets the policy find out about the body it has while it moves it (section 6.4).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, observed: int, hidden: int, memory: int, joints: int, bins: int) -> None:
        super().__init__()
        self.joints = joints
        self.register_buffer("mean", torch.linspace(-0.5, 0.5, observed))
        self.register_buffer("deviation", torch.linspace(0.5, 2.0, observed))
        self.hidden = nn.Linear(observed, hidden)
        self.memory = nn.LSTM(hidden, memory, batch_first=True)
        self.action = nn.Linear(memory, joints * bins)

    def forward(self, fingertips: Tensor, position: Tensor, turn: Tensor) -> Tensor:
        """Fingertips (batch, time, 15), the object's place (…, 3) and the turn to go (…, 4) to (…, joints, bins).

        These are the policy's columns of table 1; the logarithms of probabilities of bins are given up to a constant.
        """
        seen = (torch.cat([fingertips, position, turn], dim=-1) - self.mean) / self.deviation
        remembered, _ = self.memory(self.hidden(seen).relu())
        return self.action(remembered).unflatten(-1, (self.joints, -1))
