"""The type of a tensor: element type, the sizes it had when it was traced, and the symbols behind them."""

from __future__ import annotations

from dataclasses import dataclass

DTYPES: tuple[str, ...] = (
    "float64", "float32", "float16", "bfloat16", "float8", "complex64", "complex128",
    "int64", "int32", "int16", "int8", "int4", "uint64", "uint32", "uint16", "uint8", "uint4", "bool", "string",
)  # fmt: skip

Dim = int | str


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type and sizes of one tensor.

    `shape` holds the concrete sizes of the traced pass, so that everything can be evaluated; `symbols` names
    the dimensions that vary with the input (`None` where the size is fixed). An unknown size is -1; `shape` is
    `None` where not even the rank is known.
    """

    dtype: str
    shape: tuple[int, ...] | None
    symbols: tuple[str | None, ...] = ()

    @property
    def dims(self) -> tuple[Dim, ...]:
        """The shape as it is shown: a symbol where there is one, else the size (`?` where unknown)."""
        if self.shape is None:
            return ()
        named = self.symbols or (None,) * len(self.shape)
        return tuple(s if s is not None else (n if n >= 0 else "?") for n, s in zip(self.shape, named, strict=True))

    @property
    def rank(self) -> int:
        """Number of dimensions, or -1 where unknown."""
        return -1 if self.shape is None else len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements at the traced sizes, or -1 where unknown."""
        if self.shape is None:
            return -1
        count = 1
        for n in self.shape:
            if n < 0:
                return -1
            count *= n
        return count

    @property
    def is_float(self) -> bool:
        """Floating point or complex."""
        return self.dtype.startswith(("float", "bfloat", "complex"))

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.dims)) if self.shape is not None else '*'}]"
