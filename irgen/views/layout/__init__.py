"""The series-parallel layout: measuring text, placing boxes, routing edges."""
