"""Which road a source comes by: a name, a file, a callable or a module becomes a graph."""

from __future__ import annotations

import difflib
import importlib
import re
import sys
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from irgen import tables, zoo
from irgen.errors import CaptureError, InputError, IrgenError, SourceError
from irgen.ir.graph import Graph
from irgen.source import Built

if TYPE_CHECKING:
    import torch

    from irgen.inputs import Inputs

Say = Callable[[str], None]
CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*|.+\.py:[A-Za-z_][\w.]*")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Found:
    """A graph, the source it came from as the user gave it, a title and a note for its figure."""

    name: str
    title: str
    graph: Graph
    note: str = ""


def graph_of(source: Any, inputs: Inputs, say: Say) -> Found:
    """Trace `source` by the road that fits it. Raises `SourceError`, `InputError` or `CaptureError`."""
    if isinstance(source, Path):
        source = str(source)
    if not isinstance(source, str):
        return _from_object(source, inputs, say)
    say(f"reading {source}")
    path = Path(source)
    read = FILES.get(path.suffix.lower())
    if source in zoo.systems():
        return _capture(source, zoo.systems()[source].build("full"), inputs, say)
    if CALLABLE.fullmatch(source):
        return _from_callable(source, inputs, say)
    if path.is_dir() or path.name == "config.json" or (path.is_file() and path.suffix == ".json" and is_config(path)):
        return _from_configuration(source, inputs, say)
    if read is not None:
        return _from_file(path, read, inputs)
    if path.exists():
        raise SourceError(
            "the file is of a kind that irgen does not read",
            at=source,
            fix=f"give a file that ends in one of: {', '.join(FILES)}, or a folder with a config.json",
        )
    if HUB_ID.fullmatch(source):
        return _from_configuration(source, inputs, say)
    raise unknown(source)


def unknown(source: str) -> SourceError:
    """The error for a name that is neither built in nor a file, with the nearest names."""
    near = difflib.get_close_matches(source.lower(), zoo.systems(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return SourceError(
        f"there is no model {source!r}: no built-in system, file or folder has this name",
        fix=f"{hint}`irgen zoo` lists the built-in systems; a Hugging Face id has an owner, as owner/{source}",
    )


def _from_file(path: Path, read: Callable[[Path], Graph], inputs: Inputs) -> Found:
    if not path.is_file():
        raise SourceError("the file does not exist", at=str(path), fix="check the path")
    if inputs:
        raise InputError(
            f"a {path.suffix} file holds the sizes of its inputs, none can be given",
            at=str(path),
            fix="leave out --input",
        )
    return Found(str(path), path.stem, read(path))


def _read_onnx(path: Path) -> Graph:
    from irgen.frontends import onnx  # noqa: PLC0415 - torch sources never load onnx

    return onnx.read(path)


def _read_program(path: Path) -> Graph:
    from irgen.frontends import torch_export  # noqa: PLC0415 - files of other kinds never load torch

    return torch_export.read(path)


def _read_json(path: Path) -> Graph:
    from irgen.ir import json  # noqa: PLC0415

    try:
        return replace(json.loads(path.read_text(encoding="utf-8")), frontend="ir")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"the file cannot be read: {error}", at=str(path), fix="give a file that `irgen trace` wrote"
        ) from error
    except IrgenError as error:
        raise SourceError(error.what, at=str(path), fix=error.fix or "give a file that `irgen trace` wrote") from error


FILES: dict[str, Callable[[Path], Graph]] = {".onnx": _read_onnx, ".pt2": _read_program, ".json": _read_json}


def is_config(path: Path) -> bool:
    """A JSON file that a Hugging Face configuration could be: it names a `model_type` and no irgen schema."""
    head = path.read_bytes()[:4096]
    return b'"model_type"' in head and b'"irgen.' not in head


def _from_configuration(source: str, inputs: Inputs, say: Say) -> Found:
    from irgen.frontends import huggingface  # noqa: PLC0415 - loads transformers

    return _capture(source, huggingface.build(source), inputs, say)


def _from_callable(source: str, inputs: Inputs, say: Say) -> Found:
    make = load_callable(source)
    with users_code(source):
        made = make()
    if isinstance(made, tuple):
        pair = cast("tuple[Any, ...]", made)
        if len(pair) != 2:
            raise SourceError(
                f"{source} returned {len(pair)} value{'s' * (len(pair) != 1)}",
                at=source,
                fix="return a module, or a module and its inputs",
            )
        module, given = pair
        return _from_object(module, inputs or given, say, name=source)
    return _from_object(made, inputs, say, name=source)


def load_callable(source: str) -> Callable[[], Any]:
    """The callable that `package.module:name` or `file.py:name` names."""
    where, _, name = source.rpartition(":")
    path = Path(where)
    try:
        if path.suffix == ".py":
            folder, module_name = str(path.parent.resolve()), path.stem
        else:
            folder, module_name = str(Path.cwd()), where
        if folder not in sys.path:
            sys.path.insert(0, folder)
        with users_code(source):
            found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{where} cannot be imported: {error}", at=source, fix="check the name and the Python path"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=1)
            raise SourceError(
                f"{where} has no {part!r}", at=source, fix=f"did you mean {near[0]!r}?" if near else "check the name"
            )
        found = getattr(found, part)
    if not callable(found):
        raise SourceError(f"{name} cannot be called", at=source, fix="name a function that returns a module")
    return found


@contextmanager
def users_code(source: str) -> Generator[None]:
    """Whatever the user's own code raises is told as its error, with the line that raised it."""
    try:
        yield
    except ModuleNotFoundError:
        raise
    except SystemExit as error:
        raise SourceError(
            f"{source} ended the program instead of returning a module",
            at=_last_line(error),
            fix="return a module, or a module and its inputs",
        ) from error
    except Exception as error:
        line = f"{error.filename}:{error.lineno}" if isinstance(error, SyntaxError) else _last_line(error)
        raise SourceError(
            f"{source} raised {type(error).__name__}: {error}", at=line, fix="mend that line, then trace again"
        ) from error


def _last_line(error: BaseException) -> str:
    """The line that raised an error."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{place.filename}:{place.lineno}"


def _from_object(source: Any, inputs: Inputs, say: Say, name: str = "") -> Found:
    """A module, a traced graph module, an exported program, or a `Built` of the zoo or of a test."""
    import torch  # noqa: PLC0415 - files of other kinds never load torch

    from irgen import inputs as given  # noqa: PLC0415

    returned, name = bool(name), name or type(source).__name__
    if isinstance(source, Built):
        return _capture(source.title or name, source, inputs, say)
    if isinstance(source, torch.export.ExportedProgram):
        from irgen.frontends import torch_export  # noqa: PLC0415

        return Found(name, name, torch_export.read(source))
    if isinstance(source, torch.fx.GraphModule):
        from irgen.frontends import torch_fx  # noqa: PLC0415

        say(f"tracing {name}")
        if inputs is None:
            return Found(name, name, torch_fx.read(source))
        built = with_axes(source, given.of_module(source, inputs))
        resized = [((), other) for other in built.resized]
        return Found(name, name, torch_fx.read(source, built.kwargs, resized=resized, axes=built.axes))
    if isinstance(source, torch.nn.Module):
        say(f"trying other sizes of {name}")
        return _capture(name, with_axes(source, given.of_module(source, inputs)), None, say)
    kind = type(source).__name__
    kind = f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
    if returned:
        raise SourceError(
            f"the callable returned {kind}, it must return a module or (module, inputs)",
            at=name,
            fix="return a torch.nn.Module, or one and its inputs",
        )
    raise SourceError(
        f"{kind} is not a source of a model",
        at=repr(source)[:80],
        fix="give a torch.nn.Module, an exported program, a file or a name",
    )


def with_axes(module: torch.nn.Module, kwargs: dict[str, Any]) -> Built:
    """A user's module with the dimensions of its inputs named that may vary."""
    from irgen import varying  # noqa: PLC0415
    from irgen.frontends import torch_live  # noqa: PLC0415

    built = Built(module, kwargs, title=type(module).__name__)
    with _library_quiet():
        return varying.with_axes(built, lambda other: torch_live.record(module, (), other))


@contextmanager
def _library_quiet() -> Generator[None]:
    """Remarks of transformers on kernels that are missing kept off standard error; nothing where it is not loaded."""
    logging: Any = sys.modules.get("transformers.utils.logging")
    if logging is None:
        yield
        return
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _capture(name: str, built: Built, inputs: Inputs, say: Say) -> Found:
    from irgen import inputs as given  # noqa: PLC0415
    from irgen.frontends import torch_live  # noqa: PLC0415 - loads torch

    say(f"tracing {name}")
    chosen = given.refit(built, inputs) if inputs else built
    resized = [((), other) for other in chosen.resized]
    try:
        with _library_quiet():
            graph = torch_live.capture(chosen.module, (), chosen.kwargs, resized=resized, axes=chosen.axes)
    except (InputError, CaptureError) as error:
        if not inputs:
            raise
        takes = ", ".join(f"{key}={'x'.join(map(str, value.shape))}" for key, value in built.kwargs.items())
        raise type(error)(error.what, at=error.at, fix=f"sizes that the model takes are {takes}") from error
    if inputs:
        tables.check(graph, name)
    return Found(name, chosen.title or name, graph, chosen.note)
