"""The table of built-in systems: every one builds at its published size without memory, and its twin runs."""

import resource
import subprocess
import sys
import time
import warnings

import pytest
import torch

from irgen.source import Built
from irgen.zoo import systems

#: Published totals, tied weights once, from the model cards, the papers, or the sum of the published shapes.
PUBLISHED = {
    "bert": 109_514_298,
    "bart": 406_291_456,
    "gpt2": 124_439_808,
    "gpt-oss-20b": 20_914_757_184,
    "t5": 222_903_552,
    "mixtral": 46_702_792_704,
    "mamba": 2_768_345_600,
    "recurrentgemma": 2_682_862_080,
    "starcoder2": 15_957_889_024,
    "layoutlmv3": 125_326_976,
    "vit": 86_567_656,
    "swin": 87_768_224,
    "segformer": 84_607_955,
    "timesformer": 121_566_352,
    "chronos-t5": 708_963_328,
    "graphormer": 47_551_553,
    "idefics2": 8_402_768_112,
    "idefics": 8_929_679_632,
    "musicgen": 586_884_674,
    "decision-transformer": 1_255_055,
    "transformer": 63_082_496,
    "ijepa": 1_283_148_544,
    "visualbert": 112_074_812,
    "llama": 6_738_415_616,
    "gemma": 2_506_172_416,
    "openai-gpt": 116_534_784,
    "roberta": 124_697_433,
    "distilbert": 66_985_530,
    "distilgpt2": 81_912_576,
    "xlnet": 116_750_336,
    "gpt3": 174_604_259_328,
    "muse-net": 2_065_631_232,
    "music-transformer": 12_712_960,
    "uniter": 112_934_791,
    "vilbert": 239_023_229,
    "m2-transformer": 38_411_264,
    "imagebind": 1_200_781_056,
    "resnet50": 25_557_032,
    "mobilenet": 4_233_001,
    "mobilenet-v2": 3_506_153,
    "alexnet": 60_965_224,
    "vgg16": 138_357_544,
    "googlenet": 13_378_280,
    "dactyl": 3_286_236,
    "deeploco": 2_940_027,
    "word2vec-cbow": 1_800_000_000,
    "word2vec-skipgram": 415_200_000,
    "glove": 240_800_000,
}
SECONDS = 15.0  # a build takes a tenth of it; the first one also imports the library
GIBIBYTES = 2.0


@pytest.fixture(autouse=True)
def _library_warnings_are_not_ours():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|transformers)\.")
        warnings.filterwarnings("ignore", category=FutureWarning)
        yield


def leaves(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    values = value.values() if hasattr(value, "values") else value if isinstance(value, (list, tuple)) else ()
    return [leaf for item in values for leaf in leaves(item)]


def test_the_table_and_the_zoo_name_the_same_systems():
    assert set(PUBLISHED) <= set(systems())


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_full_size_has_the_published_parameters_and_takes_no_memory(name: str):
    started = time.perf_counter()
    built = systems()[name].build("full")
    assert time.perf_counter() - started < SECONDS
    assert sum(p.numel() for p in built.module.parameters()) == PUBLISHED[name] == systems()[name].parameters
    assert all(p.is_meta for p in built.module.parameters() if p.requires_grad)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20 < GIBIBYTES


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_twin_runs_at_both_sizes_with_finite_numbers(name: str):
    built: Built = systems()[name].build("twin")
    assert not built.module.training
    with torch.no_grad():
        for inputs in (built.kwargs, *built.resized):
            outputs = leaves(built.module(**inputs))
            assert outputs
            assert all(torch.isfinite(x).all() for x in outputs if x.is_floating_point())


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_what_varies_is_named_and_nothing_else_varies(name: str):
    built = systems()[name].build("full")
    (again,) = built.resized
    assert built.axes.keys() == built.kwargs.keys() == again.keys()
    for key, axes in built.axes.items():
        sizes = built.kwargs[key].shape, again[key].shape
        assert len(axes) == len(sizes[0])
        assert [a is not None for a in axes] == [a != b for a, b in zip(*sizes, strict=True)]


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_twin_is_the_same_on_every_build(name: str):
    one, two = (systems()[name].build("twin") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.module.parameters(), two.module.parameters(), strict=True))
    assert all(torch.equal(one.kwargs[k], two.kwargs[k]) for k in one.kwargs)


def test_listing_the_systems_loads_no_heavy_library():
    code = "import sys, irgen.zoo; irgen.zoo.systems(); print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
