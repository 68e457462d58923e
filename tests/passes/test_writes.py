"""In-place writes made functional."""

from tests.passes.graphs import canonical, operators

BLANK = "x = input : float32[2, 6]\ny = input : float32[2, 3]\nz = full {value=0.0} : float32[2, 6]\n"


def written(*boxes: str) -> list[str]:
    names = ["z", *(f"w{i}" for i in range(len(boxes)))]
    lines = [f"w{i} = write({names[i]}, {box}" for i, box in enumerate(boxes)]
    return operators(canonical(BLANK + "e = exp(y)\n" + "\n".join(lines) + "\n"))


def test_a_write_over_everything_is_what_is_written():
    assert written("x) {starts=(0, 0), stops=(2, 6), steps=(1, 1)}") == []


def test_halves_are_put_together():
    found = written("y) {starts=(0, 3), stops=(2, 6), steps=(1, 1)}", "e) {starts=(0, 0), stops=(2, 3), steps=(1, 1)}")
    assert found == ["concat", "exp"]


def test_every_second_place_is_interleaved():
    found = written("y) {starts=(0, 0), stops=(2, 6), steps=(1, 2)}", "e) {starts=(0, 1), stops=(2, 6), steps=(1, 2)}")
    assert found == ["concat", "exp"]


def test_a_tensor_with_blanks_left_is_still_written():
    assert written("y) {starts=(0, 3), stops=(2, 6), steps=(1, 1)}") == ["write"]


def test_places_written_twice_stay():
    found = written("y) {starts=(0, 3), stops=(2, 6), steps=(1, 1)}", "e) {starts=(0, 2), stops=(2, 5), steps=(1, 1)}")
    assert found == ["exp", "write", "write"]
