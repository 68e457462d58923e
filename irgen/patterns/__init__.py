"""Graph to findings: what the parts of a canonical graph are."""
