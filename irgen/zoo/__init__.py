"""The built-in systems, one small file each."""
