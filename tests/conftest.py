"""Options of the test run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files; review their diff like code"
    )
    parser.addoption(
        "--all-roads", action="store_true", help="every system by every road, a quarter of an hour of exporting"
    )
