"""The IR: graph, types, operators, regions, and everything that reads or writes them."""
