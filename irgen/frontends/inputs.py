"""Example inputs for any module: from the forward signature, the configuration and the modality, tried until one runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from irgen.errors import InputError
from irgen.frontends.modalities import RULES, WANTED, Settings, with_feature_tokens
from irgen.source import Built, Input, built

Run = Callable[[Callable[..., Any], dict[str, torch.Tensor]], Any]
TRIES = 40


@dataclass(frozen=True)
class Attempt:
    """Inputs that ran, and how many of the module's parameters they reached."""

    inputs: tuple[Input, ...]
    reached: int


def run_really(function: Callable[..., Any], kwargs: dict[str, torch.Tensor]) -> Any:
    """Call with real numbers, no gradients."""
    with torch.no_grad():
        return function(**kwargs)


def with_inputs(module: torch.nn.Module, *, title: str = "", run: Run = run_really) -> Built:
    """The module with inputs that its forward accepts, at two sizes; InputError if none of the attempts runs.

    Several guesses are tried in order of likelihood and the one that reaches most parameters is kept; the note counts
    those it never reached. `run(function, kwargs)` executes: really, or under fake tensors where there are no weights.
    """
    module.eval()
    settings = Settings(getattr(module, "config", None))
    total = sum(p.numel() for p in module.parameters())
    best: Attempt | None = None
    failures: list[str] = []
    for inputs in islice(_guesses(module, settings, run), TRIES):
        try:
            reached = _reached(module, built(module, inputs, sizes=settings.sizes).kwargs, run)
        except Exception as why:  # noqa: BLE001 - any forward may raise anything; the last reason is reported
            failures.append(f"{', '.join(i.name for i in inputs)}: {type(why).__name__}: {why}")
            continue
        if best is None or reached > best.reached:
            best = Attempt(inputs, reached)
        if best.reached == total:
            break
    if best is None:
        raise InputError(
            f"no example input could be made for {type(module).__name__}: {_first_line(failures)}",
            at=f"forward{inspect.signature(module.forward)}"[:300],
            fix="give the inputs: --input name=2x19 (or a callable that returns the module and its inputs)",
        )
    missed = total - best.reached
    note = f"{missed:,} of {total:,} parameters are never used by these inputs" if missed else ""
    return built(module, best.inputs, title=title, note=note, sizes=settings.sizes)


def _first_line(failures: list[str]) -> str:
    return failures[0].splitlines()[0][:200] if failures else "its forward takes nothing that irgen knows how to make"


def _guesses(module: torch.nn.Module, settings: Settings, run: Run) -> Iterator[tuple[Input, ...]]:
    """Inputs to try, the likeliest first: every modality at once, then other layouts, then fewer modalities."""
    signature = inspect.signature(module.forward)
    known = {n: p for n, p in signature.parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    required = [n for n, p in known.items() if p.default is p.empty]
    main = getattr(module, "main_input_name", None) or "input_ids"
    mains = [main] if isinstance(main, str) else list(main)
    mains = [n for n in mains if n in known or any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())]
    wanted = [n for n in WANTED if n in known and n not in required and n not in mains]
    names = list(dict.fromkeys([*mains, *required, *wanted]))
    settings.names = frozenset(names)
    choices = {n: RULES[n](settings) for n in names if n in RULES}
    if any(n not in choices or not choices[n] for n in required):
        unknown = [n for n in required if not choices.get(n)]
        raise InputError(
            f"{type(module).__name__} needs {', '.join(unknown)}, which irgen does not know how to make",
            at="its forward signature",
            fix="give the inputs: --input name=2x19 (or a callable that returns the module and its inputs)",
        )
    choices = {n: c for n, c in choices.items() if c}
    optional = [n for n in choices if n not in required]
    for kept in _subsets(optional, mains):
        here = {n: choices[n] for n in choices if n in required or n in kept}
        for pick in _picks(here):
            yield from with_feature_tokens(module, settings, pick, run)


def _subsets(optional: list[str], mains: list[str]) -> Iterator[list[str]]:
    """All optional inputs, then without each one, then the main ones alone, then none."""
    seen: set[tuple[str, ...]] = set()
    fewer = [[n for n in optional if n != out] for out in reversed(optional)]
    for kept in [optional, *fewer, [n for n in optional if n in mains], []]:
        if tuple(kept) not in seen:
            seen.add(tuple(kept))
            yield kept


def _picks(choices: dict[str, list[Input]]) -> Iterator[tuple[Input, ...]]:
    """The first choice for every input, then one input after another at its other choices."""
    if not choices:
        return
    first = {n: c[0] for n, c in choices.items()}
    yield tuple(first.values())
    for name, others in choices.items():
        for other in others[1:]:
            yield tuple((first | {name: other}).values())


class _Reads(TorchFunctionMode):
    """Remembers which parameters any torch function was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._note(args)
        self._note(tuple((kwargs or {}).values()))
        return func(*args, **(kwargs or {}))

    def _note(self, values: Any) -> None:
        for value in values:
            if isinstance(value, torch.nn.Parameter):
                self.seen[id(value)] = value.numel()
            elif isinstance(value, (list, tuple)):
                self._note(value)


def _reached(module: torch.nn.Module, kwargs: dict[str, torch.Tensor], run: Run) -> int:
    """How many numbers of the module's parameters one forward pass reads."""
    mine = {id(p) for p in module.parameters()}
    with _Reads() as reads:
        run(module, kwargs)
    return sum(n for key, n in reads.seen.items() if key in mine)
