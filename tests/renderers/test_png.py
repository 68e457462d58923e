"""What is said where the library that writes PNG is missing."""

import sys
from pathlib import Path

import pytest

from irgen.errors import RenderError
from irgen.renderers import png
from irgen.scene import Scene

README = Path(__file__).parents[2] / "README.md"


def test_a_missing_library_is_answered_with_the_command_of_the_readme(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(RenderError) as caught:
        png.render(Scene("slug", "title", "desc", 10, 10))
    command = "pip install '.[png]'"
    assert command in str(caught.value.fix)
    assert command in " ".join(README.read_text(encoding="utf-8").split())
