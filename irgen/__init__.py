"""irgen: a graph-based architecture IR and diagram generator. The picture is the computation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from irgen.errors import IrgenError

if TYPE_CHECKING:
    from irgen.api import Model, diff, export, trace, validate

__all__ = ["IrgenError", "Model", "__version__", "diff", "export", "trace", "validate"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load `irgen.api` when it is first asked for, so that `irgen --help` stays quick."""
    if name in ("Model", "export", "trace", "validate"):
        return getattr(import_module("irgen.api"), name)
    if name == "diff":
        return import_module("irgen.diff")
    raise AttributeError(f"module 'irgen' has no attribute {name!r}")
