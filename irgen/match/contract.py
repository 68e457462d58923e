"""Products of two streams in one notation: letters for the axes, whether spelt as matmul or as einsum."""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.graph import Node

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Product:
    """A product of `left` and `right`: the letters of their axes and of the result's."""

    node: str
    left: str
    right: str
    left_axes: str
    right_axes: str
    out_axes: str

    @property
    def contracted(self) -> str:
        """Letters that are summed over."""
        return "".join(c for c in self.left_axes if c in self.right_axes and c not in self.out_axes)

    @property
    def left_only(self) -> str:
        """Letters of the result that come from the left operand alone."""
        return "".join(c for c in self.left_axes if c in self.out_axes and c not in self.right_axes)

    @property
    def right_only(self) -> str:
        """Letters of the result that come from the right operand alone."""
        return "".join(c for c in self.right_axes if c in self.out_axes and c not in self.left_axes)

    def own(self, port: str) -> str:
        """The letters of the result that come from the operand `left` or `right` alone."""
        return self.left_only if port == "left" else self.right_only

    def axes(self, port: str) -> str:
        """The letters of the operand `left` or `right`."""
        return self.left_axes if port == "left" else self.right_axes


def product(node: Node, ranks: tuple[int, ...]) -> Product | None:
    """The product that a `matmul` or a two-operand `einsum` computes, or None."""
    if len(node.inputs) != 2:
        return None
    a, b = node.inputs
    if node.op == "einsum":
        left, rest = str(node.attrs["equation"]).replace(" ", "").split(",", 1)
        right, out = rest.split("->")
        return Product(node.id, a, b, left, right, out)
    if node.op != "matmul" or min(ranks) < 2:
        return None
    batch = max(ranks) - 2
    lead = _LETTERS[:batch]
    left = lead[batch - (ranks[0] - 2) :] + "xy"
    right = lead[batch - (ranks[1] - 2) :] + "yz"
    return Product(node.id, a, b, left, right, lead + "xz")
