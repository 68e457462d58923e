"""One measurement in a process of its own, so that peak memory is its own: prints a JSON object.

Seconds are of the processor, since the machine may be shared. Capture, the pass under fake tensors and the export each
start without what torch remembers of fake results, so that none profits from another; the first two are the best of
three.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from irgen import passes, patterns


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long the work takes, and what it gives."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def cold(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """The least that the work takes with nothing remembered of fake tensors, and what it gives."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    least, result = float("inf"), None
    for _ in range(times):
        FakeTensorMode.cache_clear()
        took, result = seconds(work)
        least = min(least, took)
    return least, result


def peak() -> float:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def system(name: str) -> dict[str, float | str]:
    """A built-in system at full size: each step, one forward pass under fake tensors, and torch.export alone."""
    import torch

    from irgen import zoo
    from irgen.api import Model
    from irgen.frontends import torch_live

    torch.set_num_threads(1)
    warm = zoo.systems()[name].build("twin")
    capture(torch_live, warm)  # imports and caches of torch itself
    before = peak()
    built = zoo.systems()[name].build("full")
    traced, graph = cold(lambda: capture(torch_live, built), 3)
    canonical_time, canonical = seconds(lambda: passes.normalise(graph))
    label_time, _ = seconds(lambda: patterns.label(canonical))
    model = Model(name, name, graph)
    model.architecture  # noqa: B018  (drawing is measured alone)
    drawn, _ = seconds(lambda: model.draw(format="svg"))
    memory = peak() - before
    found: dict[str, float | str] = {
        "nodes": len(graph), "capture": traced, "normalise": canonical_time, "label": label_time, "draw": drawn,
        "MiB": memory,
    }  # fmt: skip
    references = {
        "forward": (lambda: fake_forward(built), 3),
        "export": (lambda: torch.export.export(built.module, (), built.kwargs), 1),
    }
    for reference, (work, times) in references.items():
        try:
            found[reference], _ = cold(work, times)
        except Exception as error:  # a model that torch refuses has no such time
            found[reference] = type(error).__name__
    return found


def capture(torch_live: Any, built: Any) -> Any:
    """Live capture with the second pass at other sizes, as the command line does it."""
    resized = [((), other) for other in built.resized]
    return torch_live.capture(built.module, (), built.kwargs, resized=resized, axes=built.axes)


def fake_forward(built: Any) -> None:
    """One forward pass under fake tensors, as a measure of what torch itself takes."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad():
        state = {n: torch.empty(p.shape, dtype=p.dtype) for n, p in built.module.named_parameters()}
        state |= {n: mode.from_tensor(b) for n, b in built.module.named_buffers()}
        kwargs = {n: mode.from_tensor(t) for n, t in built.kwargs.items()}
        torch.func.functional_call(built.module, state, (), kwargs)


def synthetic(nodes: int) -> dict[str, float | str]:
    """An ONNX decoder of about so many nodes, without weights: read, normalised, labelled."""
    from irgen.frontends import onnx as frontend
    from tests.benchmarks.synthetic import decoder

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        decoder(nodes, path)
        before = peak()
        read, graph = seconds(lambda: frontend.read(path))
        canonical_time, canonical = seconds(lambda: passes.normalise(graph))
        label_time, (_, found) = seconds(lambda: patterns.label(canonical))
    return {
        "nodes": len(graph), "read": read, "normalise": canonical_time, "label": label_time, "MiB": peak() - before,
        "total MiB": peak(), "layers": sum(stack.layers for stack in found.stacks),
    }  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    what, argument = sys.argv[1:]
    print(json.dumps(synthetic(int(argument)) if what == "synthetic" else system(argument)))
