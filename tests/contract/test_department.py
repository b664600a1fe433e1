"""A department's own repository, as the guide describes it: made of the guide's snippets, with our wheels installed."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from liandong.codegen.files import load
from liandong.errors import ConfigError

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/contracts.md").read_text(encoding="utf-8")
RECORD = "schemas/avro/parks/TreeFell.avsc"


FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)```", re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """Return the snippets that are files, path -> text."""
    return dict(FILE.findall(GUIDE))


def block(language: str) -> str:
    """Return the only snippet of a language that is no file."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", FILE.sub("", GUIDE), re.DOTALL)
    return str(found)


class Department:
    """A repository and the packages that its people have installed; nothing of this checkout is on their path."""

    def __init__(self, root: Path, site: Path) -> None:
        self.root = root
        self._site = site
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LIANDONG_", "PYTHON"))}
        self._env: Mapping[str, str] = {**inherited, "PYTHONPATH": str(site)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=self.root, env=self._env, capture_output=True, text=True, check=False
        )

    def liandong(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "liandong.cli.main", *words)

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True)

    def install(self, folder: Path, scratch: Path) -> None:
        """Build a wheel and unpack it into the site, as an installer does with a pure one."""
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        for wheel in scratch.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(self._site)

    def change(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def department(tmp_path_factory: pytest.TempPathFactory) -> Department:
    """Return the guide's repository, generated, installed and released as v1.0.0."""
    top = tmp_path_factory.mktemp("department")
    parks = Department(top / "parks", top / "site")
    for number, package in enumerate(("contracts", "kit")):
        parks.install(ROOT / "services" / package, top / f"wheel-{number}")
    for path, text in files().items():
        parks.change(path, text)
    made = parks.liandong("gen")
    assert made.returncode == 0, made.stderr
    parks.install(parks.root, top / "wheel-own")
    parks.git("init", "-q")
    parks.git("add", "-A")
    parks.git("commit", "-qm", "Trees")
    parks.git("tag", "v1.0.0")
    return parks


@pytest.fixture
def restored(department: Department) -> Department:
    """Return the repository as it was released."""
    department.git("reset", "-q", "--hard", "v1.0.0")
    department.git("clean", "-qfd")
    return department


def test_only_what_is_its_own_is_generated(restored: Department) -> None:
    package = restored.root / "parks_contracts"
    assert {path.name for path in package.glob("*.py")} >= {"__init__.py", "parks.py", "records.py", "topics.py"}
    assert [path.name for path in (package / "avro").iterdir()] == ["cn.example.parks.TreeFell.avsc"]
    assert not list(restored.root.rglob("*liandong_contracts*"))
    assert not list(restored.root.rglob("*admin*"))


def test_the_python_of_the_guide_runs_with_the_installed_packages(restored: Department) -> None:
    where = "import liandong, liandong_contracts\nprint(liandong.__file__, liandong_contracts.__file__)\n"
    ran = restored.run("-c", where + block("python"))
    assert ran.returncode == 0, ran.stderr
    assert str(ROOT) not in ran.stdout


def test_the_example_survives_the_wire(restored: Department) -> None:
    program = (
        "import pathlib, msgspec\nfrom liandong.wire import Codec, LocalIds\nfrom parks_contracts import topics\n"
        "from parks_contracts.parks import TreeFell\n"
        "raw = pathlib.Path('schemas/examples/parks.tree/TreeFell-typical.json').read_bytes()\n"
        "fell, codec = msgspec.json.decode(raw, type=TreeFell), Codec(LocalIds())\n"
        "back = codec.decode(codec.encode(topics.PARKS_TREE.wire('district'), fell))\n"
        "print(msgspec.json.encode(back).decode())"
    )
    ran = restored.run("-c", program)
    assert ran.returncode == 0, ran.stderr
    example = json.loads(files()["schemas/examples/parks.tree/TreeFell-typical.json"])
    assert msgspec.json.decode(ran.stdout) == example


def test_its_principal_may_read_what_the_service_reads(restored: Department) -> None:
    (user,) = yaml.safe_load_all((restored.root / "k8s/users/district/parks.yaml").read_text(encoding="utf-8"))
    allowed: dict[str, list[str]] = {
        rule["resource"]["name"]: rule["operations"]
        for rule in user["spec"]["authorization"]["acls"]
        if rule["resource"]["type"] == "topic"
    }
    assert "Read" in allowed["district.sensing.reading.v1"]
    assert "Write" not in allowed["district.sensing.reading.v1"]
    assert "Write" in allowed["district.parks.tree.v1"]


def test_the_gate_says_what_the_guide_shows(restored: Department) -> None:
    assert restored.liandong("check").returncode == 0
    text, lines = files()[RECORD], block("diff").splitlines(keepends=True)
    (first, second), (added,) = ([line[1:] for line in lines if line[0] == sign] for sign in "-+")
    assert first in text
    assert second in text
    restored.change(RECORD, text.replace(first, "").replace(second, added))
    assert restored.liandong("gen").returncode == 0
    ran = restored.liandong("check")
    assert ran.returncode == 1
    assert ran.stderr.replace("The rules, with examples: the platform's docs/guides/contracts.md\n", "") == block(
        "text"
    )


def test_the_override_of_the_guide_permits(restored: Department) -> None:
    path = "schemas/topics/parks.tree.yaml"
    restored.change(path, files()[path].replace("168", "48"))
    assert restored.liandong("gen").returncode == 0
    assert restored.liandong("check").returncode == 1
    restored.change("schemas/overrides.yaml", block("yaml"))
    ran = restored.liandong("check", "--json")
    assert ran.returncode == 0
    (verdict,) = json.loads(ran.stdout)["verdicts"]
    assert verdict["permitted"] == "nobody reads further back than two days"


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        ("pyproject.toml", 'namespace = "cn.example"', 'namespace = "liandong"', "belong to the platform"),
        ("pyproject.toml", "[tool.liandong]", "[tool.other]", "[tool.liandong] is missing"),
        ("pyproject.toml", 'package = "parks_contracts"', 'package = "liandong_contracts"', "belong to the platform"),
        ("schemas/topics/parks.tree.yaml", "[dispatch]", "[dispach]", "no service is called dispach"),
        ("schemas/services/parks.yaml", "sensing.reading", "sensing.readings", "has no topic sensing.readings"),
        ("schemas/services/parks.yaml", "sensing.reading", "sensing.report", "of kind evidence: only sensing reads it"),
        (RECORD, "liandong.common.GeoPoint", "liandong.common.GeoPint", "GeoPint is not declared"),
    ],
)
def test_what_is_refused(restored: Department, path: str, old: str, new: str, words: str) -> None:
    restored.change(path, (restored.root / path).read_text(encoding="utf-8").replace(old, new))
    with pytest.raises(ConfigError, match=re.escape(words)) as refusal:
        load(restored.root)
    assert Path(path).name in str(refusal.value)


def test_a_context_of_the_platform_is_taken(restored: Department) -> None:
    enum: dict[str, Any] = json.loads(files()["schemas/avro/parks/TreeKind.avsc"])
    restored.change("schemas/avro/flood/TreeKind.avsc", json.dumps({**enum, "namespace": "cn.example.flood"}))
    with pytest.raises(ConfigError, match="the context flood is the platform's"):
        load(restored.root)
