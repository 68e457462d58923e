"""Built-in systems whose twin does not agree with its own export in ONNX Runtime, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Skip:
    """What a validation of the system gives instead, why, and words of its message that say that it is so still."""

    verdict: str
    reason: str
    says: str


SKIPPED: dict[str, Skip] = {}
"""By the name of the system. A test runs each and fails where the reason is gone."""
