"""The facts of every system: what is published, at full size, and the hand-checked record of its twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from irgen import passes, patterns
from irgen.frontends.torch_live import capture
from irgen.ir import facts
from irgen.zoo import systems
from tests.zoo.published import PUBLISHED

GOLDEN = Path(__file__).parents[1] / "golden" / "facts"
NAMES = sorted(systems())


def record(name: str, size: str) -> dict[str, Any]:
    built = systems()[name].build(size)
    graph = capture(built.module, (), built.kwargs, resized=[((), r) for r in built.resized], axes=built.axes)
    return facts.record(patterns.label(passes.normalise(graph))[1], source=name, frontend=graph.frontend)


@pytest.mark.parametrize("name", NAMES)
def test_the_record_of_the_twin_is_the_hand_checked_one(name: str, request: pytest.FixtureRequest):
    told = json.dumps(record(name, "twin"), indent=1, ensure_ascii=False) + "\n"
    golden = GOLDEN / f"{name}.json"
    if request.config.getoption("--update-golden"):
        golden.write_text(told)
    assert told == golden.read_text(), f"{golden}: rewrite with --update-golden and read the difference"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_figures_are_read_off_the_full_graph(name: str):
    found = record(name, "full")
    expected = PUBLISHED[name]
    assert found["family"] == expected["family"]
    assert round(found["parameters"]["total"] / 1e6, 1) == expected["millions"]
    assert [(s["role"], s["layers"], s["width"]) for s in found["stacks"]] == expected["stacks"]
    kinds = {e["kind"] for e in found["embeddings"]}
    assert kinds == set(expected["embeddings"])
    assert found["head"]["kind"] == expected["head"]
    for place, truth in expected["sublayers"].items():
        stack, block, index = (int(n) for n in place.split("."))
        part = found["stacks"][stack]["blocks"][block]["sublayers"][index]
        assert {key: part[key] for key in truth} == truth
    for key, value in expected.get("objective", {}).items():
        assert found["objective"][key] == value
    assert found.get("auxiliary", []) == expected.get("auxiliary", [])
    assert all(claim.holds(found) for claim in systems()[name].claims)
    for place, at in expected.get("at", {}).items():
        stack, block = (int(n) for n in place.split("."))
        assert found["stacks"][stack]["blocks"][block]["at"] == at
