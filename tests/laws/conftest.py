"""The twins of the built-in systems, captured once."""

from functools import cache

import pytest

from irgen import zoo
from irgen.api import trace
from irgen.ir.graph import Graph
from tests.laws.telling import Telling, told


@cache
def twin_graph(name: str) -> Graph:
    """The graph of a system's twin by live capture."""
    return trace(zoo.systems()[name].build("twin")).graph


@cache
def twin_telling(name: str) -> Telling:
    """What recognition says of it."""
    return told(twin_graph(name))


@pytest.fixture(params=list(zoo.systems()))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def twin(name: str) -> Graph:
    return twin_graph(name)


@pytest.fixture
def telling(name: str) -> Telling:
    return twin_telling(name)
