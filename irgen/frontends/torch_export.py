"""Programs of `torch.export`, in memory or as a `.pt2` file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.utils._pytree import tree_flatten, tree_unflatten

from irgen.errors import InputError, SourceError
from irgen.frontends.torch_fx import some_tensor
from irgen.frontends.torch_live import Inputs, bound, capture
from irgen.frontends.torch_scope import replaced
from irgen.ir.graph import Graph
from irgen.trees import tensors_by_name

Dims = tuple[Any, ...]


def read(source: str | Path | ExportedProgram) -> Graph:
    """The canonical graph of an exported program.

    It is recorded on the program's own example inputs, or on inputs made from its placeholders, and again at other
    values of its symbolic dimensions, so that these become symbols. Raises `SourceError` for a file that is no
    program.
    """
    program = source if isinstance(source, ExportedProgram) else _loaded(Path(source))
    module = _tied(program.module(check_guards=False))
    args, kwargs, spec = _inputs(program)
    flat = tree_flatten((args, kwargs))[0]
    dims = _placeholder_dims(program)
    names = _symbol_names(dims)
    axes = _axes(module, args, kwargs, flat, dims, names)
    resized: list[Inputs] = []
    if names:
        grown = _grown(dims)
        other = [_resized(value, sizes, grown) for value, sizes in zip(flat, dims, strict=True)]
        resized.append(tree_unflatten(other, spec))
    try:
        return capture(module, args, kwargs, resized=resized, axes=axes, frontend="torch-export")
    except InputError:
        if not resized:
            raise
        graph = capture(module, args, kwargs, axes=axes, frontend="torch-export")
        graph.findings.append(
            "the program refuses other sizes than those it was exported at, though it calls them dynamic"
        )
        return graph


def _tied(module: torch.nn.Module) -> torch.nn.Module:
    """The module with one parameter where several share their memory: a saved program keeps each name apart."""
    seen: dict[tuple[Any, ...], torch.nn.Parameter] = {}
    for name, value in list(module.named_parameters(remove_duplicate=False)):
        path, _, leaf = name.rpartition(".")
        one = seen.setdefault((value.data_ptr(), *value.shape, *value.stride()), value)
        if one is not value and value.data_ptr():
            setattr(module.get_submodule(path), leaf, one)
    return module


def _loaded(path: Path) -> ExportedProgram:
    log = logging.getLogger("torch.export")
    pt2 = logging.getLogger("torch.export.pt2_archive._package")
    try:
        with replaced(log, disabled=True), replaced(pt2, disabled=True):
            return torch.export.load(str(path))
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{path.name} is not a program that this version of torch.export can load: {first}",
            at=str(path),
            fix="write it with torch.export.save(torch.export.export(module, inputs), path)",
        ) from error


def _inputs(program: ExportedProgram) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Example arguments and their tree. Fake or missing ones are made anew."""
    given = program.example_inputs
    if given is None:
        made = [some_tensor(_hints(sizes), dtype) if dtype else None for sizes, dtype in _placeholders(program)]
        args, kwargs = tree_unflatten(made, program.call_spec.in_spec)  # pyright: ignore
    else:
        args, kwargs = given
    flat, spec = tree_flatten((args, kwargs))
    real = [
        some_tensor(tuple(x.shape), x.dtype)
        if isinstance(x, torch.Tensor) and (type(x) is not torch.Tensor or x.is_meta)
        else x
        for x in flat
    ]
    args, kwargs = tree_unflatten(real, spec)
    return tuple(args), dict(kwargs), spec


def _placeholders(program: ExportedProgram) -> list[tuple[Dims, Any]]:
    """Sizes and type of every user input, in order; no sizes for what is not a tensor."""
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    given = [spec.arg for spec in program.graph_signature.input_specs if spec.kind is InputKind.USER_INPUT]
    found: list[tuple[Dims, Any]] = []
    for arg in given:
        value = values.get(arg.name)
        found.append((tuple(value.shape), value.dtype) if isinstance(value, torch.Tensor) else ((), None))
    return found


def _placeholder_dims(program: ExportedProgram) -> list[Dims]:
    return [sizes for sizes, _ in _placeholders(program)]


def _hints(sizes: Dims) -> tuple[int, ...]:
    return tuple(n if isinstance(n, int) else int(n.node.hint or 3) for n in sizes)


def _symbols(size: Any) -> list[str]:
    return [] if isinstance(size, int) else sorted(str(s) for s in size.node.expr.free_symbols)


def _symbol_names(dims: list[Dims]) -> dict[str, str]:
    """A word for each symbol, from where it first stands: axis 0 `batch`, axis 1 of tokens or frames `seq`."""
    names: dict[str, str] = {}
    for sizes in dims:
        for axis, size in enumerate(sizes):
            if (
                isinstance(size, int)
                or len(_symbols(size)) != 1
                or str(size) != _symbols(size)[0]
                or str(size) in names
            ):
                continue
            word = _word(axis, len(sizes))
            taken = sum(name.rstrip("_0123456789") == word for name in names.values())
            names[str(size)] = f"{word}_{taken + 1}" if taken else word
    return names


def _word(axis: int, rank: int) -> str:
    if axis == 0:
        return "batch"
    if rank >= 4 and axis >= rank - 2:
        return ("height", "width")[axis - rank + 2]
    return "seq"


def _axes(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], flat: list[Any], dims: list[Dims], names: dict[str, str]
) -> dict[str, tuple[str | None, ...]]:
    by_id = {id(value): sizes for value, sizes in zip(flat, dims, strict=True)}
    named = tensors_by_name(bound(module, args, kwargs))
    return {name: tuple(names.get(str(n)) for n in by_id.get(id(tensor), ())) for name, tensor in named}


def _known_values(environment: Any) -> dict[Any, Any]:
    """What each symbol was at export (the attribute's name changed in torch 2.13)."""
    newer = getattr(environment, "backed_var_to_val", None)
    return environment.var_to_val if newer is None else newer


def _grown(dims: list[Dims]) -> dict[Any, int]:
    """Another value for each symbol, the same wherever it stands (queries and keys of one mask)."""
    grown: dict[Any, int] = {}
    for sizes in dims:
        for size in sizes:
            if not isinstance(size, int):
                known = _known_values(size.node.shape_env)
                for symbol in sorted(size.node.expr.free_symbols, key=str):
                    grown.setdefault(symbol, int(known.get(symbol, 3)) + 1 + 2 * len(grown))
    return grown


def _resized(value: Any, sizes: Dims, grown: dict[Any, int]) -> Any:
    """The same input with every symbol grown, its entries repeated."""
    if not isinstance(value, torch.Tensor):
        return value
    for axis, size in enumerate(sizes):
        if not isinstance(size, int):
            length = int(size.node.expr.subs(grown))
            value = value.index_select(axis, torch.arange(length) % value.shape[axis])
    return value
