"""Tensors stored in an ONNX file: element types, decoding without trust in what the file claims, external data."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from irgen.errors import SourceError
from irgen.ir.graph import Array

Numbers = NDArray[Any]

ELEMENT_TYPES: dict[int, str] = {
    TensorProto.FLOAT: "float32", TensorProto.UINT8: "uint8", TensorProto.INT8: "int8", TensorProto.UINT16: "uint16",
    TensorProto.INT16: "int16", TensorProto.INT32: "int32", TensorProto.INT64: "int64", TensorProto.STRING: "string",
    TensorProto.BOOL: "bool", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64",
    TensorProto.UINT32: "uint32", TensorProto.UINT64: "uint64", TensorProto.COMPLEX64: "complex64",
    TensorProto.COMPLEX128: "complex128", TensorProto.BFLOAT16: "bfloat16", TensorProto.UINT4: "uint4",
    TensorProto.INT4: "int4",
}  # fmt: skip
_PLAIN = {
    number: np.dtype(name).newbyteorder("<") for number, name in ELEMENT_TYPES.items()
    if name in ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
}  # fmt: skip
_BITS = {"float8": 8, "bfloat16": 16, "int4": 4, "uint4": 4, "bool": 8, "string": 8}
SIZE_LIMIT = 1 << 48  # elements of one tensor


def text(name: str | bytes) -> str:
    """A name of the file; the protobuf library hands invalid UTF-8 through as bytes."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


def element_type(number: int) -> str:
    """The IR's word for an ONNX element type number."""
    if number in ELEMENT_TYPES:
        return ELEMENT_TYPES[number]
    name = TensorProto.DataType.Name(number) if number in TensorProto.DataType.values() else ""
    if name.startswith("FLOAT"):
        return "float8"  # the families of 8-bit floats, and FLOAT4E2M1
    if name in ("INT2", "UINT2"):
        return "int4" if name == "INT2" else "uint4"
    raise SourceError(f"element type {number} does not exist", fix="export the model again")


def bits(dtype: str) -> int:
    """Bits of one stored element."""
    return _BITS[dtype] if dtype in _BITS else np.dtype(dtype).itemsize * 8


def dims(tensor: TensorProto) -> tuple[int, ...]:
    """The sizes a stored tensor claims, checked for sense."""
    shape = tuple(tensor.dims)
    if any(n < 0 for n in shape) or math.prod(shape) > SIZE_LIMIT:
        raise SourceError(f"tensor {text(tensor.name)!r} claims the sizes {list(shape)}", fix="export the model again")
    return shape


def decoded(tensor: TensorProto, folder: Path | None) -> Array | None:
    """The stored values; `None` where they lie in an external file that is not there.

    bfloat16 and 8-bit floats come as float32, 4-bit integers as 8-bit ones.
    """
    shape = dims(tensor)
    if tensor.data_location == TensorProto.EXTERNAL:
        return _external(tensor, shape, folder)
    if tensor.data_type in _PLAIN and tensor.HasField("raw_data"):
        stored, kind = tensor.raw_data, _PLAIN[tensor.data_type]
        if len(stored) == math.prod(shape) * kind.itemsize:
            return np.frombuffer(stored, kind).reshape(shape)
    _check_length(tensor, shape)
    try:
        value: Array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, UnicodeDecodeError) as fault:
        raise _unreadable(tensor, str(fault)) from fault
    return _plain(value).reshape(shape)


def _plain(value: Array) -> Array:
    """Element types that numpy itself does not have, in the nearest that it has."""
    if value.dtype.kind == "V" or value.dtype.name.startswith(("bfloat", "float8", "float4")):
        return value.astype(np.float32)
    if value.dtype.name in ("int4", "int2"):
        return value.astype(np.int8)
    if value.dtype.name in ("uint4", "uint2"):
        return value.astype(np.uint8)
    return value


def check_claim(tensor: TensorProto, shape: tuple[int, ...]) -> None:
    """Refuse a tensor that holds fewer bytes than its sizes say, without touching them."""
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    if not tensor.HasField("raw_data"):
        _check_length(tensor, shape)
    elif math.prod(shape) * bits(element_type(tensor.data_type)) // 8 > tensor.ByteSize():
        raise _unreadable(tensor, f"its sizes {list(shape)} say more elements than are stored")


def _check_length(tensor: TensorProto, shape: tuple[int, ...]) -> None:
    """Refuse a tensor whose stored bytes are not as many as its sizes say, before anything is allocated."""
    count, dtype = math.prod(shape), element_type(tensor.data_type)
    if tensor.HasField("raw_data"):
        stored = len(tensor.raw_data) * 8 // bits(dtype)
        fits = stored == count if bits(dtype) >= 8 else stored >= count
    else:
        stored = max(
            len(tensor.float_data), len(tensor.int32_data), len(tensor.int64_data), len(tensor.double_data),
            len(tensor.uint64_data), len(tensor.string_data),
        )  # fmt: skip
        fits = stored == count * (2 if dtype.startswith("complex") else 1) or (bits_packed(dtype) and stored > 0)
    if not fits:
        raise _unreadable(tensor, f"its sizes {list(shape)} say {count} elements, {stored} are stored")


def bits_packed(dtype: str) -> bool:
    """Whether several elements share one stored number."""
    return dtype in ("int4", "uint4", "float8")


def _unreadable(tensor: TensorProto, why: str) -> SourceError:
    return SourceError(f"tensor {text(tensor.name)!r} cannot be read: {why}", fix="export the model again")


def _external(tensor: TensorProto, shape: tuple[int, ...], folder: Path | None) -> Array | None:
    """Values from the file beside the model, mapped and not read."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = text(entries.get("location", ""))
    if folder is None or os.path.isabs(location) or (".." in location and ".." in Path(location).parts):
        return None
    file = os.path.join(folder, location)
    dtype = element_type(tensor.data_type)
    if dtype in ("string", "float8", "int4", "uint4") or not os.path.isfile(file):
        return None
    try:
        offset = int(entries.get("offset", "0"))
    except ValueError as fault:
        raise _unreadable(tensor, f"its offset is {entries['offset']!r}") from fault
    count = math.prod(shape)
    if offset < 0 or os.path.getsize(file) < offset + count * bits(dtype) // 8:
        return None
    if count == 0:
        return np.zeros(shape, np.float32 if dtype == "bfloat16" else np.dtype(dtype))
    if dtype == "bfloat16":
        stored = np.memmap(file, np.uint16, "r", offset, shape)
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return np.memmap(file, np.dtype(dtype).newbyteorder("<"), "r", offset, shape)
