"""Differences between architectures."""
