"""PyTorch and ONNX Runtime on the same inputs: a source is built, exported or paired with a file, run and judged."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irgen import building, zoo
from irgen.errors import InputError, IrgenError
from irgen.source import Built

if TYPE_CHECKING:
    import onnx

    from irgen.inputs import Inputs
    from irgen.parting import Parting
    from irgen.reference.cases import Case
    from irgen.reference.outcome import Validation

Say = Callable[[str], None]


def validate(
    source: Any,
    inputs: Inputs = None,
    *,
    onnx: str | Path | None = None,
    seed: int = 0,
    full: bool = False,
    checkpoint: str | Path | None = None,
    threads: int = 1,
    timeout: float | None = None,
    trust_remote_code: bool = False,
    say: Say = lambda _: None,
) -> Validation:
    """Run a source in PyTorch and as an ONNX file in ONNX Runtime, and judge whether they agree.

    `source` is a zoo name (its twin is run; its published size if `full`), a configuration, `package.module:callable`
    or a `torch.nn.Module` with `inputs`. `onnx` is a file that another tool exported; without it the source is
    exported, within `timeout` seconds. `checkpoint` is a folder of safetensors with the weights. The result is true
    where both agree; `str()` of it is the table.
    Raises `irgen.IrgenError` where the source, the inputs or the file are wrong.
    """
    size = "full" if full or checkpoint is not None else "twin"
    name, built = building.built_of(
        source, inputs, say, size=size, checkpoint=checkpoint, trust_remote_code=trust_remote_code
    )
    if onnx is not None:
        found = _pair(name, built, Path(onnx), seed, threads, say)
    else:
        found = _own(name, built, seed, threads, timeout, say)
    if isinstance(source, str) and source in zoo.systems():
        found.scale = size
    return found


def _own(name: str, built: Built, seed: int, threads: int, timeout: float | None, say: Say) -> Validation:
    """A source and irgen's own export of it, with its mask as an input where it has one."""
    from irgen.reference.cases import with_optional  # noqa: PLC0415 - loads torch

    with tempfile.TemporaryDirectory(prefix="irgen-") as folder:
        from irgen.reference.export import export  # noqa: PLC0415

        built = with_optional(built, ["attention_mask"])
        made = export(built, Path(folder) / "model.onnx", timeout=timeout, progress=say)
        return _judged(name, built, made.path, made.exporter, made.opset, seed, threads, say)


def _pair(name: str, built: Built, file: Path, seed: int, threads: int, say: Say) -> Validation:
    """A source and a file that came from elsewhere, at sizes that the file takes."""
    from irgen import inputs as given  # noqa: PLC0415
    from irgen.reference import precision  # noqa: PLC0415
    from irgen.reference.cases import with_optional  # noqa: PLC0415

    model = precision.load(file)
    stored = {tensor.name for tensor in model.graph.initializer}
    takes = [value for value in model.graph.input if value.name not in stored]
    built = with_optional(built, [value.name for value in takes])
    shapes: dict[str, tuple[int, ...]] = {}
    for value in takes:
        dims = value.type.tensor_type.shape.dim
        old = built.kwargs.get(value.name)
        if old is not None and len(dims) == old.dim():
            wanted = tuple(d.dim_value or n for d, n in zip(dims, old.shape, strict=True))
            if wanted != tuple(old.shape):
                shapes[value.name] = wanted
    if shapes:
        try:
            built = replace(given.refit(built, shapes), draw=None)
        except InputError as error:
            raise InputError(error.what, at=f"{file} fixes the sizes of its inputs", fix=error.fix) from error
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    return _judged(name, built, file, model.producer_name or "unknown", opset, seed, threads, say)


def _judged(
    name: str, built: Built, file: Path, exporter: str, opset: int, seed: int, threads: int, say: Say
) -> Validation:
    from irgen.reference import precision  # noqa: PLC0415
    from irgen.reference.cases import cases  # noqa: PLC0415
    from irgen.reference.measure import measure  # noqa: PLC0415
    from irgen.reference.outcome import Validation  # noqa: PLC0415

    model = precision.load(file)
    held = precision.of(model)
    shown = cases(built, seed)
    found = measure(built.module, file, shown, built.axes, precision=held, threads=threads, say=say)
    outcome = Validation(
        name,
        built.title or name,
        seed,
        threads,
        held,
        exporter,
        opset,
        found.rows,
        found.skipped,
        found.notes,
        _operators(model),
        file.stat().st_size,
    )
    outcome.ir = _hash(built)
    outcome.parting = _parting(built, file, shown, outcome, say)
    return outcome


def _parting(built: Built, file: Path, shown: Sequence[Case], outcome: Validation, say: Say) -> Parting | None:
    """Where the first row parts that has a wrong number; None where none has."""
    from irgen import parting  # noqa: PLC0415
    from irgen.reference import ports  # noqa: PLC0415
    from irgen.reference.measure import open_session  # noqa: PLC0415

    wrong = [row for row in outcome.rows if row.verdict == "differs" and row.outputs and not row.baked]
    if not wrong:
        return None
    row = wrong[0]
    one = next((one for one in row.outputs if one.verdict == "differs"), None)
    if one is None:
        return None
    case = next(case for case in shown if case.name == row.case)
    session = open_session(file, optimised=False, threads=outcome.threads)
    matched = ports.inputs(session.inputs, case.inputs)
    del session
    return parting.locate(
        built,
        file,
        case,
        matched,
        one.output,
        row.names[one.output],
        outcome.precision,
        optimised=row.optimised,
        say=say,
    )


def _hash(built: Built) -> str | None:
    """The hash of what was run, as irgen traces it."""
    from irgen import passes  # noqa: PLC0415
    from irgen.frontends import torch_live  # noqa: PLC0415
    from irgen.ir.hash import hash_graph  # noqa: PLC0415

    try:
        return hash_graph(passes.normalise(torch_live.capture(built.module, (), built.kwargs, axes=built.axes)))
    except IrgenError:
        return None


def _operators(model: onnx.ModelProto) -> dict[str, int]:
    """How often each operator stands in the file, the most frequent first."""
    count = Counter(f"{node.domain}.{node.op_type}".lstrip(".") for node in model.graph.node)
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))
