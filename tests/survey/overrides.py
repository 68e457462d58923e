"""Fields that the general shrinking gets wrong for one model type, with the value it needs."""

from typing import Any

OVERRIDES: dict[str, dict[str, Any]] = {}
