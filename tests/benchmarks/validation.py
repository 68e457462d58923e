"""Published sizes with random weights run in PyTorch and ONNX Runtime: verdict, seconds and memory, each alone.

`python -m tests.benchmarks.validation [NAME...]` prints a table and fails where one disagrees or takes over 8 GiB.
"""

import json
import resource
import subprocess
import sys

from irgen import report

SYSTEMS = ("bert", "gpt2", "vit", "t5")
GIBIBYTES = 8.0


def one(name: str) -> None:
    """Validate one system at its published size; print what it took as JSON."""
    import time

    import torch

    import irgen

    torch.set_num_threads(1)
    start = time.perf_counter()
    found = irgen.validate(name, full=True)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    below = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    ratios = [each.onnx.rmse / each.bound.rmse for row in found.rows for each in row.outputs if each.bound]
    print(json.dumps({
        "verdict": found.verdict, "reason": found.reason, "seconds": time.perf_counter() - start,
        "own": own / 2**20, "export": below / 2**20, "ratio": max(ratios, default=0.0),
    }))  # fmt: skip


def main(names: list[str]) -> int:
    """The table; exit code 1 where a system disagrees or needs too much memory."""
    rows = [["system", "verdict", "seconds", "GiB", "GiB of the export", "error / bound"]]
    failed = False
    for name in names or SYSTEMS:
        command = [sys.executable, "-m", "tests.benchmarks.validation", "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            rows.append([name, done.stderr.strip().splitlines()[-1], *[""] * 4])
            failed = True
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        numbers = [found[key] for key in ("seconds", "own", "export", "ratio")]
        rows.append([name, found["verdict"], *[f"{number:.2f}" for number in numbers]])
        failed = failed or found["verdict"] != "agrees" or found["own"] + found["export"] > GIBIBYTES
    print(report.aligned(rows))
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
