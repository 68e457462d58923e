"""The twins of the built-in systems, captured once."""

from functools import cache

import pytest

from irgen import zoo
from irgen.api import trace
from irgen.ir.graph import Graph


@cache
def twin_graph(name: str) -> Graph:
    """The graph of a system's twin by live capture."""
    return trace(zoo.systems()[name].build("twin")).graph


@pytest.fixture(params=list(zoo.systems()))
def twin(request: pytest.FixtureRequest) -> Graph:
    return twin_graph(request.param)
