"""The command line: arguments in, exit code out, one function a command; the only file that prints results."""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irgen import __version__, files
from irgen.errors import IrgenError, OutputError
from irgen.progress import Progress

if TYPE_CHECKING:
    from irgen.api import Model

DONE, DIFFERS, WRONG = 0, 1, 2
INTERRUPTED = 130


class ReaderLeftError(Exception):
    """Who reads standard output wants no more of it; click would turn the broken pipe into exit code 1."""


class Commands(click.Group):
    """Commands in the order in which a user meets them; a wrong one is answered with the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names the argument
        """The commands in order of definition."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise IrgenError(f"there is no command {args[0]!r}", fix=f"{hint}one of: {', '.join(self.commands)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="irgen")
def irgen() -> None:
    """Draw, describe and explain the architecture of a neural network, read off its traced graph.

    SOURCE is a built-in system (`irgen zoo`), a Hugging Face id, a folder or file with a config.json, an .onnx,
    .pt2 or irgen .json file, or package.module:callable that returns a module or (module, inputs).
    """


given_inputs = click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=SHAPE",
    help="Size of an example input, as pixel_values=1x3x224x224.",
)


def traced(source: str, inputs: Sequence[str], say: Callable[[str], None]) -> Model:
    """The traced model of a source on the command line."""
    from irgen import api  # noqa: PLC0415 - `--help` loads nothing heavy
    from irgen.inputs import parse  # noqa: PLC0415

    return api.trace(source, dict(map(parse, inputs)) or None, say=say)


@irgen.command()
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", help="Where to write; standard output if left out.")
@click.option("--view", default="overview", show_default=True, help="overview, block or ops.")
@click.option(
    "--theme",
    default="light",
    show_default=True,
    help="light, dark, print (grey), or auto (the reader's choice, in browsers).",
)
@click.option("--lang", default="en", show_default=True, help="en or ko.")
@click.option("--width", default="column", show_default=True, help="narrow, column or wide: 360, 720 or 1080.")
@click.option("--format", "format_", help="The format, where the suffix of FILE does not say it.")
@given_inputs
def draw(
    source: str,
    output: str | None,
    view: str,
    theme: str,
    lang: str,
    width: str,
    format_: str | None,
    inputs: Sequence[str],
) -> None:
    """Draw a figure of SOURCE."""
    from irgen import api  # noqa: PLC0415

    target = None if output in (None, "-") else Path(output)
    style = api.Style(view=view, theme=theme, lang=lang, width=width, format=format_)
    style.check(target)
    with Progress() as progress:
        content = traced(source, inputs, progress.step).draw(target, **vars(style))
    if target is None:
        emit(content)


@irgen.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--json", "as_json", is_flag=True, help="The facts record as JSON; a list for several sources.")
@click.option("--md", "as_table", is_flag=True, help="A comparison table in Markdown.")
@given_inputs
def facts(sources: Sequence[str], as_json: bool, as_table: bool, inputs: Sequence[str]) -> None:
    """Print what SOURCE is made of; several sources side by side."""
    import json  # noqa: PLC0415

    from irgen import report  # noqa: PLC0415

    if as_json and as_table:
        raise IrgenError("--json and --md exclude each other", fix="choose one")
    with Progress() as progress:
        records = [traced(source, inputs, progress.step).facts for source in sources]
    if as_json:
        emit(json.dumps(records[0] if len(records) == 1 else records, indent=2, ensure_ascii=False) + "\n")
    elif as_table:
        emit(report.markdown(records))
    else:
        emit(report.summary(records[0]) if len(records) == 1 else report.table(records))


@irgen.command()
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", help="Where to write; standard output if left out.")
@given_inputs
def trace(source: str, output: str | None, inputs: Sequence[str]) -> None:
    """Write the labelled graph of SOURCE as JSON, which irgen reads again."""
    target = None if output in (None, "-") else Path(output)
    if target is not None:
        files.check(target)
    with Progress() as progress:
        content = traced(source, inputs, progress.step).json().encode()
    if target is None:
        emit(content)
    else:
        files.write(target, content)


@irgen.command()
@click.argument("a")
@click.argument("b")
@click.option("-o", "--output", metavar="FILE", help="A figure of both: .svg, .png, .pdf or .html.")
@click.option("--json", "as_json", is_flag=True, help="The changes as JSON.")
@click.option("--md", "as_table", is_flag=True, help="The changes as a table in Markdown.")
@click.option("--depth", default="architecture", show_default=True, help="architecture, block or operators.")
@click.option("--theme", default="light", show_default=True, help="light, dark, print or auto.")
@click.option("--lang", default="en", show_default=True, help="en or ko.")
def diff(a: str, b: str, output: str | None, as_json: bool, as_table: bool, depth: str, theme: str, lang: str) -> int:
    """Say what changed from A to B; the exit code is 0 where nothing did and 1 where something did."""
    from irgen import api  # noqa: PLC0415

    if as_json and as_table:
        raise IrgenError("--json and --md exclude each other", fix="choose one")
    target = None if output in (None, "-") else Path(output)
    style = api.Style(theme=theme, lang=lang)
    style.check(target)
    with Progress() as progress:
        found = api.diff(a, b, depth=depth, say=progress.step)
        if target is not None:
            found.draw(target, theme=theme, lang=lang)
    emit(found.json() if as_json else found.markdown() if as_table else found.text())
    return DIFFERS if found else DONE


@irgen.command()
@click.argument("source")
@click.option("--onnx", "file", metavar="FILE", help="An ONNX file of the same model that another tool exported.")
@click.option("--full", is_flag=True, help="A built-in system at its published size instead of its small twin.")
@click.option("--checkpoint", metavar="DIR", help="A folder of safetensors; random weights if left out.")
@click.option("--seed", default=0, show_default=True, help="Of the inputs.")
@click.option("--threads", default=1, show_default=True, help="Of ONNX Runtime.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Most that the export may take.")
@click.option("--trust-remote-code", is_flag=True, help="Run the code that a Hugging Face repository brings along.")
@click.option("--figure", metavar="FILE", help="Where they part: the overview with that place ringed.")
@click.option("--save", metavar="FOLDER", help="Where they part: the part as part.onnx, its inputs as part.npz.")
@click.option("--json", "as_json", is_flag=True, help="The record as JSON.")
@given_inputs
def validate(
    source: str,
    file: str | None,
    figure: str | None,
    save: str | None,
    as_json: bool,
    full: bool,
    checkpoint: str | None,
    seed: int,
    threads: int,
    timeout: float | None,
    trust_remote_code: bool,
    inputs: Sequence[str],
) -> int:
    """Run SOURCE in PyTorch and ONNX Runtime; the exit code is 0 where they agree, 1 where they do not."""
    from irgen import api  # noqa: PLC0415
    from irgen.inputs import parse  # noqa: PLC0415

    if timeout is not None and timeout <= 0:
        raise IrgenError(f"--timeout is {timeout:g} seconds", fix="give a number above 0")
    if threads < 1:
        raise IrgenError(f"--threads is {threads}", fix="give a number of 1 or more")
    target = None if figure is None else Path(figure)
    api.Style().check(target)
    with Progress() as progress:
        found = api.validate(
            source,
            dict(map(parse, inputs)) or None,
            onnx=file,
            full=full,
            checkpoint=checkpoint,
            seed=seed,
            threads=threads,
            timeout=timeout,
            trust_remote_code=trust_remote_code,
            say=progress.step,
        )
        if found.parting is not None and target is not None:
            found.parting.draw(target, found.title)
        if found.parting is not None and save is not None:
            found.parting.save(save)
    if found.parting is None and (figure or save):
        click.echo(f"irgen: no place where they part was found: {figure or save} is not written", err=True)
    emit(found.json() if as_json else found.text())
    return DONE if found else DIFFERS


@irgen.command()
@click.argument("source")
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to write, as model.onnx.")
@click.option("--full", is_flag=True, help="A built-in system at its published size; its small twin if left out.")
@click.option("--no-weights", is_flag=True, help="The structure only: tensors are named and not there.")
@click.option("--checkpoint", metavar="DIR", help="A folder of safetensors; random weights if left out.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after this time, and say at which stage.")
@click.option("--trust-remote-code", is_flag=True, help="Run the Python code that a repository brings along.")
@given_inputs
def export(
    source: str,
    output: str,
    full: bool,
    no_weights: bool,
    checkpoint: str | None,
    timeout: float | None,
    trust_remote_code: bool,
    inputs: Sequence[str],
) -> None:
    """Write SOURCE as an ONNX file: axes dynamic, recurrences as loops, nodes labelled with irgen's regions."""
    from irgen import api, report  # noqa: PLC0415
    from irgen.inputs import parse  # noqa: PLC0415

    if no_weights and checkpoint is not None:
        raise IrgenError("--no-weights and --checkpoint exclude each other", fix="choose one")
    if timeout is not None and timeout <= 0:
        raise IrgenError(f"--timeout is {timeout:g} seconds", fix="give a number above 0")
    target = Path(output)
    files.check(target)
    with Progress() as progress:
        made = api.export(
            source,
            target,
            dict(map(parse, inputs)) or None,
            full=full,
            weights=not no_weights,
            checkpoint=checkpoint,
            timeout=timeout,
            trust_remote_code=trust_remote_code,
            say=progress.step,
        )
    for line in report.remarks(made):
        click.echo(f"irgen: {line}", err=True)
    emit(report.exported(made))


@irgen.command()
@click.argument("source")
@click.argument("region", required=False)
@given_inputs
def explain(source: str, region: str | None, inputs: Sequence[str]) -> None:
    """Say why a label is there or is not: the rule, the ports, the check that proved it.

    REGION is the id or the label of a region; without it all regions are listed.
    """
    from irgen import evidence  # noqa: PLC0415

    with Progress() as progress:
        model = traced(source, inputs, progress.step)
        regions, unknown = model.regions, model.architecture.unknown
    emit(evidence.of(regions, region, model.canonical) if region else evidence.overview(regions, unknown))


@irgen.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
def zoo(names: Sequence[str]) -> None:
    """List the built-in systems, or say more about some."""
    from irgen import report, roads  # noqa: PLC0415
    from irgen import zoo as built_in  # noqa: PLC0415

    known = built_in.systems()
    for name in names:
        if name not in known:
            raise roads.unknown(name)
    emit(report.systems([known[name] for name in names]) if names else report.catalogue(list(known.values())))


@irgen.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("-o", "--output", default="diagrams", show_default=True, metavar="FOLDER", help="Where the figures go.")
@click.option("--exports", default="exports", show_default=True, metavar="FOLDER", help="Where the records go.")
@click.option("--only", type=click.Choice(["figures", "records"]), help="Rebuild the one and leave the other.")
@click.option("-j", "--jobs", default=0, help="Processes; as many as there are processors if left out.")
def gallery(names: Sequence[str], output: str, exports: str, only: str | None, jobs: int) -> int:
    """Rebuild the figures of the built-in systems, and the records of their runs in ONNX Runtime."""
    from irgen import gallery as rooms  # noqa: PLC0415

    failed = False
    for kind, work, folder in (("figures", rooms.build, output), ("records", rooms.validate, exports)):
        if only in (None, kind):
            report = work(list(names), Path(folder), jobs=jobs, say=lambda line: click.echo(line, err=True))
            emit(f"{kind}: {report.text}")
            failed = failed or bool(report.failed)
    return DIFFERS if failed else DONE


def emit(content: str | bytes) -> None:
    """Put a result on standard output. Raises `OutputError` for pictures that a terminal cannot show."""
    if isinstance(content, bytes):
        if sys.stdout.isatty() and b"\0" in content:
            raise OutputError("a terminal cannot show this format", fix="name a file with -o")
    else:
        content = content.encode()
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise ReaderLeftError from None


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code is 0 (done), 1 (differences or failures found) or 2 (the request is wrong)."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # remarks on kernels that are not installed
    try:
        result: Any = irgen.main(list(arguments), prog_name="irgen", standalone_mode=False)
        return result if isinstance(result, int) else DONE
    except IrgenError as error:
        return refuse(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return WRONG
    except click.ClickException as error:
        usage = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "irgen"
        return refuse(IrgenError(error.format_message().rstrip("."), fix=f"see {usage} --help"))
    except (KeyboardInterrupt, click.Abort):
        print("irgen: interrupted", file=sys.stderr)
        return INTERRUPTED
    except ReaderLeftError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader left: the flush at exit must not fail
        return DONE
    except Exception as error:
        if os.environ.get("IRGEN_TRACEBACK"):
            traceback.print_exc()
        what = f"irgen itself failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        place = traceback.extract_tb(error.__traceback__)[-1]
        fix = "please report it with the traceback that IRGEN_TRACEBACK=1 shows"
        return refuse(IrgenError(what, at=f"{Path(place.filename).name}:{place.lineno}", fix=fix))


def refuse(error: IrgenError) -> int:
    """Say on standard error what is wrong, where, and how to mend it."""
    print(f"irgen: {error}", file=sys.stderr)
    return WRONG
