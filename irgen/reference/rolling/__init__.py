"""Recurrences that tracing unrolled, rolled up again: a program traced at two sizes becomes one for every size."""
