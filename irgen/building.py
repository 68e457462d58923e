"""A source as a module that runs: with weights, and with inputs of several sizes; what is exported and validated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from irgen import roads, zoo
from irgen.errors import SourceError
from irgen.source import Built

if TYPE_CHECKING:
    import torch

    from irgen.inputs import Inputs

Say = Callable[[str], None]
Size = Literal["full", "twin"]


def built_of(
    source: Any,
    inputs: Inputs = None,
    say: Say = lambda _: None,
    *,
    size: Size = "twin",
    weights: bool = True,
    checkpoint: str | Path | None = None,
    trust_remote_code: bool = False,
) -> tuple[str, Built]:
    """The name of a source, and its module with example inputs.

    A built-in system has the published `size` or is its twin; a configuration, a callable or a module is taken as it
    is. A folder of safetensors or a Hugging Face id brings its own weights. What the source has no weights for gets
    random ones (the same on every run), or stays on meta without `weights`; `checkpoint` is a folder of safetensors
    whose weights are taken instead. Raises `SourceError` or `InputError`.
    """
    if checkpoint is not None:
        return _with_checkpoint(source, inputs, say, size, Path(checkpoint), trust_remote_code)
    if isinstance(source, Path):
        source = str(source)
    if not isinstance(source, str):
        return type(source).__name__, _of_object(source, inputs, say)
    say(f"building {source}")
    if source in zoo.systems():
        return source, _refit(_made(lambda: zoo.systems()[source].build(size), weights or size == "twin"), inputs)
    if roads.CALLABLE.fullmatch(source):
        return source, _of_callable(source, inputs, say)
    path = Path(source)
    if (
        path.suffix in (".onnx", ".pt2", ".json")
        and path.name != "config.json"
        and not (path.is_file() and roads.is_config(path))
    ):
        raise SourceError(
            f"a {path.suffix} file holds no module of PyTorch",
            at=source,
            fix="give the source that it came from: a built-in system, a configuration, or package.module:callable",
        )
    if path.exists() or roads.HUB_ID.fullmatch(source):
        return source, _refit(_of_configuration(source, weights, trust_remote_code), inputs)
    raise roads.unknown(source)


def _with_checkpoint(source: Any, inputs: Inputs, say: Say, size: Size, folder: Path, trust: bool) -> tuple[str, Built]:
    """A source with the weights of a folder."""
    from irgen.frontends import checkpoint  # noqa: PLC0415 - loads torch

    checkpoint.check(folder)
    if str(source) == str(folder):
        return built_of(source, inputs, say, size=size, trust_remote_code=trust)
    name, built = built_of(source, inputs, say, size=size, weights=False, trust_remote_code=trust)
    say(f"reading the weights of {folder}")
    return name, replace(built, module=checkpoint.load(built.module, folder))


def _made(make: Callable[[], Built], weights: bool) -> Built:
    """What `make` builds: initialised, with noise on all weights; or without weights."""
    if not weights:
        return make()
    from irgen.weightless import with_weights  # noqa: PLC0415 - loads torch

    with with_weights():
        built = make()
    return replace(built, module=spread(built.module))


def _of_configuration(source: str, weights: bool, trust: bool) -> Built:
    from irgen.frontends import checkpoint, huggingface  # noqa: PLC0415 - loads transformers

    path = Path(source)
    folder = path.parent if path.is_file() else path
    own = checkpoint.has_weights(folder) if path.exists() else True
    if weights and own:
        return huggingface.build(source, trust_remote_code=trust, weights=True)
    return _made(lambda: huggingface.build(source, trust_remote_code=trust), weights)


def _of_callable(source: str, inputs: Inputs, say: Say) -> Built:
    make = roads.load_callable(source)
    with roads.users_code(source):
        made = make()
    if isinstance(made, tuple) and len(cast("tuple[Any, ...]", made)) == 2:
        module, given = cast("tuple[Any, Any]", made)
        return _of_object(module, inputs or given, say, name=source)
    return _of_object(made, inputs, say, name=source)


def _of_object(source: Any, inputs: Inputs, say: Say, name: str = "") -> Built:
    import torch  # noqa: PLC0415 - the command line starts without it

    from irgen import inputs as given  # noqa: PLC0415

    if isinstance(source, Built):
        return _refit(source, inputs)
    if isinstance(source, torch.nn.Module):
        say(f"trying other sizes of {name or type(source).__name__}")
        return roads.with_axes(source.eval(), given.of_module(source, inputs))
    kind = type(source).__name__
    raise SourceError(
        f"{'the callable returned' if name else 'given was'} {kind}, and only a module of PyTorch can be run",
        at=name or repr(source)[:80],
        fix="give a torch.nn.Module, a name, or a callable that returns a module or (module, inputs)",
    )


def _refit(built: Built, inputs: Inputs) -> Built:
    from irgen import inputs as given  # noqa: PLC0415

    return replace(given.refit(built, inputs), draw=None) if inputs else built


def spread(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """The module with noise on every weight: freshly initialised biases are zero, gains one, and logits tie.

    Matrices get 1/√(elements that one result sums over), so that their results are neither tiny nor huge; vectors 0.1.
    """
    import torch  # noqa: PLC0415

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point() and parameter.requires_grad and not parameter.is_meta:
                summed = parameter[0].numel() if parameter.dim() > 1 else 100
                noise = torch.randn(parameter.shape, generator=generator) / summed**0.5
                parameter.add_(noise.to(parameter.dtype))
    return module
