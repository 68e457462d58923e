"""What changed between two architectures, as typed data: aligned by role and structure, never by name or position."""
