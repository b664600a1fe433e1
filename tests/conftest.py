"""Fixtures of every test come from the kit's own pytest plugin."""

pytest_plugins = ["liandong.testing.plugin"]
