"""What was declared elsewhere: in this folder, in a release in git. Reads only, judges nothing.

Read leniently, because a release was checked by the rules of its own time.
"""

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from liandong.codegen.avro import self_contained
from liandong.errors import ConfigError

_RELEASES = "v*"


@dataclass(frozen=True)
class Declared:
    """Record schemas by full name, each self-contained, and topic files by topic name; `files` tells where each named
    type or topic is declared, relative to the root.
    """

    schemas: Mapping[str, Any]
    topics: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]


def in_folder(root: Path, foreign: Mapping[str, Mapping[str, Any]]) -> Declared:
    """Return what the files below `root` declare now."""
    paths = [path for path in sorted((root / "schemas").rglob("*")) if path.is_file()]
    return _declared({p.relative_to(root).as_posix(): p.read_text(encoding="utf-8") for p in paths}, foreign)


def releases(root: Path) -> list[str]:
    """Return the release tags that this commit comes after, newest first; none when there is no git."""
    reply = _git(root, "tag", "--list", _RELEASES, "--merged", "HEAD", "--sort=-version:refname")
    return reply.stdout.decode().split() if reply.returncode == 0 else []


def in_git(root: Path, ref: str, foreign: Mapping[str, Mapping[str, Any]]) -> Declared:
    """Return what was declared at a commit or tag. Raises ConfigError when git does not know it."""
    known = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if known.returncode:
        raise ConfigError(f"git knows no {ref!r} here: name a tag, branch or commit (`git fetch --tags` brings tags)")
    if not _git(root, "ls-tree", "--name-only", ref, "schemas").stdout:
        return Declared({}, {}, {})
    archive = _git(root, "archive", "--format=tar", ref, "schemas")
    if archive.returncode:
        raise ConfigError(f"git cannot read schemas/ of {ref}: {archive.stderr.decode().strip()}")
    files: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            if content is not None:
                files[member.name] = content.read().decode("utf-8", errors="replace")
    return _declared(files, foreign)


def _declared(files: Mapping[str, str], foreign: Mapping[str, Mapping[str, Any]]) -> Declared:
    raws: dict[str, Any] = {}
    topics: dict[str, Any] = {}
    where: dict[str, str] = {}
    for name, text in files.items():
        path = PurePosixPath(name)
        if name.startswith("schemas/avro/") and path.suffix == ".avsc":
            raw = json.loads(text)
            full_name = f"{raw['namespace']}.{raw['name']}"
            raws[full_name], where[full_name] = raw, name
        elif path.parent == PurePosixPath("schemas/topics") and path.suffix == ".yaml":
            topic = yaml.safe_load(text)
            topics[topic["name"]], where[topic["name"]] = topic, name
    known = {**foreign, **raws}
    schemas = {name: self_contained(name, known) for name, raw in raws.items() if raw["type"] == "record"}
    return Declared(schemas, topics, where)


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, b"", b"git is not installed")
