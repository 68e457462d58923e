"""Files that are right raise no alarm, whatever the seed of the inputs."""

from pathlib import Path

import pytest

from irgen.reference.cases import cases
from irgen.reference.measure import measure
from tests.reference.small import small, write
from tests.reference.twins import twin

SEEDS = 100


def alarms(built, path: Path, seeds: range) -> list[str]:
    """What was said against a right file."""
    said = []
    for seed in seeds:
        found = measure(built.module, path, cases(built, seed), built.axes, precision="float32")
        said += [f"{seed}: {row.case}: {row.reason}" for row in found.rows if row.verdict == "differs"]
    return said


def test_a_right_file_of_any_weights_raises_no_alarm(tmp_path: Path):
    said = []
    for seed in range(SEEDS):
        source = small(seed)
        said += alarms(source, write(source, tmp_path / "m.onnx"), range(seed, seed + 1))
    assert not said


@pytest.mark.parametrize("system", ["gpt2"])
def test_an_export_raises_no_alarm_for_any_inputs(system: str):
    built, path = twin(system)
    assert not alarms(built, path, range(1000, 1000 + SEEDS))
