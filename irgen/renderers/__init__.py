"""Scene to bytes, one format in a file."""
