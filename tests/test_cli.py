"""The command line as a stranger meets it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from irgen.cli import run

DECODER = "tests.sample_models:decoder"
ROOT = Path(__file__).parent.parent


def irgen(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "irgen", *arguments], capture_output=True, text=True, cwd=ROOT, check=False, **options
    )


def test_help_comes_at_once_and_loads_nothing_heavy():
    code = "import sys; from irgen.cli import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stderr
    assert not {f"'{name}'" for name in ("torch", "numpy", "onnx", "networkx", "transformers")} & set(
        loaded.split(", ")
    )
    seconds: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        assert irgen("--help").returncode == 0
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


def test_no_arguments_show_the_help_and_are_refused():
    done = irgen()
    assert done.returncode == 2
    assert "Commands:" in done.stdout + done.stderr


def test_every_command_explains_itself():
    for command in ("draw", "facts", "trace", "explain", "zoo", "gallery"):
        assert run([command, "--help"]) == 0


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]):
    from irgen import __version__

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"irgen, version {__version__}\n"


def test_draws_a_figure_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    target = tmp_path / "figure.svg"
    assert run(["draw", DECODER, "-o", str(target)]) == 0
    assert ElementTree.parse(target).getroot().tag.endswith("svg")
    assert capsys.readouterr().out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["figure.svg"]


def test_draws_to_standard_output_without_a_file(capsys: pytest.CaptureFixture[str]):
    assert run(["draw", DECODER, "--theme", "dark"]) == 0
    assert ElementTree.fromstring(capsys.readouterr().out).tag.endswith("svg")


def test_a_width_is_named_or_counted_in_pixels(tmp_path: Path):
    named, counted = tmp_path / "named.svg", tmp_path / "counted.svg"
    assert run(["draw", DECODER, "--width", "narrow", "-o", str(named)]) == 0
    assert run(["draw", DECODER, "--width", "360", "-o", str(counted)]) == 0
    assert named.read_bytes() == counted.read_bytes()


def test_facts_are_one_object_or_a_list(capsys: pytest.CaptureFixture[str]):
    assert run(["facts", DECODER, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["schema"] == "irgen.facts/1"
    assert record["source"] == DECODER
    assert record["frontend"] == "torch-live"
    assert run(["facts", DECODER, DECODER, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [record, record]


def test_facts_of_several_sources_stand_side_by_side(capsys: pytest.CaptureFixture[str]):
    assert run(["facts", DECODER, DECODER]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["direction"].split() == ["unidirectional", "unidirectional"]
    assert run(["facts", DECODER, "--md"]) == 0
    assert capsys.readouterr().out.startswith("| model | architecture |")


def test_facts_read_as_text(capsys: pytest.CaptureFixture[str]):
    assert run(["facts", DECODER]) == 0
    text = capsys.readouterr().out
    assert "decoder-only" in text
    assert "heads 4 × 6, causal" in text


def test_a_written_graph_is_read_again_and_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    target = tmp_path / "ir.json"
    assert run(["trace", DECODER, "-o", str(target)]) == 0
    assert run(["facts", DECODER, "--json"]) == 0
    live = json.loads(capsys.readouterr().out)
    assert run(["facts", str(target), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    differs = {key for key in live if live[key] != again[key]}
    assert differs <= {"source", "frontend"}


def test_explains_a_label_with_its_rule_and_check(capsys: pytest.CaptureFixture[str]):
    assert run(["explain", DECODER]) == 0
    assert "self-attention" in capsys.readouterr().out
    assert run(["explain", DECODER, "self-attention"]) == 0
    text = capsys.readouterr().out
    assert "port   q: " in text
    assert "fact   mask = causal" in text
    assert "proof  mask: " in text


def test_an_unknown_region_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]):
    assert run(["explain", DECODER, "self-atention"]) == 2
    assert "did you mean self-attention" in capsys.readouterr().err


def test_input_sizes_are_taken_from_the_command_line(capsys: pytest.CaptureFixture[str]):
    assert run(["facts", "tests.sample_models:bare_decoder", "--input", "ids=3x11", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"][0]["dtype"] == "int64"


def test_the_zoo_lists_every_system_and_says_more_about_one(capsys: pytest.CaptureFixture[str]):
    assert run(["zoo"]) == 0
    assert any(line.startswith("gpt2 ") and "124.4 M" in line for line in capsys.readouterr().out.splitlines())
    assert run(["zoo", "gpt2"]) == 0
    assert "Radford" in capsys.readouterr().out


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m irgen zoo | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_the_same_bytes_on_every_run(tmp_path: Path):
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        assert irgen("draw", DECODER, "-o", str(tmp_path / f"{seed}.svg"), env=env).returncode == 0
        assert irgen("trace", DECODER, "-o", str(tmp_path / f"{seed}.json"), env=env).returncode == 0
    for suffix in ("svg", "json"):
        assert (tmp_path / f"1.{suffix}").read_bytes() == (tmp_path / f"2.{suffix}").read_bytes()


def test_slow_work_is_told_on_standard_error(capsys: pytest.CaptureFixture[str]):
    from irgen.progress import Progress

    with Progress(patience=0.05) as progress:
        progress.step("tracing gpt2")
        time.sleep(0.2)
        progress.step("drawing gpt2")
    assert capsys.readouterr().err == "irgen: tracing gpt2 …\nirgen: drawing gpt2 …\n"


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str]):
    from irgen.progress import Progress

    with Progress() as progress:
        progress.step("tracing gpt2")
    assert capsys.readouterr().err == ""
