"""What a panel is made from: the part that it opens, and how much room and which words there are."""

from __future__ import annotations

from dataclasses import dataclass

from irgen.ir.architecture import Part
from irgen.views.captions import activation
from irgen.views.layout.tree import Leaf
from irgen.views.numbers import arrow, shape
from irgen.views.words import Words


@dataclass(frozen=True, slots=True)
class Detail:
    """What a panel opens: the part, the width of its stream, the prefix of its ids and the vocabulary."""

    part: Part
    width: int | None
    id: str
    words: Words
    several: bool = False
    """Attentions with other masks or along other axes share this panel."""
    narrow: bool = False
    """The page is a phone."""
    inline: bool = False
    """Drawn in the place of the part, which has its own arrows in and out."""
    lead: tuple[int | str, ...] = ()
    """Sizes of the stream ahead of its width, written beside arrows where the width changes; empty for none."""

    def shape(self, wide: int | None) -> str:
        """`[B, T, 3,072]`, where shapes are shown."""
        return shape((*self.lead, wide)) if self.lead and wide else ""

    def fact(self, key: str) -> int | None:
        """A fact that is a number."""
        value = self.part.facts.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    def leaf(self, name: str, role: str, title: str, note: str = "") -> Leaf:
        """A box of the panel."""
        return Leaf(f"{self.id}.{name}", role, title, note)

    def port(self, name: str, title: str = "") -> Leaf:
        """Where something enters or leaves the panel."""
        return Leaf(f"{self.id}.{name}", "io", title or name, shape="port", least=96)

    def path(self, *widths: int | None) -> str:
        """`768 → 3,072`, or nothing where a width is not known."""
        return arrow(*widths) if all(widths) else ""

    @property
    def act(self) -> str:
        """The activation."""
        return activation(self.part.facts.get("activation")) or self.words("Activation")
