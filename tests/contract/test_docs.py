"""What the documents say is so: their links lead somewhere, their commands exist, their examples are accepted."""

import re
import shlex
from pathlib import Path

import pytest
from liandong.cli.main import app
from liandong.simulate.mapping import Kinds, load
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md")]
    if "reference" not in path.parts
)


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), f"{path}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_exist(path: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known |= {
        name for line in re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(), re.M) for name in line.split()
    }
    for target in re.findall(r"`?(?:HEADLESS=1 )?\bmake ([a-z-]+)`", path.read_text(encoding="utf-8")):
        assert target in known, f"{path}: make {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_liandong_commands_have_the_options_shown(path: Path) -> None:
    for block in blocks(path, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0].endswith("bin/liandong"):
                command = words[1:3] if words[1] == "world" or "manifests" in words else words[1:2]
                help_text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"}).stdout
                for option in (word for word in words if word.startswith("--")):
                    assert option in help_text, f"{path}: {line}"


def test_the_mapping_of_the_guide_is_accepted(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "docs" / "guides" / "simulate.md", "yaml")
    (tmp_path / "map.yaml").write_text(example, encoding="utf-8")
    mapping = load(tmp_path / "map.yaml")
    assert mapping.kind == Kinds("quantity", {"rain": "RAIN_GAUGE"}, "WATER_LEVEL")
    assert mapping.units == {"毫米": "mm"}
