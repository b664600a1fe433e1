"""artifacts.lock as data: which files come from Maven, and where they lie in the lib folder. No network."""

import hashlib
import re
from pathlib import Path, PurePosixPath

import msgspec

from liandong.errors import ConfigError

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Artifact(msgspec.Struct, frozen=True):
    """One file of the lock. `group` is the lock's section (kafka, registry), `size` is in bytes."""

    group: str
    organisation: str
    name: str
    version: str
    packaging: str
    classifier: str
    sha256: str
    size: int

    @property
    def coordinates(self) -> str:
        """Maven coordinates as the lock writes them."""
        text = f"{self.organisation}:{self.name}:{self.version}:{self.packaging}"
        return f"{text}:{self.classifier}" if self.classifier else text

    @property
    def path(self) -> PurePosixPath:
        """Path below the lib folder, which is laid out like a Maven repository."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        folder = PurePosixPath(*self.organisation.split("."), self.name, self.version)
        return folder / f"{self.name}-{self.version}{suffix}.{self.packaging}"

    @property
    def is_archive(self) -> bool:
        """Whether the file is unpacked after the download."""
        return self.packaging == "tar.gz"

    def unpacked(self, lib: Path) -> Path:
        """Return the folder that an archive is unpacked into."""
        return lib / self.path.parent / "unpacked"

    def file(self, lib: Path) -> Path:
        """Return where the file itself lies."""
        return lib / self.path


def parse_lock(text: str) -> list[Artifact]:
    """Read a lock. Raises ConfigError naming the line that is wrong."""
    group, found = "", []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
            continue
        found.append(_artifact(group, line, number))
    return found


def _artifact(group: str, line: str, number: int) -> Artifact:
    words = line.split()
    parts = words[0].split(":")
    sound = len(words) == 3 and len(parts) in (4, 5) and _SHA256.fullmatch(words[1]) and words[2].isdigit()
    if not sound or not group:
        raise ConfigError(f"artifacts.lock, line {number}, is not 'coordinates  sha256  bytes' below a [group]: {line}")
    organisation, name, version, packaging = parts[:4]
    classifier = parts[4] if len(parts) == 5 else ""
    return Artifact(group, organisation, name, version, packaging, classifier, words[1], int(words[2]))


def read_lock(path: Path) -> list[Artifact]:
    """Read the lock file. Raises ConfigError when it is not there."""
    try:
        return parse_lock(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: run this in the folder of the checkout") from None


def is_sound(artifact: Artifact, lib: Path) -> bool:
    """Say whether the file is there with the right content (an archive: unpacked from the right content)."""
    if artifact.is_archive:
        marker = artifact.unpacked(lib) / ".sha256"
        return marker.is_file() and marker.read_text(encoding="ascii") == artifact.sha256
    file = artifact.file(lib)
    return file.is_file() and file.stat().st_size == artifact.size and sha256_of(file) == artifact.sha256


def sha256_of(file: Path) -> str:
    """Return the file's SHA-256 as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def missing(artifacts: list[Artifact], lib: Path) -> list[Artifact]:
    """Return what has to be downloaded."""
    return [artifact for artifact in artifacts if not is_sound(artifact, lib)]


def require(artifacts: list[Artifact], lib: Path) -> None:
    """Raise ConfigError unless every file is there; a quick look, contents are not read again."""
    absent = [a for a in artifacts if not (a.unpacked(lib) if a.is_archive else a.file(lib)).exists()]
    if absent:
        others = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise ConfigError(f"{absent[0].path.name}{others} is missing in {lib}: run `liandong fetch`")


def jars(artifacts: list[Artifact], group: str, lib: Path) -> list[Path]:
    """Return the class path of a group, in the lock's order."""
    return [a.file(lib) for a in artifacts if a.group == group and a.packaging == "jar"]
