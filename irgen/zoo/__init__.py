"""The built-in systems, one small file each, found by their constant MODEL."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from irgen.zoo.model import PARTS, Model

__all__ = ["PARTS", "Model", "systems"]


@cache
def systems() -> dict[str, Model]:
    """Every built-in system by its name, in order of parts and names; nothing heavy is imported before one is built."""
    modules = (import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__))
    found = [module.MODEL for module in modules if hasattr(module, "MODEL")]
    return {model.name: model for model in sorted(found, key=lambda model: (model.part, model.name))}
