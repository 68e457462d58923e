"""Files are written beside their target and moved over it: a failure leaves the old file, never half a new one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from irgen.errors import OutputError


def check(target: Path) -> None:
    """Raise `OutputError` where `target` cannot be written, before any work is done for it."""
    if target.is_dir():
        raise OutputError("the target is a directory", at=str(target), fix="name a file, as -o figure.svg")
    folder = target.parent
    if not folder.is_dir():
        raise OutputError("the folder of the target does not exist", at=str(folder), fix=f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError("the target cannot be written", at=str(target), fix="choose a place you may write to")


def write(target: Path, content: bytes) -> bool:
    """Put `content` at `target`; False where it held these bytes already and was left alone.

    Raises `OutputError` where the target cannot be written; what stood there then still stands.
    """
    check(target)
    try:
        if target.is_file() and target.read_bytes() == content:
            return False
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            beside.chmod(target.stat().st_mode if target.exists() else 0o666 & ~_umask())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"the target cannot be written: {error.strerror}", at=str(target), fix="choose a place you may write to"
        ) from error
    return True


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
