"""`python -m tests.survey`: every model type small, its record held against its configuration; a table, each miss."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.survey.score import ABSENT, RIGHT, UNKNOWN, WRONG, Check, score, without_dark

VERDICTS = (RIGHT, WRONG, ABSENT, UNKNOWN)


@dataclass
class Row:
    """What happened to one model type: its checks, or the step at which it failed and how."""

    name: str
    checks: list[Check] = field(default_factory=list)
    failed: str = ""
    error: str = ""
    seconds: float = 0.0
    nodes: int = 0
    unknown: int = 0
    dark: list[str] = field(default_factory=list)


def survey(name: str) -> Row:
    """Build, trace and score one model type. Whatever it raises becomes its row: a crash is a result."""
    import torch

    from irgen import api
    from tests.survey.models import tiny
    from tests.survey.truth import truth_of

    torch.set_num_threads(1)
    row, started, step = Row(name), time.perf_counter(), "build"
    try:
        built = tiny(name)
        step = "trace"
        model = api.trace(built)
        row.nodes = len(model.graph)
        step = "label"
        record = model.facts
        row.unknown = sum(s["kind"] == "unknown" for t in record["stacks"] for b in t["blocks"] for s in b["sublayers"])
        row.checks = score(truth_of(built.module.config, type(built.module).__name__), record)
        if built.note:
            row.checks, row.dark = without_dark(row.checks)
    except Exception as error:
        row.failed, row.error = step, f"{type(error).__name__}: {' | '.join(str(error).splitlines())[:300]}"
    row.seconds = time.perf_counter() - started
    return row


def alone(work: Callable[[], Row], name: str, limit: float) -> Row:
    """A row worked out in a child process, which may be slow, large or killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, "wb") as out:
            pickle.dump(work(), out)
        os._exit(0)
    os.close(write)
    data = b""
    deadline = time.monotonic() + limit
    while (left := deadline - time.monotonic()) > 0 and select.select([read], [], [], left)[0]:
        chunk = os.read(read, 1 << 16)
        if not chunk:
            break
        data += chunk
    os.close(read)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        return pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):
        late = time.monotonic() >= deadline
        return Row(name, failed="time" if late else "crash", error=f"no result in {limit:.0f} s", seconds=limit)


def table(rows: list[Row]) -> str:
    """The counts by field, then every miss, then the models that gave no record."""
    checks = [c for row in rows for c in row.checks]
    fields = Counter(c.field for c in checks)
    counts = Counter((c.field, c.verdict) for c in checks)
    lines = [f"{'field':<14}" + "".join(f"{v:>9}" for v in VERDICTS) + "   right of all"]
    for name in [*fields, "all"]:
        some = [counts[name, v] if name != "all" else sum(c.verdict == v for c in checks) for v in VERDICTS]
        if sum(some):
            lines.append(f"{name:<14}" + "".join(f"{n:>9}" for n in some) + f"{some[0] / sum(some):>12.1%}")
    given = sum(c.verdict in (RIGHT, WRONG) for c in checks)
    if given:
        lines.append(f"precision {sum(c.verdict == RIGHT for c in checks) / given:.1%} of {given} values given")
    scored = [row for row in rows if row.checks]
    perfect = sum(all(c.verdict == RIGHT for c in row.checks) for row in scored)
    lines.append(f"{perfect} of {len(scored)} models entirely right; {len(rows)} surveyed, {_seconds(rows)}")
    lines += ["", "misses"]
    for row in rows:
        lines += [
            f"  {row.name}  {c.part}.{c.field}: {c.verdict}, expected {c.expected}, found {c.found}"
            for c in row.checks
            if c.verdict != RIGHT
        ]
    for step in ("build", "trace", "label", "time", "crash"):
        lines += [f"  {row.name}  failed to {step}: {row.error}" for row in rows if row.failed == step]
    lines += [f"  {row.name}  not lit by the inputs: {', '.join(row.dark)}" for row in rows if row.dark]
    return "\n".join(lines)


def _seconds(rows: list[Row]) -> str:
    slowest = max(rows, key=lambda row: row.seconds, default=Row("none"))
    return f"{sum(row.seconds for row in rows):.0f} s, slowest {slowest.name} with {slowest.seconds:.0f} s"


def main() -> None:
    """Survey the model types asked for and print the table."""
    from tests.survey.models import half, names

    parser = argparse.ArgumentParser(prog="python -m tests.survey")
    parser.add_argument(
        "--half",
        choices=("develop", "measure"),
        help="one half of the types; develop on the first, only measure on the other",
    )
    parser.add_argument("--only", nargs="+", metavar="TYPE", help="these model types")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one model (60)")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON too")
    asked = parser.parse_args()
    chosen = asked.only or [n for n in names() if asked.half in (None, half(n))]
    survey("gpt2")  # imports everything once, before the children fork
    rows: list[Row] = []
    for count, name in enumerate(chosen, 1):
        rows.append(alone(lambda name=name: survey(name), name, asked.limit))
        last = rows[-1]
        said = last.failed or " ".join(f"{n} {v}" for v in VERDICTS if (n := sum(c.verdict == v for c in last.checks)))
        print(f"[{count}/{len(chosen)}] {name} {last.seconds:.1f} s: {said}", file=sys.stderr)
    print(table(rows))
    if asked.json:
        data: list[dict[str, Any]] = [asdict(row) for row in rows]
        Path(asked.json).write_text(json.dumps(data, indent=1, default=str))


if __name__ == "__main__":
    main()
