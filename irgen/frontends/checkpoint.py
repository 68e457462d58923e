"""Real weights from safetensors: nothing is ever unpickled."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from irgen.errors import SourceError

SAFE, PICKLED = "*.safetensors", ("*.bin", "*.pt", "*.pth", "*.ckpt")


def has_weights(folder: Path) -> bool:
    """Whether a folder holds weights that can be read."""
    return folder.is_dir() and any(folder.glob(SAFE))


def check(folder: Path) -> list[Path]:
    """The safetensors files of a folder. Raises `SourceError` where there are none."""
    if not folder.is_dir():
        raise SourceError("there is no such folder", at=str(folder), fix="give the folder that holds the safetensors")
    found = sorted(folder.glob(SAFE))
    if found:
        return found
    pickled = [path.name for pattern in PICKLED for path in sorted(folder.glob(pattern))]
    if pickled:
        raise SourceError(
            f"the weights are pickled ({pickled[0]}), and reading a pickle runs whatever code it holds",
            at=str(folder),
            fix="convert them on a machine that may run them: safetensors.torch.save_file, or save_pretrained",
        )
    raise SourceError("the folder holds no weights", at=str(folder), fix="give a folder with .safetensors files")


def load(module: torch.nn.Module, folder: Path) -> torch.nn.Module:
    """`module` with the weights of a folder, in single precision; its own, if any, are left behind.

    Models of transformers are read by the library, which knows the names of older versions. Raises `SourceError`
    where weights are missing, left over or of another size.
    """
    files = check(folder)
    if hasattr(module, "from_pretrained"):
        return pretrained(type(module), folder, module.config)
    from safetensors import SafetensorError  # noqa: PLC0415 - comes with transformers
    from safetensors.torch import load_file  # noqa: PLC0415

    values: dict[str, torch.Tensor] = {}
    for path in files:
        try:
            values.update(load_file(path))
        except (OSError, SafetensorError) as error:
            raise _unreadable(path, error) from error
    _check_names(module, values, folder)
    given = {name: value.float() if value.is_floating_point() else value for name, value in values.items()}
    shared = _shared(module)
    module.load_state_dict(
        {**{n: given[o] for n, o in shared.items() if o in given}, **given}, strict=False, assign=True
    )
    return module.eval()


def _shared(module: torch.nn.Module) -> dict[str, str]:
    """Names of one parameter beyond its first, and that first: files hold it once."""
    first: dict[int, str] = {}
    named = module.named_parameters(remove_duplicate=False)
    return {name: first[id(p)] for name, p in named if first.setdefault(id(p), name) != name}


def pretrained(cls: Any, home: str | Path, config: Any, **more: Any) -> torch.nn.Module:
    """A model of transformers with the safetensors of a folder or of a repository of the hub."""
    from safetensors import SafetensorError  # noqa: PLC0415 - comes with transformers

    try:
        module, report = cls.from_pretrained(
            home, config=config, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **more
        )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        raise _unreadable(home, error) from error
    for kind, said in (("mismatched_keys", "has other sizes for"), ("missing_keys", "lacks")):
        names = [key if isinstance(key, str) else key[0] for key in report.get(kind, ())]
        if names:
            raise SourceError(
                f"the checkpoint {said} {_some(names)}",
                at=str(home),
                fix="give the folder itself as SOURCE, so that its config.json is read, or the model's own checkpoint",
            )
    return module.eval()


def _check_names(module: torch.nn.Module, values: dict[str, torch.Tensor], folder: Path) -> None:
    own = module.state_dict()
    alone = {name for name, _parameter in module.named_parameters()}
    wrong = [n for n in values if n in own and own[n].shape != values[n].shape]
    for names, said in (
        (sorted(alone - set(values)), "lacks"),
        (sorted(set(values) - set(own)), "holds what the model has not:"),
        (wrong, "has other sizes for"),
    ):
        if names:
            fix = "give the checkpoint of this model, with the names that its state_dict has"
            raise SourceError(f"the checkpoint {said} {_some(names)}", at=str(folder), fix=fix)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _unreadable(home: str | Path, error: BaseException) -> SourceError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return SourceError(
        f"the weights cannot be read: {(lines or [type(error).__name__])[0][:300]}",
        at=str(home),
        fix="give a folder of safetensors with the weights of this model",
    )
