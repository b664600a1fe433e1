"""The guide to personal data: what it shows is accepted, and its program does what it says."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import yaml
from liandong.cli.main import app
from liandong.codegen.avro import load_types
from liandong.codegen.model import RecordType
from liandong_contracts import topics
from typer.testing import CliRunner

GUIDE = Path(__file__).parents[2] / "docs/guides/personal-data.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def test_its_program_runs() -> None:
    exec(compile("\n".join(blocks("python")), str(GUIDE), "exec"), {"__name__": "guide"})


def test_its_field_is_accepted(tmp_path: Path) -> None:
    (field,) = blocks("json")
    tree: dict[str, Any] = {"name": "tree_id", "type": "string", "doc": "Tree."}
    record = {"type": "record", "name": "TreeFell", "namespace": "liandong.parks", "doc": "A tree fell."}
    (tmp_path / "parks").mkdir()
    text = json.dumps(record | {"fields": [tree, json.loads(field)]})
    (tmp_path / "parks/TreeFell.avsc").write_text(text, encoding="utf-8")
    found = load_types(tmp_path)["liandong.parks.TreeFell"]
    assert isinstance(found, RecordType)
    assert [(f.name, f.pii, f.subject) for f in found.fields if f.subject] == [("finder_phone", "P2", "tree_id")]


def test_its_grant_is_the_one_of_the_topic() -> None:
    (grant,) = blocks("yaml")
    assert tuple(yaml.safe_load(grant)["clear"]) == topics.DISPATCH_REPORT.clear


def test_its_commands_exist() -> None:
    (lines,) = blocks("sh")
    for line in lines.splitlines():
        command = shlex.split(line, comments=True)[1:3]
        assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0, line
