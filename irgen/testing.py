"""For tests of a model: its architecture is pinned, and a change of it fails with the words of what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from irgen.api import diff, trace
from irgen.errors import SourceError


def assert_same_architecture(model: Any, pin: str | Path, inputs: Any = None) -> None:
    """Fail, saying what changed, where `model` is not the architecture that `irgen trace MODEL -o PIN` wrote.

    `model` and `inputs` are what `irgen.trace` takes. Raises `SourceError` where there is no pin yet.
    """
    if not Path(pin).is_file():
        raise SourceError("there is no pin", at=str(pin), fix=f"write it once with `irgen trace MODEL -o {pin}`")
    found = diff(trace(str(pin)), trace(model, inputs))
    assert not found, f"the architecture is not the one that {pin} pins\n\n{found}"
