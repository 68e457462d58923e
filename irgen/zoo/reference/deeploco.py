"""DeepLoco (Peng et al. 2017, ACM Transactions on Graphics 36, 41): one controller plans steps, another takes them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class HighLevel(nn.Module):
    """A plan of two steps and a heading from the terrain, the character and its goal (section 7, figure 5)."""

    def __init__(self, side: int, character: int, maps: Sequence[int], features: int, hidden: Sequence[int]) -> None:
        super().__init__()
        one, two, three = maps
        self.terrain = nn.Sequential(
            nn.Conv2d(1, one, 5), nn.ReLU(), nn.Conv2d(one, two, 4), nn.ReLU(), nn.Conv2d(two, three, 3), nn.ReLU(),
            nn.Flatten(), nn.Linear(three * (side - 9) ** 2, features), nn.ReLU(),
        )  # fmt: skip
        self.plan = controller(features + character, hidden, PLAN)

    def forward(self, terrain: Tensor, character: Tensor, goal: Tensor) -> Tensor:
        """A height map (batch, 1, side, side), the character (batch, 105) and a way to go (batch, 2) to (batch, 5)."""
        return self.plan(torch.cat([self.terrain(terrain), character, goal], dim=1))


class LowLevel(nn.Module):
    """Targets of all joints from the character, the plan and the phase of the step (section 6, figure 4)."""

    def __init__(self, character: int, hidden: Sequence[int], joints: int) -> None:
        super().__init__()
        self.action = controller(PHASES * (character + PLAN), hidden, joints)

    def forward(self, character: Tensor, plan: Tensor, phase: Tensor) -> Tensor:
        """The character (batch, 106), a plan (batch, 5) and the phase from 0 to 1 (batch) to (batch, joints).

        The bilinear phase transform (equations 6 and 7) gives the network other weights in each quarter of the step.
        """
        state = torch.cat([character, plan], dim=1)
        quarter = (torch.floor(phase * PHASES)[:, None] == torch.arange(PHASES)).to(state.dtype)
        return self.action((quarter[:, :, None] * state[:, None, :]).flatten(1))


class DeepLoco(nn.Module):
    """The plan of the high-level controller is the goal of the low-level one (figure 2)."""

    def __init__(self, high: HighLevel, low: LowLevel) -> None:
        super().__init__()
        self.high, self.low = high, low

    def forward(self, terrain: Tensor, character: Tensor, goal: Tensor, body: Tensor, phase: Tensor) -> Tensor:
        """What both controllers see to the targets of the joints. The plan holds for a step, the targets for 1/30 s."""
        return self.low(body, self.high(terrain, character, goal), phase)


#: Two places to step to and a heading.
PLAN = 5
PHASES = 4


def controller(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Two hidden layers with ReLU and a linear output."""
    first, second = hidden
    return nn.Sequential(
        nn.Linear(inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, outputs)
    )
