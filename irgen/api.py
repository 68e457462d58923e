"""The story: a source is traced, made canonical, labelled, viewed and rendered."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from irgen import files, notebook, passes, patterns, renderers, roads, views
from irgen.difference import Difference, check_depth
from irgen.errors import OutputError
from irgen.exporting import export
from irgen.ir import facts, json
from irgen.ir.architecture import Architecture, Region
from irgen.ir.graph import Graph
from irgen.scene import Scene
from irgen.validation import validate

__all__ = ["Model", "Style", "diff", "export", "trace", "validate"]

Say = Callable[[str], None]
WIDTHS = {"narrow": 360, "column": 720, "wide": 1080, "360": 360, "720": 720, "1080": 1080}
"""Widths of figures by name and by their pixels."""

LANGUAGES = ("en", "ko")


def trace(source: Any, inputs: Any = None, *, title: str | None = None, say: Say = lambda _: None) -> Model:
    """Trace a model into its graph.

    `source` is whatever the command line takes (a zoo name, a Hugging Face id, a folder or file with a
    `config.json`, an `.onnx`, `.pt2` or irgen `.json` file, `package.module:callable`), or a `torch.nn.Module`, a
    `torch.fx.GraphModule` or a `torch.export.ExportedProgram`. `inputs` are example inputs: a tensor, a tuple, or
    a mapping by argument name whose values are tensors or shapes such as `(2, 19)`. `say` is told what is being done.
    Raises `irgen.IrgenError` (`what`, `at`, `fix`) where the source or the inputs are wrong.
    """
    found = roads.graph_of(source, inputs, say)
    return Model(found.name, title or found.title, found.graph, say, note=found.note)


def diff(a: Any, b: Any, *, depth: str = "architecture", say: Say = lambda _: None) -> Difference:
    """What changed between two models, each a `Model` or whatever `trace` takes.

    The result is false where nothing did; `str()` of it tells the changes, `.changes` holds them as data. `depth` is
    `architecture`, `block` or `operators`. Raises `IrgenError` where a source or the depth is wrong.
    """
    check_depth(depth)
    models = [source if isinstance(source, Model) else trace(source, say=say) for source in (a, b)]
    return Difference(*models, depth=depth)


class Model:
    """A traced model: its graph, what recognition says of it, and its figures. Each step runs when first asked for."""

    def __init__(self, source: str, title: str, graph: Graph, say: Say = lambda _: None, *, note: str = "") -> None:
        self.source = source
        self.title = title
        self.note = note
        """What a reader of the figure should know, in a sentence."""
        self.graph = graph
        """The graph as it was traced."""
        self._say = say

    def __repr__(self) -> str:
        return f"irgen.Model({self.source!r}, {len(self.graph)} nodes by {self.graph.frontend})"

    @cached_property
    def canonical(self) -> Graph:
        """The graph in canonical form, which recognition reads."""
        self._say(f"normalising {self.source}")
        return passes.normalise(self.graph)

    @cached_property
    def _labelled(self) -> tuple[list[Region], Architecture]:
        canonical = self.canonical
        self._say(f"recognising {self.source}")
        return patterns.label(canonical)

    @property
    def regions(self) -> list[Region]:
        """The labelled regions, a tree each; regions nest or are disjoint."""
        return self._labelled[0]

    @property
    def architecture(self) -> Architecture:
        """What recognition found, as typed data."""
        return self._labelled[1]

    @property
    def facts(self) -> dict[str, Any]:
        """The facts record (`irgen.facts/1`), a JSON object."""
        return facts.record(self.architecture, source=self.source, frontend=self.graph.frontend)

    def scene(self, view: str = "overview", *, lang: str = "en", width: str | int = "column") -> Scene:
        """What a figure shows, before it becomes a file format. Raises `OutputError` for words that are unknown."""
        Style(view, lang=lang, width=width).check(None)
        regions, architecture = self._labelled
        self._say(f"drawing {self.source}")
        how = {"title": self.title, "note": self.note or None, "lang": lang, "width": WIDTHS[str(width)]}
        return views.draw(view, architecture, regions, self.canonical, **how)

    def draw(
        self,
        path: str | Path | None = None,
        *,
        view: str = "overview",
        theme: str = "light",
        lang: str = "en",
        width: str | int = "column",
        format: str | None = None,
    ) -> bytes:
        """Draw the model; write the figure to `path` if one is given, and return its bytes.

        The format is that of the suffix (`svg` where there is no path). Raises `OutputError` where the view, the theme,
        the language, the width or the format is unknown, or the target cannot be written.
        """
        target = None if path is None else Path(path)
        suffix = Style(view, theme, lang, width, format).check(target)
        content = renderers.render(self.scene(view, lang=lang, width=width), suffix, theme)
        if target is not None:
            files.write(target, content)
        return content

    def json(self) -> str:
        """The canonical graph with its labels as JSON text, which `trace` reads again."""
        return json.dumps(self.canonical, self.regions, self.architecture)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What a notebook shows."""
        return notebook.bundle(self.draw(format="svg"), repr(self))


@dataclass(frozen=True)
class Style:
    """How a figure is asked for; `check` says what of it is unknown before any work is done."""

    view: str = "overview"
    theme: str = "light"
    lang: str = "en"
    width: str | int = "column"
    format: str | None = None

    def check(self, target: Path | None) -> str:
        """The format as a suffix: that of the target unless it is said. Raises `OutputError`."""
        choice("view", self.view, views.NAMES)
        choice("theme", self.theme, renderers.THEMES)
        choice("language", self.lang, LANGUAGES)
        choice("width", str(self.width), WIDTHS)
        suffix = target.suffix.lower() if target is not None else ""
        wanted = str(self.format or suffix or "svg").removeprefix(".")
        choice("format", wanted, [known.removeprefix(".") for known in renderers.FORMATS])
        if target is not None:
            files.check(target)
        return f".{wanted}"


def choice(what: str, name: str, known: Iterable[str]) -> str:
    """`name` if it is known, else an error that says which ones are and which is nearest."""
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(str(name).lower(), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise OutputError(f"unknown {what} {name!r}", fix=f"{hint}one of: {', '.join(names)}")
