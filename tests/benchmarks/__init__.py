"""How long and how much: measured, never passed or failed. `python -m tests.benchmarks` prints the tables."""
