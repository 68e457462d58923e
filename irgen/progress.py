"""What irgen is doing, on standard error, once the work has taken more than a second."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any, Self

PATIENCE = 1.0
"""Seconds of silence before the first word."""


class Progress:
    """A context in which `step(text)` says what is being done; quick work says nothing.

    A terminal shows a spinner with the current step; anything else (a log, a pipe) gets one line per step.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._text = ""
        self._spinner: Any = None
        self._late = False
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(patience, self._speak)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def step(self, text: str) -> None:
        """Say that `text` is being done now."""
        with self._lock:
            self._text = text
            if self._late:
                self._show()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._spinner is not None:
                self._spinner.stop()

    def _speak(self) -> None:
        with self._lock:
            if not self._over:
                self._late = True
                self._show()

    def _show(self) -> None:
        if not self._text:
            return
        if not sys.stderr.isatty():
            print(f"irgen: {self._text} …", file=sys.stderr, flush=True)
            return
        if self._spinner is None:
            from rich.console import Console  # noqa: PLC0415 - quick work needs no spinner

            self._spinner = Console(stderr=True).status(self._text)
            self._spinner.start()
        self._spinner.update(self._text)
