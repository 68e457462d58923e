"""The context manager of `irgen.weightless`, where front-ends look for it."""

from irgen.weightless import build_without_memory

__all__ = ["build_without_memory"]
