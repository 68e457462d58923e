"""Every road says the same: live capture, torch.export, torch.fx, both ONNX exporters, with names and without."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from irgen import zoo
from irgen.source import Built
from tests.laws.roads import ROADS, live, masked, shortened
from tests.laws.telling import Telling, essence, told
from tests.sample_models import Decoder
from tests.support.exporting import export_torchscript, randomised

SYSTEMS = (
    "bert", "bart", "gpt2", "gpt-oss-20b", "t5", "mixtral", "mamba", "recurrentgemma", "starcoder2", "layoutlmv3",
    "vit", "swin", "segformer", "timesformer", "chronos-t5", "graphormer", "idefics2", "idefics", "musicgen",
    "decision-transformer", "transformer", "llama", "openai-gpt", "gemma", "xlnet", "resnet50", "mobilenet",
    "mobilenet-v2", "gpt3", "muse-net", "music-transformer", "uniter", "vilbert", "m2-transformer", "imagebind",
    "word2vec-skipgram", "glove", "alexnet", "googlenet", "dactyl", "deeploco",
)  # fmt: skip
"""Part A of the catalogue, and those of parts B and C whose graphs are not the same as another's."""

PLAIN = (
    "bert", "gpt2", "t5", "bart", "llama", "starcoder2", "vit", "gpt3", "muse-net", "music-transformer", "uniter",
    "vilbert", "m2-transformer", "imagebind",
)  # fmt: skip
"""Systems that are offered to the plain symbolic trace too."""

CONTROL_FLOW = "symbolically traced variables cannot be used as inputs to control flow"
ITERATED = "Proxy object cannot be iterated"
SLICED = "slice indices must be integers"
FILLED = r"zeros\(\) takes 1 positional argument"
HISTOGRAM = "aten::histc"
UNFOLDED = "Unfold, input size not accessible"
GUARDED = "(?i)data-dependent|Failed to export"
REFUSED: dict[tuple[str, str], str] = {
    ("bert", "fx"): SLICED,
    ("gpt2", "fx"): CONTROL_FLOW,
    ("t5", "fx"): CONTROL_FLOW,
    ("bart", "fx"): ITERATED,
    ("llama", "fx"): CONTROL_FLOW,
    ("starcoder2", "fx"): CONTROL_FLOW,
    ("vit", "fx"): CONTROL_FLOW,
    ("gpt3", "fx"): FILLED,
    ("muse-net", "fx"): FILLED,
    ("music-transformer", "fx"): FILLED,
    ("uniter", "fx"): ITERATED,
    ("vilbert", "fx"): ITERATED,
    ("m2-transformer", "fx"): ITERATED,
    ("imagebind", "fx"): ITERATED,
    ("gpt-oss-20b", "torchscript"): HISTOGRAM,
    ("mixtral", "torchscript"): HISTOGRAM,
    ("idefics2", "torchscript"): UNFOLDED,
    ("musicgen", "export"): GUARDED,
    ("musicgen", "fx-of-export"): GUARDED,
    ("musicgen", "dynamo"): GUARDED,
}
"""Roads that a system cannot take, with torch's error: it branches on inputs, or an operator is missing."""

UNREAD: dict[tuple[str, str], str] = {
    ("musicgen", "torchscript"): "does not fit",
}
"""Files that irgen itself cannot read yet: sizes that MusicGen's codes share with its batch are named apart in it."""

FOLDED: dict[tuple[str, str], dict[tuple[str, ...], object]] = {
    ("idefics", "dynamo"): {("stacks", "2", "blocks", "0", "sublayers", "0", "gated"): False},
}
"""What an exporter computed while it wrote the file, so that the file does not show it: tanh of a learned gate."""


LENGTHS = {"mamba": 7, "recurrentgemma": 13}
"""Tokens of systems whose every step is a piece of the graph: exporters take a minute for the twin's nineteen."""


@cache
def twin(name: str, road: str) -> Built:
    """The twin as a road takes it, with random values in every parameter (exporters drop biases that are zero)."""
    built = shortened(zoo.systems()[name].build("twin"), LENGTHS.get(name))
    randomised(built.module)
    return masked(built) if road.startswith("torchscript") else built


@cache
def by_live_capture(name: str, masks: bool) -> tuple[Telling, int]:
    """What live capture says, and how many parameters of the module no operator reads."""
    graph = live(twin(name, "torchscript" if masks else "live"), Path())
    return essence(told(graph)), (graph.parameters or 0) - sum(node.size for node in graph if node.op == "param")


def expected(name: str, road: str) -> Telling:
    """What live capture says, as far as the road's file can hold it."""
    found, unread = by_live_capture(name, road.startswith("torchscript"))
    if not road.startswith(("dynamo", "torchscript")):
        return found
    found = copy.deepcopy(found)
    gone = unread + _folded_norms(found, twin(name, road).module)
    found["parameters"]["total"] -= gone
    found["parameters"]["active"] -= gone
    for path, value in FOLDED.get((name, road.removesuffix("-anonymous")), {}).items():
        at: Any = found
        for step in path[:-1]:
            at = at[int(step) if step.isdigit() else step]
        assert at[path[-1]] != value
        at[path[-1]] = value
    return found


def _folded_norms(telling: Telling, module: torch.nn.Module) -> int:
    """Say that norms over the batch are gone, as in files: scale and shift leave, the convolution gains a bias."""
    norms = [m for m in module.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for stack in telling["stacks"]:
        for block in stack["blocks"]:
            if block["norm"] == "batchnorm":
                block["norm"] = "none"
    assert not norms or all(m.bias is None for m in module.modules() if isinstance(m, torch.nn.Conv1d))
    return sum(m.num_features for m in norms)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roads")


DAILY = (
    "bert", "gpt2", "mixtral", "starcoder2", "vit", "timesformer", "graphormer", "decision-transformer", "transformer",
    "resnet50", "muse-net", "music-transformer",
)  # fmt: skip
"""Systems that `torch.export` is run for at every test run; `--all-roads` asks for the others too."""

COSTLY = ("export", "fx-of-export", "dynamo")
"""Roads by way of `torch.export`, some ten seconds each."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = metafunc.config.getoption("--all-roads")
    tables = {
        "test_a_road_says_what_live_capture_says": (("name", "road"), TAKEN),
        "test_a_mixture_is_the_same_however_its_experts_are_coded": (("name", "coding", "road"), CODED),
    }
    if metafunc.definition.name in tables:
        names, rows = tables[metafunc.definition.name]
        metafunc.parametrize(names, [row for row in rows if every or _is_daily(*row)])


def _is_daily(name: str, *way: str) -> bool:
    """Whether a row of a table is run each time: mixtures in other codings only by live capture."""
    costly = way[-1].removesuffix("-anonymous") in COSTLY
    return not costly or (name in DAILY and len(way) == 1)


TAKEN = [(name, road) for name in SYSTEMS for road in ROADS if not road.startswith("fx") or name in PLAIN]


def test_a_road_says_what_live_capture_says(name: str, road: str, folder: Path):
    room = folder / name
    room.mkdir(exist_ok=True)
    whole = road.removesuffix("-anonymous")
    if (name, whole) in REFUSED and whole != road:
        return  # there is no file to take the names out of
    refusal = REFUSED.get((name, road)) or UNREAD.get((name, whole))
    if refusal is not None:
        with pytest.raises(Exception, match=refusal):
            ROADS[road](twin(name, road), room)
        return
    assert essence(told(ROADS[road](twin(name, road), room))) == expected(name, road)


UNASKED = {
    "graphormer", "transformer", "mamba", "resnet50", "mobilenet", "mobilenet-v2", "gpt3", "muse-net",
    "music-transformer", "uniter", "vilbert", "m2-transformer", "imagebind", "word2vec-skipgram", "glove", "alexnet",
    "googlenet", "dactyl", "deeploco",
}  # fmt: skip
"""Systems of our own making, which write attention out, and systems without attention."""
FORMS = [(name, form) for name in SYSTEMS if name not in UNASKED for form in ("eager", "sdpa")]
FORMS = [pair for pair in FORMS if pair not in {("gpt-oss-20b", "sdpa"), ("musicgen", "sdpa")}]
"""How transformers computes attention; sinks (gpt-oss) and EnCodec are not offered as one operator."""


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_attention_is_the_same_however_it_is_computed(name: str, form: str):
    built = shortened(zoo.systems()[name].build("twin"), LENGTHS.get(name))
    randomised(built.module)
    _choose_attention(built.module, form)
    assert essence(told(live(built, Path()))) == by_live_capture(name, masks=False)[0]


@pytest.mark.parametrize("name", ["gpt-oss-20b", "musicgen"])
def test_attention_that_is_no_single_operator_still_refuses_to_be_one(name: str):
    with pytest.raises(ValueError, match="does not support"):
        _choose_attention(zoo.systems()[name].build("twin").module, "sdpa")


def _choose_attention(module: torch.nn.Module, form: str) -> None:
    """Choose how transformers' modules compute attention."""
    for part in module.modules():
        if isinstance(part, PreTrainedModel):
            part.set_attn_implementation(form)


MIXTURES = ("mixtral", "gpt-oss-20b")
CODINGS = ("eager", "batched_mm", "grouped_mm")


CODED = [(name, coding, "live") for name in MIXTURES for coding in CODINGS]
CODED += [("mixtral", "batched_mm", road) for road in ("export", "dynamo", "dynamo-anonymous")]
"""The third coding is the one that the table of roads is made with; the first asks for the values of its routing."""


@pytest.mark.parametrize("road", ["export", "dynamo"])
def test_the_loop_over_experts_still_cannot_be_exported(road: str, tmp_path: Path):
    built = twin("mixtral", "eager")
    built.module.set_experts_implementation("eager")
    with pytest.raises(Exception, match=GUARDED):
        ROADS[road](built, tmp_path)


def test_a_mixture_is_the_same_however_its_experts_are_coded(name: str, coding: str, road: str, folder: Path):
    built = twin(name, coding)
    built.module.set_experts_implementation(coding)
    room = folder / f"{name}-{coding}"
    room.mkdir(exist_ok=True)
    found = essence(told((live if road == "live" else ROADS[road])(built, room)))
    assert found == by_live_capture(name, masks=False)[0]


@pytest.mark.parametrize("road", ["fx", "export", "dynamo", "torchscript"])
def test_a_plain_module_takes_every_road(road: str, tmp_path: Path):
    module = randomised(Decoder().eval())
    ids = torch.arange(26).reshape(2, 13)
    built = Built(module, {"ids": ids}, [{"ids": torch.ones(3, 17, dtype=torch.int64)}], {"ids": ("batch", "seq")})
    assert essence(told(ROADS[road](built, tmp_path))) == essence(told(live(built, tmp_path)))


@pytest.mark.parametrize("name", ["gpt2"])
def test_the_torchscript_exporter_still_refuses_a_decoder_without_a_mask(name: str, tmp_path: Path):
    built = zoo.systems()[name].build("twin")
    with pytest.raises(Exception, match="aten::diff"):
        export_torchscript(built.module, built.kwargs, tmp_path / "model.onnx")
