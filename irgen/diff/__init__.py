"""What changed between two architectures, as typed data: aligned by role and structure, never by name or position.

`irgen.diff(a, b)` is `irgen.api.diff`: a package hides a function of its name in the package above, so it is callable.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """A package that can be called."""

    def __call__(self, a: Any, b: Any, **options: Any) -> Any:
        """Compare two models; see `irgen.api.diff`."""
        return import_module("irgen.api").diff(a, b, **options)


sys.modules[__name__].__class__ = _Callable
