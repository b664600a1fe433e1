"""Writes requirements.lock: every package that a part of this repository needs, with hashes, without any host's name.

Reads the dependencies, extras and build tools of all services/*/pyproject.toml and asks `uv` to resolve them for Python
3.11 to 3.13 on Linux. `make lock` runs it.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = "# Every Python package with version and hashes, for 3.11 to 3.13. Made by `make lock`; never edited by hand.\n"


def projects() -> list[dict[str, Any]]:
    """Return the tables of all package files, sorted by folder."""
    return [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("services/*/pyproject.toml"))]


def name_of(requirement: str) -> str:
    """Return the normal form of a requirement's name, without extras and versions."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def wanted() -> list[str]:
    """Return what the packages ask for, without each other."""
    own: set[str] = set()
    asked: set[str] = set()
    for table in projects():
        project, build = table["project"], table["build-system"]
        own.add(name_of(project["name"]))
        asked.update(project.get("dependencies", []), build["requires"])
        for extra in project.get("optional-dependencies", {}).values():
            asked.update(extra)
    return sorted(requirement for requirement in asked if name_of(requirement) not in own)


def resolve(requirements: list[str]) -> str:
    """Let uv find one set of versions for all; the versions of the present lock stay where they can."""
    command = ["uv", "pip", "compile", "-", "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
    shape = ["--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate", "--output-file", str(LOCK)]
    subprocess.run([*command, *shape, *sys.argv[1:]], input="\n".join(requirements), text=True, check=True, cwd=ROOT)
    return LOCK.read_text(encoding="utf-8")


def main() -> int:
    """Write the lock; 1 when a host's name got into it."""
    text = resolve(wanted())
    if "://" in text:
        print("an address got into the lock: a requirement must come from an index", file=sys.stderr)
        return 1
    LOCK.write_text(HEAD + text.removeprefix(HEAD), encoding="utf-8")
    print(f"{LOCK.name}: {len(re.findall(r'^[a-z]', text, re.MULTILINE))} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
