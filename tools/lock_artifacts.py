"""Writes artifacts.lock: asks Maven (`mvn`) for the files of the broker and of the registry, on a developer's machine.

The lock is the only truth at run time: `liandong fetch` resolves nothing. Usage: python tools/lock_artifacts.py
"""

import hashlib
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

KAFKA = "4.1.2"  # stay on 4.1.x: 4.2 and 4.3 skip a transaction marker after kill -9 on one node (KAFKA-20734)
ROOTS = [
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    f"org.apache.kafka:kafka-tools:{KAFKA}",
    f"org.apache.kafka:connect-mirror:{KAFKA}",
    f"org.apache.kafka:connect-transforms:{KAFKA}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",  # without it the broker logs nothing
]
REGISTRY = "io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all"
LOCK = Path(__file__).parent.parent / "artifacts.lock"

HEAD = """\
# Every file that `liandong fetch` takes from Maven: group:artifact:version:packaging[:classifier]  sha256  bytes
# A line in brackets opens a group. Made by tools/lock_artifacts.py; never edited by hand.
"""


def pom(roots: list[str]) -> str:
    """Return a project file that depends on the roots and on nothing else."""
    parts = [root.split(":") for root in roots]
    wanted = "".join(
        f"<dependency><groupId>{escape(g)}</groupId><artifactId>{escape(a)}</artifactId>"
        f"<version>{escape(v)}</version></dependency>"
        for g, a, v in parts
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>lock</groupId>'
        "<artifactId>lock</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{wanted}</dependencies></project>"
    )


def line(coordinates: str, file: Path) -> str:
    """Return one line of the lock."""
    body = file.read_bytes()
    return f"{coordinates}  {hashlib.sha256(body).hexdigest()}  {len(body)}\n"


def kafka_lines(folder: Path) -> list[str]:
    """Let Maven resolve the roots into a repository layout and return one line a jar, sorted."""
    (folder / "pom.xml").write_text(pom(ROOTS), encoding="utf-8")
    out = folder / "repository"
    subprocess.run(
        ["mvn", "-q", "-B", "dependency:copy-dependencies", "-Dmdep.useRepositoryLayout=true", "-DincludeScope=runtime",
         f"-DoutputDirectory={out}"],
        cwd=folder,
        check=True,
    )  # fmt: skip
    lines = []
    for jar in sorted(out.rglob("*.jar")):
        version, artifact = jar.parent.name, jar.parent.parent.name
        group = ".".join(jar.parent.parent.parent.relative_to(out).parts)
        classifier = jar.stem.removeprefix(f"{artifact}-{version}").removeprefix("-")
        lines.append(line(f"{group}:{artifact}:{version}:jar" + (f":{classifier}" if classifier else ""), jar))
    return lines


def registry_line(folder: Path) -> str:
    """Fetch the registry's archive and return its line."""
    subprocess.run(
        ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={REGISTRY}", f"-DoutputDirectory={folder / 'registry'}"],
        cwd=folder,
        check=True,
    )
    return line(REGISTRY, next((folder / "registry").iterdir()))


def main() -> None:
    """Write the lock beside the README."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = HEAD + "\n[kafka]\n" + "".join(kafka_lines(folder)) + "\n[registry]\n" + registry_line(folder)
    LOCK.write_text(text, encoding="utf-8")
    print(f"{LOCK.name}: {text.count(' ' * 2) // 2 - 1} files")


if __name__ == "__main__":
    main()
