"""The table of built-in systems: every one builds at its published size without memory, and its twin runs."""

import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import irgen.zoo
from irgen import gallery, report
from irgen.source import Built
from irgen.zoo import systems
from tests.zoo.published import PARAMETERS, PUBLISHED

NAMES = sorted(systems())

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


def test_the_table_has_a_row_for_every_system():
    assert set(PARAMETERS) == set(PUBLISHED) == set(systems())


def test_a_new_system_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "one_more.py").write_text(
        "from irgen.zoo.gpt2 import MODEL as GPT2\n"
        "from dataclasses import replace\n"
        "MODEL = replace(GPT2, name='one-more')\n"
    )
    monkeypatch.setattr(irgen.zoo, "__path__", [*irgen.zoo.__path__, str(tmp_path)])
    systems.cache_clear()
    try:
        assert "one-more" in systems()
        assert "one-more" in report.catalogue(list(systems().values()))
    finally:
        systems.cache_clear()
        sys.modules.pop("irgen.zoo.one_more", None)


@pytest.mark.parametrize("name", NAMES)
def test_the_family_that_is_told_is_the_one_that_is_found(name: str):
    assert systems()[name].family[0] == kept(name)["family"]


@pytest.mark.parametrize(
    ("said_of", "but_true_of"), [("idefics2", "idefics"), ("mamba", "recurrentgemma"), ("muse-net", "gpt3")]
)
def test_what_a_source_says_of_one_system_may_be_true_of_another(said_of: str, but_true_of: str):
    (claim,) = systems()[said_of].claims
    assert claim.holds(kept(said_of))
    assert not claim.holds(kept(but_true_of))


def test_the_page_of_a_system_says_what_its_graph_contradicts():
    (claim,) = systems()["mamba"].claims
    page = gallery.page(systems()["mamba"], kept("mamba"))
    assert claim.says in page
    assert claim.shows in page
    assert claim.says not in gallery.page(systems()["mamba"], kept("recurrentgemma"))


def kept(name: str) -> dict[str, Any]:
    """The hand-checked record of a twin."""
    return json.loads((Path(__file__).parents[1] / "golden" / "facts" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_full_size_has_the_published_parameters_and_takes_no_memory(name: str):
    started = time.perf_counter()
    built = systems()[name].build("full")
    assert time.perf_counter() - started < SECONDS
    assert sum(p.numel() for p in built.module.parameters()) == PARAMETERS[name] == systems()[name].parameters
    assert all(p.is_meta for p in built.module.parameters() if p.requires_grad)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20 < GIBIBYTES


@pytest.mark.parametrize("name", NAMES)
def test_twin_runs_at_both_sizes_with_finite_numbers(name: str):
    built: Built = systems()[name].build("twin")
    assert not built.module.training
    with torch.no_grad():
        for inputs in (built.kwargs, *built.resized):
            outputs = leaves(built.module(**inputs))
            assert outputs
            assert all(torch.isfinite(x).all() for x in outputs if x.is_floating_point())


@pytest.mark.parametrize("name", NAMES)
def test_what_varies_is_named_and_nothing_else_varies(name: str):
    built = systems()[name].build("full")
    (again,) = built.resized
    assert built.axes.keys() == built.kwargs.keys() == again.keys()
    for key, axes in built.axes.items():
        sizes = built.kwargs[key].shape, again[key].shape
        assert len(axes) == len(sizes[0])
        assert [a is not None for a in axes] == [a != b for a, b in zip(*sizes, strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_a_twin_is_the_same_on_every_build(name: str):
    one, two = (systems()[name].build("twin") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.module.parameters(), two.module.parameters(), strict=True))
    assert all(torch.equal(one.kwargs[k], two.kwargs[k]) for k in one.kwargs)


def test_listing_the_systems_loads_no_heavy_library():
    code = "import sys, irgen.zoo; irgen.zoo.systems(); print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
