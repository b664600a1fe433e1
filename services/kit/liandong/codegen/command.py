"""`liandong check`: generated files are fresh, and nothing that is declared breaks what was released or registered."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liandong.codegen import files
from liandong.codegen.gate import Registered, judge
from liandong.codegen.project import project_of
from liandong.codegen.released import Declared, in_folder, in_git, last_release
from liandong.codegen.verdict import Verdict, plain
from liandong.errors import LiandongError, Unavailable

Say = Callable[[str], None]


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
    """Compare the declarations below `root` with the release `ref` (default: the last one) and a registry, if given.

    Raises ConfigError when a declaration breaks a rule or `ref` is unknown, Unavailable when a registry that
    `must_answer` does not.
    """
    stale = files.check(root)
    foreign = project_of(root).foreign
    now, released = in_folder(root, foreign), Declared({}, {}, {})
    against: list[str] = []
    ref = ref or last_release(root)
    if ref:
        released = in_git(root, ref, foreign)
        against.append(f"{ref} ({len(released.schemas)} records, {len(released.topics)} topics)")
    else:
        against.append("no release (git has no tag v* that comes before this commit)")
    registered: list[Registered] = []
    try:
        if registry_url:
            registered, said = _registered(registry_url)
            against += said
        else:
            against.append("no registry (none of this checkout is running; --registry URL names one)")
    except LiandongError as error:
        if must_answer or not isinstance(error, Unavailable):
            raise
        against.append(f"no registry ({error})")
    return Outcome(stale, judge(root, now, released, ref, registered), against)


def _registered(url: str) -> tuple[list[Registered], list[str]]:
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
        print("The rules, with examples: docs/guides/contracts.md", file=sys.stderr)
    return outcome.code
