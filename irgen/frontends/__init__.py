"""One road in a file: each turns a source into a Graph of canonical operators."""
