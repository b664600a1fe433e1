"""Reading of the data files that lie beside the modules."""

import csv
from importlib import resources


def rows(package: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of a package."""
    with (resources.files(package) / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
