"""The laws: what holds for every model and every road."""
