"""`python -m irgen` and the console script."""

from __future__ import annotations

import sys

from irgen.cli import run


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
