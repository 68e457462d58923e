"""Print the tables: built-in systems at full size (all, or those named), and synthetic ONNX files of any length."""

import json
import subprocess
import sys
from typing import Any

from irgen import report, zoo

SYNTHETIC = (1_000, 10_000, 100_000)


def measured(*arguments: str) -> dict[str, Any]:
    """A measurement in a fresh process; what it said where it failed."""
    command = [sys.executable, "-m", "tests.benchmarks.measure", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return json.loads(lines[-1]) if done.returncode == 0 else {"failed": lines[-1]}


def ratio(part: object, whole: object) -> str:
    return f"{part / whole:.2f}" if isinstance(part, float) and isinstance(whole, float) else str(whole)


def shown(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def row(name: str) -> list[str]:
    """A system's times in seconds, and the ratios that the issue asks for."""
    found = measured("system", name)
    if "failed" in found:
        return [name, found["failed"], *[""] * 10]
    steps = [found[key] for key in ("capture", "normalise", "label", "draw")]
    return [
        name,
        *[shown(found[key]) for key in KEYS],
        shown(sum(steps)),
        ratio(found["capture"], found["forward"]),
        ratio(sum(steps), found["export"]),
    ]


KEYS = ("nodes", "capture", "normalise", "label", "draw", "MiB", "forward", "export")
SYSTEM_HEAD = ["system (seconds)", *KEYS, "all", "capture / forward", "all / export"]


def main(names: list[str]) -> None:
    print(report.aligned([SYSTEM_HEAD, *[row(name) for name in names or zoo.systems()]]))
    found = [measured("synthetic", str(nodes)) for nodes in SYNTHETIC]
    keys = list(dict.fromkeys(key for each in found for key in each))
    print(report.aligned([keys, *[[shown(each.get(key, "")) for key in keys] for each in found]]))


if __name__ == "__main__":
    main(sys.argv[1:])
