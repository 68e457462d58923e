"""Two traced models compared: the changes, and their text, table, JSON and figure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from irgen import files, renderers
from irgen.diff import text
from irgen.diff.changes import Change, Diff
from irgen.diff.compare import deep_diff, diff
from irgen.diff.operators import Labelled
from irgen.errors import OutputError
from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.scene import Scene
from irgen.views import changes

DEPTHS = ("architecture", "block", "operators")


def check_depth(depth: str) -> None:
    """Raise `OutputError` for a depth that there is not, before any work is done."""
    if depth not in DEPTHS:
        raise OutputError(f"unknown depth {depth!r}", fix=f"one of: {', '.join(DEPTHS)}")


class Traced(Protocol):
    """What a comparison reads of a model."""

    source: str
    title: str

    @property
    def architecture(self) -> Architecture: ...  # noqa: D102
    @property
    def regions(self) -> list[Region]: ...  # noqa: D102
    @cached_property
    def canonical(self) -> Graph: ...  # noqa: D102


@dataclass
class Difference:
    """What leads from model `a` to model `b`; false where nothing does.

    `depth` is how far the comparison looks: at the `architecture`, into each distinct `block`, or at all `operators`.
    """

    a: Traced
    b: Traced
    depth: str = "architecture"

    @cached_property
    def diff(self) -> Diff:
        """The changes with what is needed to apply them."""
        if self.depth == "architecture":
            return diff(self.a.architecture, self.b.architecture)
        insides = Labelled(self.a.canonical, self.a.regions), Labelled(self.b.canonical, self.b.regions)
        return deep_diff(self.a.architecture, self.b.architecture, insides, self.depth)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes, most important first."""
        return self.diff.changes

    def __bool__(self) -> bool:
        return bool(self.diff)

    def __repr__(self) -> str:
        return f"irgen.Difference({self.a.source!r}, {self.b.source!r}, {len(self.changes)} changes)"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The changes for people, grouped, one a line."""
        return text.text(self.diff, self.a.source, self.b.source)

    def markdown(self) -> str:
        """The changes as a table for a page."""
        return text.markdown(self.diff, self.a.source, self.b.source)

    def json(self) -> str:
        """The changes as JSON text (`irgen.diff/1`)."""
        record: dict[str, Any] = {"a": self.a.source, "b": self.b.source, "depth": self.depth, **self.diff.plain()}
        return json.dumps(record, indent=2, ensure_ascii=False) + "\n"

    def draw(
        self,
        path: str | Path | None = None,
        *,
        theme: str = "light",
        lang: str = "en",
        format: str | None = None,
    ) -> bytes:
        """Draw both models side by side with what changed; write the figure to `path` if given, return its bytes."""
        target = None if path is None else Path(path)
        suffix = (format or (target.suffix if target else "") or "svg").removeprefix(".").lower()
        content = renderers.render(self.scene(lang=lang), f".{suffix}", theme)
        if target is not None:
            files.write(target, content)
        return content

    def scene(self, *, lang: str = "en") -> Scene:
        """What the figure shows, before it becomes a file format."""
        titles = (self.a.title, self.b.title)
        return changes.draw(self.a.architecture, self.b.architecture, self.diff, titles=titles, lang=lang)
