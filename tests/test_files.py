"""Writing files: whole or not at all."""

import os
from pathlib import Path

import pytest

from irgen import files
from irgen.errors import OutputError


def test_writes_a_new_file_with_ordinary_permissions(tmp_path: Path):
    target = tmp_path / "figure.svg"
    assert files.write(target, b"<svg/>")
    assert target.read_bytes() == b"<svg/>"
    mask = os.umask(0)
    os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask


def test_leaves_a_file_that_holds_the_same_bytes_alone(tmp_path: Path):
    target = tmp_path / "figure.svg"
    files.write(target, b"<svg/>")
    os.utime(target, (1, 1))
    assert not files.write(target, b"<svg/>")
    assert target.stat().st_mtime == 1


def test_keeps_the_old_file_where_moving_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "figure.svg"
    target.write_bytes(b"old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        files.write(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["figure.svg"]


def test_refuses_a_folder_and_a_place_that_is_not_there(tmp_path: Path):
    with pytest.raises(OutputError, match="is a directory"):
        files.check(tmp_path)
    with pytest.raises(OutputError, match="does not exist"):
        files.check(tmp_path / "nowhere" / "figure.svg")
