"""The record of a validation (`irgen.reference/1`): what was run and what was found, and apart from it the numbers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from irgen.reference.outcome import Row, Validation
from irgen.reference.verdict import Judged

SCHEMA = "irgen.reference/1"

LIBRARIES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "numpy")
"""Libraries whose versions can change a result."""


def record(found: Validation) -> dict[str, Any]:
    """A JSON object. Everything but `measured` is the same on every run on every machine."""
    place = found.parting
    return {
        "schema": SCHEMA,
        "source": found.source,
        "title": found.title,
        "size": found.scale,
        "verdict": found.verdict,
        "versions": versions(),
        "exporter": found.exporter,
        "opset": found.opset,
        "precision": found.precision,
        "seed": found.seed,
        "ir": found.ir,
        "cases": [_row(row) for row in found.rows],
        "skipped": dict(found.skipped),
        "notes": list(found.notes),
        "parts": None if place is None else _place(place),
        "operators": dict(found.operators),
        "measured": {
            "bytes": found.size,
            "reason": found.reason,
            "cases": [_measured(row) for row in found.rows],
            "parts": None if place is None else place.divergence.reason,
        },
    }


def versions() -> dict[str, str]:
    """The installed version of each library."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _row(row: Row) -> dict[str, Any]:
    return {
        "case": row.case,
        "optimised": row.optimised,
        "inputs": row.shapes,
        "verdict": row.verdict,
        "refused": bool(row.refused),
        "baked": bool(row.baked),
        "missing": list(row.missing),
        "outputs": [_output(one) for one in row.outputs],
    }


def _output(one: Judged) -> dict[str, Any]:
    return {
        "name": one.output,
        "dtype": one.dtype,
        "shape": list(one.shape),
        "verdict": one.verdict,
        "nan": one.special.get("nan", 0),
        "inf": one.special.get("inf", 0),
    }


def _measured(row: Row) -> dict[str, Any]:
    numbers = {one.output: one.plain() for one in row.outputs}
    return {"case": row.case, "optimised": row.optimised, "reason": row.reason, "outputs": numbers}


def _place(place: Any) -> dict[str, Any]:
    return {
        "case": place.case,
        "region": place.name,
        "operator": place.operator,
        "module": place.module,
        "confirmed": place.divergence.confirmed,
    }
