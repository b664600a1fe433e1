"""Real data that is not part of the repository: `../shared/data` beside it. Where it is absent the test is skipped."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "data"


def shared(name: str) -> Path:
    """Return the path of a data file, or skip the test that asks."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no ../shared/data/{name}: the real data is not part of the repository")
    return path
