"""Every road says the same: live capture, torch.export, torch.fx, both ONNX exporters, with names and without."""

from functools import cache
from pathlib import Path

import pytest
import torch

from irgen import zoo
from irgen.source import Built
from tests.laws.roads import ROADS, live, masked
from tests.laws.telling import Telling, essence, told
from tests.sample_models import Decoder
from tests.support.exporting import export_torchscript, randomised

SYSTEMS = (
    "bert", "gpt2", "t5", "bart", "llama", "distilbert", "roberta", "distilgpt2", "starcoder2", "vit",
    "gpt3", "muse-net", "music-transformer", "uniter", "vilbert", "m2-transformer", "imagebind",
)  # fmt: skip

CONTROL_FLOW = "symbolically traced variables cannot be used as inputs to control flow"
ITERATED = "Proxy object cannot be iterated"
FILLED = r"zeros\(\) takes 1 positional argument"
SLICED = "slice indices must be integers"
REFUSED: dict[tuple[str, str], str] = {
    ("bert", "fx"): SLICED,
    ("gpt2", "fx"): CONTROL_FLOW,
    ("t5", "fx"): CONTROL_FLOW,
    ("bart", "fx"): ITERATED,
    ("llama", "fx"): CONTROL_FLOW,
    ("distilbert", "fx"): SLICED,
    ("roberta", "fx"): ITERATED,
    ("distilgpt2", "fx"): CONTROL_FLOW,
    ("starcoder2", "fx"): CONTROL_FLOW,
    ("vit", "fx"): CONTROL_FLOW,
    ("gpt3", "fx"): FILLED,
    ("muse-net", "fx"): FILLED,
    ("music-transformer", "fx"): FILLED,
    ("uniter", "fx"): ITERATED,
    ("vilbert", "fx"): ITERATED,
    ("m2-transformer", "fx"): ITERATED,
    ("imagebind", "fx"): ITERATED,
}
"""Roads that a system cannot take, with torch's error: they branch on their inputs or make masks of their size."""


@cache
def twin(name: str, road: str) -> Built:
    """The twin as a road takes it, with random values in every parameter (exporters drop biases that are zero)."""
    built = zoo.systems()[name].build("twin")
    randomised(built.module)
    return masked(built) if road.startswith("torchscript") else built


@cache
def by_live_capture(name: str, masks: bool) -> Telling:
    return essence(told(live(twin(name, "torchscript" if masks else "live"), Path())))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roads")


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_road_says_what_live_capture_says(name: str, road: str, folder: Path):
    room = folder / name
    room.mkdir(exist_ok=True)
    if (name, road) in REFUSED:
        with pytest.raises(Exception, match=REFUSED[name, road]):
            ROADS[road](twin(name, road), room)
        return
    found = essence(told(ROADS[road](twin(name, road), room)))
    assert found == by_live_capture(name, road.startswith("torchscript"))


@pytest.mark.parametrize("road", ["fx", "export", "dynamo", "torchscript"])
def test_a_plain_module_takes_every_road(road: str, tmp_path: Path):
    module = randomised(Decoder().eval())
    ids = torch.arange(26).reshape(2, 13)
    built = Built(module, {"ids": ids}, [{"ids": torch.ones(3, 17, dtype=torch.int64)}], {"ids": ("batch", "seq")})
    assert essence(told(ROADS[road](built, tmp_path))) == essence(told(live(built, tmp_path)))


@pytest.mark.parametrize("name", ["gpt2", "distilgpt2"])
def test_the_torchscript_exporter_still_refuses_a_decoder_without_a_mask(name: str, tmp_path: Path):
    built = zoo.systems()[name].build("twin")
    with pytest.raises(Exception, match="aten::diff"):
        export_torchscript(built.module, built.kwargs, tmp_path / "model.onnx")
