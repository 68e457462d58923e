"""Typed data (dataclasses, lists, dicts, scalars) as plain JSON values and back, checked on the way in."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from irgen.errors import GraphError


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects, rows as lists, numpy scalars as numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        entries = typing.cast("Mapping[object, Any]", value)
        return {str(key): plain(entry) for key, entry in entries.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in typing.cast("list[Any]", value)]
    if isinstance(value, set | frozenset):
        return sorted((plain(entry) for entry in typing.cast("set[Any]", value)), key=repr)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    raise GraphError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def typed(kind: Any, value: Any, at: str) -> Any:
    """A JSON value as data of that type; `GraphError` says where it does not fit."""
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(kind), value, at)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, value, at)
    if origin in (list, tuple, dict):
        return _container(origin, typing.get_args(kind), value, at)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected: Any = type(None) if kind is None else kind
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise GraphError(f"expected {getattr(expected, '__name__', expected)}, found {str(value)[:40]!r}", at=at)
    return value


def _one_of(kinds: tuple[Any, ...], value: Any, at: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    faults: list[GraphError] = []
    for kind in kinds:
        if kind is not type(None):
            try:
                return typed(kind, value, at)
            except GraphError as fault:
                faults.append(fault)
    raise faults[-1]


def _dataclass(kind: type[Any], value: Any, at: str) -> Any:
    entries = _object(value, at)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = set(entries) - set(fields)
    if unknown:
        raise GraphError(f"{kind.__name__} has no {min(unknown)!r}", at=at)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in entries:
            raise GraphError(f"{kind.__name__} lacks {name!r}", at=at)
    return kind(**{name: typed(hints[name], entry, f"{at}.{name}") for name, entry in entries.items()})


def _object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GraphError(f"expected an object, found {str(value)[:40]!r}", at=at)
    return typing.cast("dict[str, Any]", value)


def _container(origin: Any, kinds: tuple[Any, ...], value: Any, at: str) -> Any:
    if origin is dict:
        return {key: typed(kinds[1], entry, f"{at}.{key}") for key, entry in _object(value, at).items()}
    if not isinstance(value, list):
        raise GraphError(f"expected a list, found {str(value)[:40]!r}", at=at)
    entries = typing.cast("list[Any]", value)
    if origin is list or kinds[-1] is Ellipsis:
        rows = (typed(kinds[0], entry, f"{at}[{i}]") for i, entry in enumerate(entries))
        return list(rows) if origin is list else tuple(rows)
    if len(entries) != len(kinds):
        raise GraphError(f"expected {len(kinds)} entries, found {len(entries)}", at=at)
    return tuple(typed(kind, entry, f"{at}[{i}]") for i, (kind, entry) in enumerate(zip(kinds, entries, strict=True)))
