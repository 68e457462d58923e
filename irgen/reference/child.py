"""Work in a process of its own, which can be stopped when its time is over and leaves no memory behind."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from irgen.errors import ExportError, IrgenError

Say = Callable[[str], None]
T = TypeVar("T")

HEARTBEAT = 20.0
"""Seconds after which a stage that still runs says so again."""


def run(work: Callable[[Say], T], *, title: str, timeout: float | None = None, say: Say) -> T:
    """What `work(say)` returns, run in a forked child for at most `timeout` seconds.

    The result must be picklable. Where processes cannot be forked the work runs here, without a limit. Raises the
    `IrgenError` that the work raised, and `ExportError` where the time is over or the process died.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        return work(say)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there, work), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of ours hold no lock that the child needs
        child.start()
    there.close()
    try:
        return cast("T", _listen(here, title, timeout, say))
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        here.close()


def _listen(here: Connection, title: str, timeout: float | None, say: Say) -> Any:
    """The result that the child sends; its stages are passed on to `say`."""
    start = time.monotonic()
    stage, since = "starting", start
    told = start
    while True:
        now = time.monotonic()
        left = HEARTBEAT if timeout is None else timeout - (now - start)
        if left <= 0:
            raise ExportError(
                f"the export of {title} took longer than {timeout:g} seconds and was stopped",
                at=f"{title}, while {stage} (for {now - since:.0f} s)",
                fix="allow more time with --timeout SECONDS, or export a smaller size",
            )
        if not here.poll(min(left, HEARTBEAT)):
            if time.monotonic() - told >= HEARTBEAT:
                told = time.monotonic()
                say(f"{stage}, {told - since:.0f} s")
            continue
        try:
            kind, content = here.recv()
        except EOFError:
            raise ExportError(
                f"the process that exported {title} died",
                at=f"{title}, while {stage}",
                fix="most often memory was short: export a smaller size, or without weights",
            ) from None
        if kind == "done":
            return content
        if kind == "failed":
            raise content
        stage, since = content, time.monotonic()
        told = since
        say(stage)


def _child(there: Connection, work: Callable[[Say], Any]) -> None:
    """The other side: remarks of libraries go nowhere, one thread, the result goes into the pipe."""
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)  # the pool of threads did not survive the fork
    try:
        there.send(("done", work(lambda text: there.send(("stage", text)))))
    except IrgenError as error:
        there.send(("failed", error))
    except MemoryError:
        os._exit(1)
    except Exception as error:
        what = f"the exporter failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        there.send(("failed", ExportError(what, fix="please report it, with the source that was exported")))
    finally:
        there.close()
        os._exit(0)


def _follow(parent: int) -> None:
    """End this process when its parent is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
