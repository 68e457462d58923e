"""What changed between two architectures."""
