"""A loop as a module: torch's `scan` where it is exported, an ordinary loop where it runs."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import torch


class Scan(torch.nn.Module):
    """`body(*states, *parts, *outer) -> (*states, *results)` along the first axis of the scanned tensors.

    Gives the states after the last step, then the results of all steps, stacked along a new first axis.
    """

    def __init__(self, body: torch.fx.GraphModule, states: int) -> None:
        super().__init__()
        self.body = body
        self.states = states

    def forward(
        self, states: list[torch.Tensor], scanned: list[torch.Tensor], outer: list[Any]
    ) -> tuple[torch.Tensor, ...]:
        """The states after the last step and the stacked results."""
        if not torch.compiler.is_exporting():
            return self._run(states, scanned, outer)
        from torch._higher_order_ops.scan import scan  # noqa: PLC0415 - private, and only an export needs it

        count = self.states
        body = self.body
        nothing = scanned[0].new_zeros(1, dtype=torch.float32)  # `scan` wants a state, also where there is none

        def step(carry: list[torch.Tensor], parts: list[torch.Tensor]) -> tuple[Any, Any]:
            out = [_own(value) for value in body(*carry[:count], *parts, *outer)]
            return (out[:count] or [_own(carry[0])]), out[count:]

        first = [_own(state) for state in states] or [nothing]
        last, results = scan(step, first, scanned, dim=0)
        return (*last[:count], *results)

    def _run(self, states: list[Any], scanned: list[torch.Tensor], outer: list[Any]) -> tuple[torch.Tensor, ...]:
        rows: list[tuple[torch.Tensor, ...]] = []
        for t in range(scanned[0].shape[0]):
            out: Any = self.body(*states, *(x[t] for x in scanned), *outer)
            states = list(out[: self.states])
            rows.append(tuple(out[self.states :]))
        return (*states, *(torch.stack(column) for column in zip(*rows, strict=True)))


def _own(value: torch.Tensor) -> torch.Tensor:
    """A copy in standard layout: `scan` takes no views of its inputs, and its states keep one layout."""
    return value.clone(memory_format=torch.contiguous_format)
