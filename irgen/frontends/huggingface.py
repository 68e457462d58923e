"""A Hugging Face id, folder or config.json as a module without weights, with inputs that reach all of it."""

from __future__ import annotations

import difflib
import json
import math
import re
import socket
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import torch

from irgen.errors import InputError, SourceError
from irgen.frontends import checkpoint
from irgen.frontends.inputs import with_inputs
from irgen.frontends.tasks import architecture_of
from irgen.source import Built
from irgen.weightless import build_without_memory

#: No model has more layers, nor a larger vocabulary, width or length: such a configuration is damaged or hostile.
LARGEST = 50_000_000
LONGEST_FILE = 4 << 20  # bytes
SECONDS = 5.0  # to wait for the hub to answer
_MOST = (
    (re.compile(r"(^|_)(layers?|depths?|blocks?)($|_)"), 2_000),
    (re.compile(r"experts|heads|codebooks|quantizers|stages|levels"), 20_000),
)
_NO_SIZE = re.compile(
    r"theta|base|_id$|_ids$|_index$|seed|floor|freq|scale|max_(position|length)|model_max|context|_length|eps"
)
#: Names of counts and sizes: never negative, save that -1 says "no bound" of a few of them. A list of layers may count
#: from the end.
_COUNTS = re.compile(r"^(n|num|d)_|(^|_)(size|dim|heads|depths?)$")
_LAYERS = re.compile(r"_layers$")
_NO_BOUND = re.compile(r"chunk|window|images")


def build(source: str | Path, *, trust_remote_code: bool = False, weights: bool = False) -> Built:
    """The module that a hub id, a folder or a config.json describes, on meta unless `weights`, with example inputs.

    Code that a repository brings along runs only with `trust_remote_code`. Raises `SourceError` where the source
    cannot be found, read or built and `InputError` where no inputs can be made for it.
    """
    name = str(source)
    path = _config_file(name)
    values = _read(path)
    home = str(path.parent) if Path(name).exists() else name
    config = _configuration(values, path, home, trust_remote_code)
    title = path.resolve().parent.name if Path(name).exists() else name
    with _quiet():
        module = (
            _weighted(config, values, home, trust_remote_code)
            if weights
            else _construct(config, values, path, trust_remote_code)
        )
        try:
            return with_inputs(module, title=title)
        except InputError as error:
            raise InputError(error.what, at=f"{path}: {error.at}", fix=error.fix) from error


def _config_file(name: str) -> Path:
    """The config.json of a source: its own, its folder's, or the hub's (from the cache, or fetched)."""
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        inside = path / "config.json"
        if inside.is_file():
            return inside
        raise SourceError("the folder has no config.json", at=name, fix="give a folder that `save_pretrained` wrote")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise SourceError("no such file or folder, and no Hugging Face id", at=name, fix="check the path")
    return _from_hub(name)


def _from_hub(name: str) -> Path:
    import huggingface_hub  # noqa: PLC0415 - only ids need it
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    away = SourceError(
        "the model is not in the local cache, and the Hugging Face hub does not answer",
        at=name,
        fix="give the folder of a downloaded model, or connect to the network (and unset HF_HUB_OFFLINE)",
    )
    hub: Any = huggingface_hub
    try:
        cached = hub.try_to_load_from_cache(name, "config.json")
        if isinstance(cached, str):
            return Path(cached)
        if not _hub_answers():
            raise away
        return Path(hub.hf_hub_download(name, "config.json", etag_timeout=SECONDS))
    except LocalEntryNotFoundError as error:
        raise away from error
    except EntryNotFoundError as error:
        raise SourceError("the repository has no config.json", at=name, fix="give a model of transformers") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise SourceError(
            f"the Hugging Face hub gives no such model: {_line(error)}",
            at=name,
            fix="check the id, and log in with `hf auth login` if the model is gated",
        ) from error


def _hub_answers() -> bool:
    """Whether the hub can be reached at all: its own client would retry for half a minute."""
    from huggingface_hub import constants  # noqa: PLC0415

    if constants.HF_HUB_OFFLINE:
        return False
    host = urlsplit(constants.ENDPOINT)
    if getproxies() and not proxy_bypass(host.hostname or ""):
        return True
    try:
        socket.create_connection((host.hostname or "", host.port or 443), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    """The values of a config.json, after the checks that keep a damaged or hostile one from being built."""
    at = str(path)
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise SourceError("the file is too large for a configuration", at=at, fix="give a config.json")
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f"the configuration cannot be read: {_line(error)}", at=at, fix="give valid JSON") from error
    if not isinstance(values, dict):
        raise SourceError("the configuration is not a JSON object", at=at, fix="give the config.json of a model")
    _check_sizes(cast("dict[str, Any]", values), at)
    return cast("dict[str, Any]", values)


def _check_sizes(values: Mapping[str, Any], at: str) -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            _check_sizes(cast("dict[str, Any]", value), f"{at}: {key}")
            continue
        most = next((limit for name, limit in _MOST if name.search(key)), LARGEST)
        for number in cast("list[Any]", value) if isinstance(value, list) else [value]:
            size = isinstance(number, (int, float)) and not isinstance(number, bool)
            if size and not _NO_SIZE.search(key) and (number > most or math.isnan(number)):
                raise SourceError(
                    f"{key} is {number}, which no model has", at=at, fix=f"a size of at most {most:,} is believable"
                )
            counts = _COUNTS.search(key) or (_LAYERS.search(key) and not isinstance(value, list))
            if size and counts and number < 0 and not (number == -1 and _NO_BOUND.search(key)):
                raise SourceError(f"{key} is {number}, it must be 1 or more", at=at, fix=f"correct {key}")


def _configuration(values: dict[str, Any], path: Path, home: str, trust: bool) -> Any:
    """The configuration object of checked values."""
    import transformers  # noqa: PLC0415 - heavy
    from transformers.models.auto import configuration_auto  # noqa: PLC0415

    library: Any = transformers
    known = cast("Mapping[str, str]", vars(configuration_auto)["CONFIG_MAPPING_NAMES"])
    at = str(path)
    kind = values.get("model_type")
    own_code = isinstance(values.get("auto_map"), dict)
    if own_code and not trust and kind not in known:
        raise SourceError(
            "the model brings its own Python code, which irgen does not run unasked",
            at=at,
            fix="read the code, then allow it with --trust-remote-code",
        )
    if not own_code and (not isinstance(kind, str) or kind not in known):
        near = difflib.get_close_matches(str(kind), known, n=3)
        raise SourceError(
            f"transformers knows no model_type {kind!r}" if kind is not None else "the configuration has no model_type",
            at=at,
            fix=f"did you mean {' or '.join(near)}?" if near else "give the config.json of a model of transformers",
        )
    try:
        with _quiet():
            own = own_code and trust
            config: Any = library.AutoConfig.from_pretrained(
                home if own else path, trust_remote_code=own, local_files_only=not own
            )
    except Exception as error:
        raise SourceError(
            f"the configuration is not a valid {kind}: {_line(error)}", at=at, fix="correct the named field"
        ) from error
    fields = cast("dict[str, Any]", vars(config))
    parts: list[Any] = [config, *(v for v in fields.values() if hasattr(v, "to_dict"))]
    for part in parts:
        if getattr(part, "use_cache", False):
            part.use_cache = False
    return config


def _construct(config: Any, values: dict[str, Any], path: Path, trust: bool) -> torch.nn.Module:
    """The module of a configuration, without weights."""
    import transformers  # noqa: PLC0415 - heavy

    at = str(path)
    library: Any = transformers
    found = architecture_of(str(config.model_type), values.get("architectures"))
    own = isinstance(values.get("auto_map"), dict) and trust
    if found is None and not own:
        raise SourceError(
            f"transformers has no model for {config.model_type!r}, only its configuration",
            at=at,
            fix="give the configuration of the whole model",
        )
    try:
        with build_without_memory():
            if own:
                module: Any = library.AutoModel.from_config(config, trust_remote_code=True)
            else:
                cls: Any = getattr(transformers, str(found))
                module = cls._from_config(config) if hasattr(cls, "_from_config") else cls(config)
    except ImportError as error:
        missing = _line(error).strip() or str(error).strip().splitlines()[0]
        raise SourceError(f"{found} needs another library: {missing}", at=at, fix="install it with pip") from error
    except Exception as error:
        raise SourceError(
            f"{found} cannot be built from the configuration: {type(error).__name__}: {_line(error)}",
            at=at,
            fix="correct the sizes: they do not fit together",
        ) from error
    return module.eval()


def _weighted(config: Any, values: dict[str, Any], home: str, trust: bool) -> torch.nn.Module:
    """The module of a folder or of a repository of the hub with its weights."""
    import transformers  # noqa: PLC0415 - heavy

    library: Any = transformers
    folder = Path(home).parent if Path(home).is_file() else Path(home)
    local = folder.is_dir()
    if local:
        checkpoint.check(folder)
    if isinstance(values.get("auto_map"), dict) and trust:
        return checkpoint.pretrained(library.AutoModel, folder if local else home, config, trust_remote_code=True)
    found = architecture_of(str(config.model_type), values.get("architectures"))
    cls: Any = getattr(transformers, str(found))
    return checkpoint.pretrained(cls, folder if local else home, config, local_files_only=local)


def _line(error: BaseException) -> str:
    """The most telling line of an error: libraries put a headline before the reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Class validation error", "Validation error"))]
    return (telling or lines or [type(error).__name__])[0][:300]


@contextmanager
def _quiet() -> Generator[None]:
    """Remarks of the library kept off standard error."""
    from transformers.utils import logging  # noqa: PLC0415

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
