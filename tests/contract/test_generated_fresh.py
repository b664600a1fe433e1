"""The committed generated files are what the declarations say now."""

from pathlib import Path

from liandong.codegen import check


def test_generated_files_are_fresh() -> None:
    assert check(Path(__file__).parents[2]) == [], "run `make gen` and commit the result"
