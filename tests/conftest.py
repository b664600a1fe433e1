"""Fixtures of every test come from the kit's own pytest plugin."""

import pytest

pytest_plugins = ["liandong.testing.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the crash tests."""
    parser.addoption("--chaos-rounds", type=int, default=1, help="seeds of the stream engine's crash test")
    parser.addoption("--chaos-seed", type=int, default=None, help="its first seed (default: chosen at random)")
