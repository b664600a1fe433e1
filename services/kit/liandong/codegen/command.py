"""`liandong check`: generated files are fresh, and nothing that is declared breaks what was released or registered."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liandong.codegen import files
from liandong.codegen.gate import Version, judge
from liandong.codegen.project import project_of
from liandong.codegen.released import Declared, in_folder, in_git, releases
from liandong.codegen.verdict import Verdict, plain
from liandong.errors import LiandongError, Unavailable


@dataclass(frozen=True)
class Outcome:
    """What a check found. `against` says in words what was compared with, or why not."""

    stale: list[str]
    verdicts: list[Verdict]
    against: list[str]

    @property
    def code(self) -> int:
        """Return the exit code."""
        return int(bool(self.stale) or any(verdict.fails for verdict in self.verdicts))


def check(root: Path, ref: str = "", registry_url: str = "", *, must_answer: bool = False) -> Outcome:
    """Compare the declarations below `root` with the release `ref` and a registry, if given.

    Without `ref` it is the last release, and the records of those before it. Topics are compared with one release only,
    because what may end, ends once.

    Raises ConfigError when a declaration breaks a rule or `ref` is unknown, Unavailable when a registry that
    `must_answer` does not.
    """
    stale = files.check(root)
    foreign = project_of(root).foreign
    now, released = in_folder(root, foreign), Declared({}, {}, {})
    against: list[str] = []
    refs = [ref] if ref else releases(root)
    others = list(_earlier(root, refs[1:], now, foreign))
    if refs:
        released = in_git(root, refs[0], foreign)
        before = f", and {len(refs) - 1} releases before" if refs[1:] else ""
        against.append(f"{refs[0]} ({len(released.schemas)} records, {len(released.topics)} topics{before})")
    else:
        against.append("no release (git has no tag v* that comes before this commit)")
    try:
        if registry_url:
            registered, said = _registered(registry_url)
            others += registered
            against += said
        else:
            against.append("no registry (none of this checkout is running; --registry URL names one)")
    except LiandongError as error:
        if must_answer or not isinstance(error, Unavailable):
            raise
        against.append(f"no registry ({error})")
    return Outcome(stale, judge(root, now, released, refs[0] if refs else "", others), against)


def _earlier(
    root: Path, refs: Sequence[str], now: Declared, foreign: Mapping[str, Mapping[str, Any]]
) -> Iterator[Version]:
    """Yield the records of earlier releases that are not as they are now."""
    for ref in refs:
        for name, schema in in_git(root, ref, foreign).schemas.items():
            if schema != now.schemas.get(name):
                yield Version(name, schema, ref)


def _registered(url: str) -> tuple[list[Version], list[str]]:
    from liandong.codegen.registered import in_registry, too_lax
    from liandong.wire.registry import Registry

    registry = Registry(url)
    try:
        said, lax = in_registry(registry), too_lax(registry)
        found = list(said)
    finally:
        registry.close()
    return found, [f"{len(found)} versions in the registry {url}", *([lax] if lax else [])]


def show(outcome: Outcome, *, as_json: bool) -> int:
    """Print an outcome, for people or machines, and return the exit code."""
    if as_json:
        shown = {"against": outcome.against, "stale": outcome.stale, "verdicts": plain(outcome.verdicts)}
        print(json.dumps({"ok": not outcome.code, **shown}, ensure_ascii=False, indent=1))
        return outcome.code
    for verdict in outcome.verdicts:
        print(verdict.sentence(), file=sys.stderr if verdict.fails else sys.stdout)
    for line in outcome.stale:
        print(line, file=sys.stderr)
    if outcome.stale:
        print("Generated files are stale: run `liandong gen` and commit the result.", file=sys.stderr)
    else:
        print("generated files are fresh")
    failing = sum(verdict.fails for verdict in outcome.verdicts)
    noted = len(outcome.verdicts) - failing
    print(f"compared with {'; '.join(outcome.against)}: {failing} breaking changes, {noted} notes")
    if failing:
        print("The rules, with examples: the platform's docs/guides/contracts.md", file=sys.stderr)
    return outcome.code
