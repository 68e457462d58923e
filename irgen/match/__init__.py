"""The engine of recognition: analysis of a graph, probe values, evidence."""
