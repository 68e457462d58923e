"""The gallery: figures and facts of the built-in systems under `diagrams/`, records of their runs under `exports/`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from irgen import api, files, report, roads, runs_page, zoo
from irgen.errors import IrgenError, OutputError

Say = Callable[[str], None]

FIGURES: dict[str, api.Style] = {
    "overview.svg": api.Style(view="overview"),
    "overview-dark.svg": api.Style(view="overview", theme="dark"),
    "block.svg": api.Style(view="block"),
}
"""The figures of each system by file name."""


@dataclass
class Outcome:
    """What a run of the gallery did: the files that changed, and the systems that failed with the reason."""

    built: int = 0
    changed: list[str] = field(default_factory=list[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def text(self) -> str:
        """The outcome in a few lines."""
        lines = [f"{self.built} systems built, {len(self.changed)} files changed, {len(self.failed)} systems failed"]
        lines += [f"  failed: {name}: {why}" for name, why in sorted(self.failed.items())]
        return "\n".join(lines) + "\n"


def build(names: Sequence[str], folder: Path, *, jobs: int, say: Say) -> Outcome:
    """Rebuild the figures of some systems (all where none is named) and the index page.

    Files that stay equal are left alone, and one system that fails does not stop the others. Raises `SourceError`
    for an unknown system, `OutputError` where the folder cannot be written.
    """
    return _built(names, folder, system, index, jobs, say)


def validate(names: Sequence[str], folder: Path, *, jobs: int, say: Say) -> Outcome:
    """Run the twins of some systems (all where none is named) in PyTorch and ONNX Runtime; write their records.

    `FOLDER/<system>/reference.json` and the page of all. Raises as `build` does.
    """
    return _built(names, folder, run, runs_page.index, jobs, say)


def run(name: str, folder: Path) -> list[str]:
    """Validate the twin of one system; the names of the files that changed."""
    import torch  # noqa: PLC0415 - the parent process needs no torch

    torch.set_num_threads(1)
    room = folder / name
    room.mkdir(parents=True, exist_ok=True)
    content = runs_page.record(name).encode()
    return [f"{name}/reference.json"] if files.write(room / "reference.json", content) else []


def _built(
    names: Sequence[str],
    folder: Path,
    work_on: Callable[[str, Path], list[str]],
    page: Callable[[Path], str],
    jobs: int,
    say: Say,
) -> Outcome:
    """Do the work for each system in separate processes, then write the page."""
    known = zoo.systems()
    for name in names:
        if name not in known:
            raise roads.unknown(name)
    chosen = list(names) or list(known)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder cannot be made: {error.strerror}", at=str(folder), fix="choose another with -o"
        ) from error
    outcome = Outcome()
    for place, (name, work) in enumerate(_finished(chosen, folder, work_on, jobs), 1):
        error = work.exception()
        if error is None:
            outcome.built += 1
            outcome.changed += work.result()
        else:
            kind = "" if isinstance(error, IrgenError) else f"irgen itself failed: {type(error).__name__}: "
            outcome.failed[name] = kind + " ".join(str(error).split())
        say(f"irgen: {name} {'failed' if error else 'done'} ({place} of {len(chosen)})")
    if files.write(folder / "README.md", page(folder).encode()):
        outcome.changed.append("README.md")
    return outcome


def _finished(
    names: Sequence[str], folder: Path, work_on: Callable[[str, Path], list[str]], jobs: int
) -> Iterator[tuple[str, Future[list[str]]]]:
    """Each system's work as it ends, done in separate processes."""
    workers = min(jobs if jobs > 0 else os.cpu_count() or 1, len(names))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        started = {pool.submit(work_on, name, folder): name for name in names}
        for work in as_completed(started):
            yield started[work], work


def system(name: str, folder: Path) -> list[str]:
    """Draw one system; the names of the files that changed."""
    import torch  # noqa: PLC0415 - the parent process needs no torch

    torch.set_num_threads(1)
    model = api.trace(name)
    room = folder / name
    room.mkdir(parents=True, exist_ok=True)
    contents = {file: model.draw(**vars(style)) for file, style in FIGURES.items()}
    contents["facts.json"] = (json.dumps(model.facts, indent=2, ensure_ascii=False) + "\n").encode()
    contents["README.md"] = page(zoo.systems()[name], model.facts, model.note).encode()
    return [f"{name}/{file}" for file, content in contents.items() if files.write(room / file, content)]


def index(folder: Path) -> str:
    """The index page: a table of all systems that have been built, then each with its figure."""
    known = zoo.systems()
    there = [name for name in known if (folder / name / "facts.json").is_file()]
    records = [json.loads((folder / name / "facts.json").read_text(encoding="utf-8")) for name in there]
    rooms = "\n".join(_room(known[name], record) for name, record in zip(there, records, strict=True))
    return f"""# The gallery

Generated by `irgen gallery`; every figure and number is read off the traced graph of the published configuration.

{report.markdown(records)}
{rooms}"""


def page(system: zoo.Model, record: Mapping[str, Any], note: str = "") -> str:
    """The page of one system: what it is, where that comes from, what its graph contradicts, its figures and facts."""
    remark = f"\nNote: {note}.\n" if note else ""
    return f"""# {system.title}

`{system.name}`: {system.line}. {system.source}.
{remark}{contradicted(system, record)}
{_picture(system, "")}
![One block of {system.title}](block.svg)

```text
{report.summary(dict(record))}```
"""


def contradicted(system: zoo.Model, record: Mapping[str, Any]) -> str:
    """What a published source says and the record of the graph disproves."""
    found = (claim for claim in system.claims if claim.holds(record))
    return "".join(f"\n> **Said:** {claim.says}.  \n> **The graph shows:** {claim.shows}.\n" for claim in found)


def _room(system: zoo.Model, record: Mapping[str, Any]) -> str:
    folder = f"{system.name}/"
    return f"""## {system.title}

`{system.name}`: {system.line}. {system.source}.
[page]({folder}README.md) · [facts]({folder}facts.json) · [one block]({folder}block.svg)
{contradicted(system, record)}
{_picture(system, folder)}"""


def _picture(system: zoo.Model, folder: str) -> str:
    return f"""<picture>
  <source media="(prefers-color-scheme: dark)" srcset="{folder}overview-dark.svg">
  <img alt="Architecture of {system.title}: {system.line}" src="{folder}overview.svg" width="720">
</picture>
"""
