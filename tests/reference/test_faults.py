"""Every fault that changes results is found and placed in its region, whatever place the seed gives it."""

import random
import re
from pathlib import Path

import numpy as np
import onnx
import pytest

import irgen
from tests.reference.faults import FAULTS, Place
from tests.reference.twins import changed, model

SYSTEMS = {
    "gpt2": ["scale wrong", "mask missing", "mask off by one", "epsilon 1e-3", "gelu for gelu-tanh",
             "one weight transposed", "a layer twice", "half-precision overflow"],
    "llama": ["scale wrong", "gate and up swapped", "mask missing", "rotary shifted by one", "epsilon 1e-3",
              "one weight transposed", "a layer twice", "half-precision overflow"],
    "mixtral": ["experts permuted"],
}  # fmt: skip
"""Which faults are put into which exports."""

SEEDS = {"gpt2": (0, 1), "llama": (1,), "mixtral": (0,)}
"""Each seed chooses another layer and place; the larger the export, the fewer."""

PLACES = [
    pytest.param(system, fault, seed, id=f"{system}, {fault}, {seed}")
    for system, faults in SYSTEMS.items()
    for fault in faults
    for seed in SEEDS[system]
]


def layer(path: str) -> str:
    """The layer that a module stands in: the path up to its first number."""
    found = re.match(r"^(.*?\.\d+)(\.|$)", path)
    return found[1] if found else path.partition(" ")[0]


def in_its_region(parting, place: Place) -> bool:
    if place.whole:
        return any("(layer)" in one or "feed-forward" in one or "moe" in one for one in parting.surplus)
    labelled = not place.labels or (parting.region is not None and parting.region.label in place.labels)
    return labelled and layer(parting.module) == layer(place.module)


def test_every_fault_has_a_system():
    assert set(FAULTS) == {fault for faults in SYSTEMS.values() for fault in faults}


@pytest.mark.parametrize(("system", "fault", "seed"), PLACES)
def test_a_fault_is_found_and_placed(system: str, fault: str, seed: int, tmp_path: Path):
    proto = model(system)
    place = FAULTS[fault](proto, random.Random(seed))
    assert place is not None
    built, path = changed(system, proto, tmp_path)
    found = irgen.validate(built, onnx=path)
    assert found.verdict == "differs", found.text()
    assert found.parting is not None
    assert found.parting.divergence.confirmed
    assert in_its_region(found.parting, place), (place, found.text())


def test_the_runs_of_a_search_grow_with_the_logarithm_of_the_boundaries(tmp_path: Path):
    proto = model("llama")
    FAULTS["one weight transposed"](proto, random.Random(3))
    built, path = changed("llama", proto, tmp_path)
    found = irgen.validate(built, onnx=path).parting.divergence
    assert found.regions > 40
    assert found.runs <= 2 * np.log2(found.regions) + 4


def test_the_part_that_is_saved_shows_the_fault_alone(tmp_path: Path):
    import onnxruntime

    proto = model("gpt2")
    FAULTS["epsilon 1e-3"](proto, random.Random(1))
    built, path = changed("gpt2", proto, tmp_path)
    found = irgen.validate(built, onnx=path)
    part, data = found.parting.save(tmp_path / "part")
    small = onnx.load(str(part))
    onnx.checker.check_model(small)
    assert len(small.graph.node) < len(proto.graph.node) / 10
    with np.load(data) as held:
        feeds = {name: held[name] for name in held.files if not name.startswith("expected/")}
        expected = {name.removeprefix("expected/"): held[name] for name in held.files if name.startswith("expected/")}
    session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    (name,) = expected
    (given,) = session.run([name], feeds)
    away = np.sqrt(np.mean((given - expected[name]) ** 2))
    assert away == pytest.approx(found.parting.divergence.found.rmse, rel=1e-3)


def test_the_place_is_ringed_on_the_figure(tmp_path: Path):
    proto = model("gpt2")
    FAULTS["gelu for gelu-tanh"](proto, random.Random(0))
    built, path = changed("gpt2", proto, tmp_path)
    parting = irgen.validate(built, onnx=path).parting
    scene = parting.scene("GPT-2")
    (ring,) = [mark for mark in scene.marks if mark.style == "ring"]
    box = next(node for node in scene.nodes if node.title == "Feed-forward")
    assert ring.d.startswith(f"M{box.x - 5:g} {box.y - 5:g}")
    assert "feed-forward" in scene.desc
    content = parting.draw(tmp_path / "figure.svg", "GPT-2")
    assert b'class="ring"' in content
