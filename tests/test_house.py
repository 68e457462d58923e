"""The house rules that a machine can hold."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from irgen import report

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "irgen").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BOUNDARIES = {
    "irgen/cli.py",
    "irgen/roads.py",
    "irgen/frontends/torch_live.py",
    "irgen/frontends/torch_fx.py",
    "irgen/frontends/torch_export.py",
    "irgen/frontends/huggingface.py",
    "irgen/frontends/inputs.py",
    "irgen/reference/child.py",
    "irgen/reference/exporters.py",
    "irgen/reference/traced.py",
}
"""Where any error may be caught, to be told: the end of the command line and of a child, and around a user's own code
and files, which exporters run too."""

CAPTIONS = {"irgen/patterns/label.py"}
"""Where the names of the model's inputs and outputs are put into the record, as words and for nothing else."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def command(*arguments: str) -> str:
    """What a lint program says; it must be content."""
    program = Path(sys.prefix) / "bin" / arguments[0]
    ran = subprocess.run([program, *arguments[1:]], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_no_file_is_longer_than_four_hundred_lines():
    long = {name(p): n for p in SOURCES + TESTS if (n := len(p.read_text().splitlines())) > 400}
    assert set(long) <= LONG


LONG = {"tests/figures/architectures.py", "tests/figures/checker.py"}
"""Tables: the architectures that figures are tried on, and the checks of a figure."""


def test_every_file_opens_by_saying_what_it_holds():
    silent = [
        name(p) for p in SOURCES + TESTS if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert not silent


def test_nothing_is_left_unfinished_and_no_error_is_swallowed():
    words = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplemented|pragma: no cover|# type: ignore")
    left = [
        f"{name(p)}:{i}" for p in SOURCES for i, line in enumerate(p.read_text().splitlines(), 1) if words.search(line)
    ]
    assert not left
    broad = re.compile(r"except (Exception|BaseException)\b|except:")
    swallowed = {name(p) for p in SOURCES if broad.search(p.read_text())} - BOUNDARIES
    assert not swallowed


def test_recognition_reads_no_names():
    reads = re.compile(r"\.provenance\b|\boutput_names\b|module_stack|Provenance")
    files = [p for room in ("patterns", "match") for p in sorted((ROOT / "irgen" / room).rglob("*.py"))]
    assert files
    assert {name(p) for p in files if reads.search(p.read_text())} <= CAPTIONS


def test_only_the_command_line_prints():
    printing = [name(p) for p in SOURCES if re.search(r"^\s*print\(", p.read_text(), re.MULTILINE)]
    assert set(printing) <= {"irgen/cli.py", "irgen/progress.py"}


def test_imports_go_down_only():
    assert "1 kept, 0 broken" in command("lint-imports", "--no-logo", "--no-cache")


def test_the_code_is_formatted_and_linted():
    command("ruff", "format", "--check", "-q", ".")
    command("ruff", "check", "-q", ".")


def test_the_readme_opens_with_a_figure_that_is_there():
    text = (ROOT / "README.md").read_text()
    figures = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert figures
    assert all((ROOT / figure).is_file() for figure in figures)
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert all((ROOT / link).exists() for link in links)


def test_the_readme_shows_the_table_that_the_gallery_holds():
    records = [json.loads((ROOT / "diagrams" / n / "facts.json").read_text()) for n in ("bert", "gpt2", "llama")]
    assert report.markdown(records) in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("extra", ["test", "png"])
def test_every_dependency_has_an_exact_version_in_the_constraints(extra: str):
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"][extra]
    names = {re.split(r"[\[<>=]", line)[0].lower().replace("_", "-") for line in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert names <= pinned
