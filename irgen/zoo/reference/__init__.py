"""Modules written from the papers, for systems that no library holds; imported only when one is built."""
