"""CODEOWNERS against the declarations: whoever owns a topic must be asked when its schemas change."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from liandong.codegen.model import Contract

Line = tuple[int, str, frozenset[str]]
"""Number, pattern and teams of a line."""


def owner_problems(root: Path, contract: Contract) -> Iterator[str]:
    """Yield the contexts whose schemas or topics can be changed without asking the team of their service.

    That is the team of the service's folder, or the one called like it while it has no folder. Without a CODEOWNERS
    file there is nothing to hold against.
    """
    file = root / "CODEOWNERS"
    if not file.exists():
        return
    lines = list(_lines(file))
    for owner in sorted({topic.owner for topic in contract.topics}):
        teams = _team(owner, lines)
        paths = [f"/schemas/topics/{topic.name}.yaml" for topic in contract.topics if topic.owner == owner]
        paths += [f"/schemas/avro/{owner}/"] if (root / "schemas/avro" / owner).is_dir() else []
        for path in paths:
            number, _, asked = _last(path, lines)
            if not teams <= asked:
                names = " ".join(sorted(teams))
                yield f"{file}:{number}: {path} belongs to {owner}: the last line that fits it must name {names}"


def _team(owner: str, lines: Sequence[Line]) -> frozenset[str]:
    folder = [teams for _, pattern, teams in lines if pattern == f"/services/{owner}/"]
    return folder[-1] if folder else frozenset({f"@liandong/{owner}"})


def _last(path: str, lines: Sequence[Line]) -> Line:
    """Return the line that decides about a path; line 1 and nobody when none does."""
    fitting = [line for line in lines if _matches(line[1], path)]
    return fitting[-1] if fitting else (1, "", frozenset())


def _matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern) if pattern.endswith("/") else fnmatch(path, pattern)


def _lines(file: Path) -> Iterator[Line]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        words = re.sub(r"(^|\s)#.*", "", line).split()
        if words:
            yield number, words[0], frozenset(words[1:])
