"""The records under `exports/`: every system has one, says the truth, and is the same when it is made again."""

import json
from pathlib import Path

import pytest
import torch

import irgen
from irgen import gallery, runs_page, zoo
from irgen.zoo.runs import SKIPPED

EXPORTS = Path(__file__).parents[2] / "exports"
LIVE = ("dactyl",)
"""Systems that are run here too; the fault suite runs three more."""


def held(name: str) -> dict:
    return json.loads((EXPORTS / name / "reference.json").read_text())


def test_every_system_has_a_record():
    assert {path.parent.name for path in EXPORTS.glob("*/reference.json")} == set(zoo.systems())


@pytest.mark.parametrize("name", list(zoo.systems()))
def test_a_system_agrees_unless_the_table_says_why_not(name: str):
    verdict = held(name)["verdict"]
    assert verdict == (SKIPPED[name].verdict if name in SKIPPED else "agrees")


def test_the_page_is_made_of_the_records():
    assert (EXPORTS / "README.md").read_text() == runs_page.index(EXPORTS)


@pytest.mark.parametrize("name", list(SKIPPED))
def test_the_reason_why_a_system_does_not_agree_is_still_true(name: str):
    torch.set_num_threads(1)
    skip = SKIPPED[name]
    if skip.verdict == "not run":
        with pytest.raises(irgen.IrgenError, match=skip.says):
            irgen.validate(name, timeout=120)
        return
    found = irgen.validate(name)
    assert found.verdict == skip.verdict
    assert skip.says in found.text()


@pytest.mark.parametrize("name", LIVE)
def test_a_record_made_again_is_the_same_to_the_byte(name: str, tmp_path: Path):
    threads = torch.get_num_threads()
    assert gallery.run(name, tmp_path) == [f"{name}/reference.json"]
    assert gallery.run(name, tmp_path) == []
    torch.set_num_threads(threads)
    made, kept = json.loads((tmp_path / name / "reference.json").read_text()), held(name)
    for one in (made, kept):
        del one["measured"], one["versions"], one["ir"]
    assert made == kept
