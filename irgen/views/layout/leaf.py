"""One box: its texts wrapped, its size, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from irgen.views.layout.metrics import boxed, choose, room, width

JOINT = 11.0
LINE = 15.0


@dataclass(slots=True)
class Drawing:
    """A glyph in a box: its size and what draws it, given its left edge and top."""

    wide: float
    high: float
    marks: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Mark style and path data relative to the glyph's upper left corner."""


@dataclass(slots=True)
class Leaf:
    """A box with a title and a caption, a pill, a port, a chip or a joint."""

    id: str
    role: str
    title: str = ""
    caption: str = ""
    shape: str = "box"
    sign: str = ""
    tooltip: str = ""
    drawing: Drawing | None = None
    wide: bool = False
    """Spans the parallel branches next to it."""
    cards: int = 0
    dashed: bool = False
    loop: str = ""
    """What the box keeps from the step before: drawn as a loop on its left."""
    detached: bool = False
    """Reads nothing: a learned parameter or a second port."""
    fixed: float | None = None
    least: float = 0.0
    most: float = 320.0
    rows: int = 2
    """Most lines of the caption."""
    lines: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    left: float = 0.0
    right: float = 0.0
    high: float = 0.0
    c: float = 0.0
    m: float = 0.0

    @property
    def joint(self) -> bool:
        """A small circle with a sign."""
        return self.shape == "joint"

    @property
    def span(self) -> float:
        """Width of the box, without its loop."""
        return self.left + self.right

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.m + self.high

    @property
    def outer(self) -> float:
        """Extent left of the axis with the loop."""
        return self.left + (66.0 if self.loop else 0.0)

    @property
    def broken(self) -> bool:
        """A word of the title is broken, or what it says is cut."""
        if self.joint or self.shape == "chip":
            return False
        said = " ".join(self.lines).replace("- ", "-").replace("_ ", "_")
        return said not in self.title.split("\n") or any(note.endswith("…") for note in self.notes)

    def measure(self) -> None:
        """Wrap the texts and find the size."""
        if self.joint:
            self.left = self.right = JOINT
            self.high = 2 * JOINT
            return
        if self.shape == "chip":
            self._chip()
            return
        most = self.fixed or (max(self.most, self.span) if self.wide else self.most)
        self.lines = choose(self.title, "t", room(most), 2) if self.title else []
        self.notes = choose(self.caption, "s", room(most), self.rows) if self.caption else []
        natural = [boxed(line, "t") for line in self.lines] + [boxed(note, "s") for note in self.notes]
        drawn = self.drawing.wide + 24 if self.drawing else 0.0
        across = self.fixed or max(self.least, drawn, 40.0, *natural)
        if not self.wide or self.left + self.right < across:
            self.left = self.right = across / 2
        self.high = self._height()

    def _chip(self) -> None:
        """A chip holds its short title on one line, and at most a number below it."""
        self.lines = [self.title]
        self.notes = [self.caption] if self.caption else []
        need = max(1.18 * width(self.title, "t"), 1.18 * width(self.caption, "s") if self.caption else 0.0) + 8
        across = max(self.fixed or 36.0, 2 * round(need / 2))
        self.left = self.right = across / 2
        self.high = 46.0 if self.caption else 32.0

    def _height(self) -> float:
        extra = max(len(self.lines) - 1, 0) + max(len(self.notes) - 1, 0)
        if self.shape == "port":
            return 24.0
        if self.loop:
            return max(64.0, 46.0 + LINE * extra + 4)
        if not self.notes and not self.drawing:
            return 32.0 + LINE * extra
        return 46.0 + LINE * extra + (self.drawing.high + 13 if self.drawing else 0.0)

    def place(self, c: float, m: float) -> None:
        """Fix the position."""
        self.c, self.m = c, m

    def ins(self) -> list[Leaf]:
        """Boxes that take what comes from below."""
        return [] if self.detached else [self]

    def outs(self) -> list[Leaf]:
        """Boxes that give what goes on above."""
        return [self]

    def leaves(self) -> Iterator[Leaf]:
        """All boxes, in flow order."""
        yield self
