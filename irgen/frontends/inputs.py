"""Example inputs for any module: from forward signature, configuration and modality, tried until one runs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.overrides import TorchFunctionMode

from irgen.errors import InputError
from irgen.frontends.feature_tokens import with_feature_tokens
from irgen.frontends.modalities import AUXILIARY, MASKS, RULES, WANTED, mask_of
from irgen.frontends.settings import Settings
from irgen.frontends.torch_live import record
from irgen.source import Built, Input, built
from irgen.trees import tensors_by_name

TRIES = 40
#: Further guesses once one has run: it may have left a tower dark.
AFTER_SUCCESS = 6
#: A guess that leaves less than this part of the parameters unused is good enough.
NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class Attempt:
    """Inputs that ran, and how many numbers of the module's parameters they reached."""

    inputs: tuple[Input, ...]
    reached: int
    sizes: dict[str, tuple[int, int]]


class Trial:
    """Runs a module on guessed inputs with its real weights, and says what the run reached and made."""

    def reached(self, module: torch.nn.Module, kwargs: dict[str, torch.Tensor]) -> int:
        """How many numbers of the module's parameters one forward pass reads. Raises whatever the forward raises."""
        mine = {id(p): p.numel() for p in module.parameters()}
        with torch.no_grad(), _Reads() as reads:
            module(**kwargs)
        return sum(n for key, n in mine.items() if key in reads.seen)

    def features(self, makes: Callable[..., Any], kwargs: dict[str, torch.Tensor]) -> int:
        """How many vectors a method that makes features gives."""
        with torch.no_grad():
            out = makes(**kwargs)
        return _vectors([(name, tuple(t.shape)) for name, t in tensors_by_name(out)])


class WeightlessTrial(Trial):
    """The same for a module without weights: one recorded pass under fake tensors."""

    def reached(self, module: torch.nn.Module, kwargs: dict[str, torch.Tensor]) -> int:
        """As `Trial.reached`."""
        unused = set(record(module, (), kwargs).unused)
        return sum(p.numel() for name, p in module.named_parameters() if name not in unused)

    def features(self, makes: Callable[..., Any], kwargs: dict[str, torch.Tensor]) -> int:
        """As `Trial.features`."""
        return _vectors([(name, ref.shape) for name, ref in record(_Method(makes), (), kwargs).outputs])


def _vectors(outputs: list[tuple[str, tuple[int, ...]]]) -> int:
    """Vectors among named outputs: those pooled for the text, else the last hidden state, else all."""
    for wish in ("pooler_output", "last_hidden_state", ""):
        shapes = [shape for name, shape in outputs if name.startswith(wish)]
        if shapes:
            return sum(math.prod(shape[:-1]) for shape in shapes)
    return 0


class _Method(torch.nn.Module):
    """A method of a module as a module of its own."""

    def __init__(self, makes: Callable[..., Any]) -> None:
        super().__init__()
        self.owner = makes.__self__  # pyright: ignore[reportFunctionMemberAccess]
        self.makes = makes

    def forward(self, **kwargs: torch.Tensor) -> Any:
        return self.makes(**kwargs)


def with_inputs(module: torch.nn.Module, *, title: str = "", trial: Trial | None = None) -> Built:
    """The module with inputs that its forward accepts, at two sizes; InputError if none of the attempts runs.

    Several guesses are tried in order of likelihood and the one that reaches most parameters is kept; the note counts
    those it never reached. `trial` runs the guesses: by default with real weights, or as a recorded pass without any.
    """
    module.eval()
    trial = trial or (WeightlessTrial() if any(p.is_meta for p in module.parameters()) else Trial())
    settings = Settings(getattr(module, "config", None))
    total = sum(p.numel() for p in module.parameters())
    best: Attempt | None = None
    failures: list[str] = []
    left = TRIES
    for guess in _guesses(module, settings):
        if left == 0:
            break
        left -= 1
        try:
            inputs = with_feature_tokens(module, settings, guess, trial.features)
            reached = trial.reached(module, built(module, inputs, sizes=settings.sizes).kwargs)
        except Exception as why:
            failures.append(f"{', '.join(i.name for i in guess)}: {type(why).__name__}: {why}")
            continue
        if best is None or reached > best.reached:
            best = Attempt(inputs, reached, dict(settings.sizes))
            left = min(left, AFTER_SUCCESS)
        if total - best.reached <= NEGLIGIBLE * total:
            break
    if best is None:
        raise InputError(
            f"no example input could be made for {type(module).__name__}: {_first_line(failures)}",
            at=f"forward{inspect.signature(module.forward)}"[:300],
            fix="give the inputs: --input name=2x19 (or a callable that returns the module and its inputs)",
        )
    missed = total - best.reached
    note = f"{missed:,} of {total:,} parameters are never used by these inputs" if missed else ""
    return built(module, best.inputs, title=title, note=note, sizes=best.sizes)


def _first_line(failures: list[str]) -> str:
    return failures[0].splitlines()[0][:200] if failures else "its forward takes nothing that irgen knows how to make"


def _guesses(module: torch.nn.Module, settings: Settings) -> Iterator[tuple[Input, ...]]:
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
    choices = {n: RULES[n](settings, n) for n in names if n in RULES and n not in MASKS}
    masks = [n for n in known if n in MASKS]
    required = [n for n in required if n not in MASKS]
    if any(n not in choices or not choices[n] for n in required):
        unknown = [n for n in required if not choices.get(n)]
        raise InputError(
            f"{type(module).__name__} needs {', '.join(unknown)}, which irgen does not know how to make",
            at="its forward signature",
            fix="give the inputs: --input name=2x19 (or a callable that returns the module and its inputs)",
        )
    choices = {n: c for n, c in choices.items() if c}
    optional = [n for n in choices if n not in required]

    def whole(pick: tuple[Input, ...]) -> tuple[Input, ...]:
        return pick + tuple(mask for name in masks if (mask := mask_of(name, pick)) is not None)

    spare = [n for n in optional if n in AUXILIARY]
    for left_out in ([], *([n] for n in spare), spare):
        likely = [c[0] for n, c in choices.items() if n not in left_out]
        if likely:
            yield whole(tuple(likely))
    for kept in _subsets(optional, mains):
        here = {n: choices[n] for n in choices if n in required or n in kept}
        for pick in _picks(here):
            yield whole(pick)


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
    for name, others in sorted(choices.items(), key=lambda item: item[0] == "input_ids"):
        for other in others[1:]:
            yield tuple((first | {name: other}).values())


class _Reads(TorchFunctionMode):
    """Remembers which parameters any torch function was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._note(args)
        named: dict[str, Any] = kwargs or {}
        self._note(named.values())
        return func(*args, **named)

    def _note(self, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, torch.nn.Parameter):
                self.seen[id(value)] = value.numel()
            elif isinstance(value, (list, tuple)):
                self._note(cast("list[Any]", value))
