"""What the zoo says of a built-in system, and how the systems that transformers holds are built."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from irgen.source import Built, Input, built
from irgen.zoo.claims import Claim

if TYPE_CHECKING:
    import torch

Size = Literal["full", "twin"]
Part = Literal["A", "B", "C"]

PARTS: dict[Part, str] = {
    "A": "The catalogue",
    "B": "Architectures that the articles explain",
    "C": "Pretrained models of the history article",
}
"""The parts of the systems' list, in its words."""


@dataclass(frozen=True)
class Model:
    """A built-in system: `build("full")` has the published size and no weights, `build("twin")` is small and random.

    `part` is its part of the systems' list; `family` that of its facts record, then words a reader would use;
    `parameters` the published total (tied weights once); `source` the paper or page that the structure and the
    configuration come from; `claims` what other sources say and the graph contradicts.
    """

    name: str
    part: Part
    title: str
    line: str
    family: tuple[str, ...]
    source: str
    parameters: int
    build: Callable[[Size], Built]
    checkpoint: str = ""
    claims: tuple[Claim, ...] = ()


def memory(size: Size) -> AbstractContextManager[None]:
    """Where to build: a full-size module without storage for its parameters, its twin in ordinary memory."""
    from irgen.weightless import build_without_memory  # noqa: PLC0415 - the list of systems needs no torch

    return build_without_memory() if size == "full" else nullcontext()


@contextmanager
def seeded() -> Generator[None]:
    """The same random weights on every run, the caller's generator untouched."""
    import torch  # noqa: PLC0415

    random: Any = torch.random
    with random.fork_rng(devices=()):
        random.manual_seed(0)
        yield


@contextmanager
def quiet() -> Generator[None]:
    """Remarks of transformers on configurations kept off standard error."""
    from transformers.utils import logging  # noqa: PLC0415

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def from_module(
    make: Callable[[Size], torch.nn.Module],
    inputs: Callable[[Size], Iterable[Input]],
    *,
    title: str,
    note: str = "",
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Callable[[Size], Built]:
    """A builder for a module of our own: `make(size)` constructs it, `inputs(size)` says what it takes."""

    def build(size: Size) -> Built:
        with seeded(), memory(size):
            module = make(size)
        return built(module, inputs(size), title=title, note=note, sizes=sizes)

    return build


def from_transformers(
    architecture: str,
    config: Mapping[str, Any],
    twin: Mapping[str, Any],
    inputs: Callable[[Any], Iterable[Input]],
    *,
    title: str,
    note: str = "",
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Callable[[Size], Built]:
    """A builder for a class of transformers with the published `config`; `twin` says what its small twin changes.

    Both mappings may nest for composite configurations; `inputs` reads the built configuration.
    """

    def build(size: Size) -> Built:
        import transformers  # noqa: PLC0415

        cls = getattr(transformers, architecture)
        values = dict(config) if size == "full" else merged(config, twin)
        with quiet(), seeded(), memory(size):
            module = cls(cls.config_class(**values))
        return built(module, inputs(module.config), title=title, note=note, sizes=sizes)

    return build


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, nested mappings merged in turn."""
    out = dict(base)
    for key, value in changes.items():
        old = out.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        out[key] = merged(cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", value)) if both else value
    return out
