"""Arrays as text, to the last bit: zlib and base64 of their bytes, in little-endian C order."""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import math
import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from irgen.errors import GraphError
from irgen.ir.graph import Array

LIMIT_BYTES = 1 << 31
"""Largest array that is read back."""

_PLAIN = re.compile(r"^(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))$")
_EXTENDED = re.compile(r"^(bfloat16|u?int[24]|float[4-8]_e\w+)$")


def element_type(name: str) -> np.dtype[Any]:
    """The numpy type of that name; small floats and 4-bit integers come from ml_dtypes."""
    if _PLAIN.match(name):
        return np.dtype(name)
    if _EXTENDED.match(name):
        found = getattr(importlib.import_module("ml_dtypes"), name, None)
        if found is not None:
            return np.dtype(found)
    raise GraphError(f"unknown element type {name!r} of a constant")


def is_text(value: Array) -> bool:
    """Whether an array holds strings."""
    return value.dtype.kind in "OUS"


def strings(value: Array) -> list[str]:
    """The elements of an array of strings."""
    entries: list[Any] = value.reshape(-1).tolist()
    return [entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry) for entry in entries]


def encode(value: Array) -> str:
    """The bytes of an array as text."""
    little = value.astype(value.dtype.newbyteorder("<"), copy=False) if value.dtype.byteorder == ">" else value
    return base64.b64encode(zlib.compress(np.ascontiguousarray(little).tobytes(), 6)).decode("ascii")


def decode(text: str, dtype: str, shape: Sequence[int]) -> Array:
    """The array of that type and shape from its text; `GraphError` if the text does not hold exactly that."""
    kind = element_type(dtype)
    if any(n < 0 for n in shape):
        raise GraphError(f"a constant cannot have the shape {list(shape)}")
    expected = kind.itemsize * math.prod(shape)
    if expected > LIMIT_BYTES:
        raise GraphError(f"a constant of {expected} bytes is larger than {LIMIT_BYTES}")
    try:
        packed = base64.b64decode(text, validate=True)
        opened = zlib.decompressobj()
        data = opened.decompress(packed, expected + 1) if packed else b""
    except (binascii.Error, zlib.error, ValueError) as fault:
        raise GraphError(f"the data of a constant cannot be read: {fault}") from fault
    if len(data) != expected:
        found = f"more than {expected}" if len(data) > expected else str(len(data))
        raise GraphError(f"a constant of type {dtype}{list(shape)} has {found} bytes, not {expected}")
    return np.frombuffer(data, dtype=kind).reshape(tuple(shape)).copy()


def digest(value: Array) -> str:
    """A short name of an array's type, shape and content."""
    head = f"{value.dtype.name}{value.shape}".encode()
    body = "\0".join(strings(value)).encode() if is_text(value) else np.ascontiguousarray(value).tobytes()
    return hashlib.sha256(head + body).hexdigest()[:12]
