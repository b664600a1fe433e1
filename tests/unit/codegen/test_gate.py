"""`liandong check` in a small repository with a release tag: what each change is called, where, and whom it hits."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from liandong.cli.main import app
from liandong.codegen.command import check
from liandong.codegen.gate import Version, judge
from liandong.codegen.released import Declared, in_folder, in_git, releases
from liandong.codegen.verdict import Verdict
from liandong.errors import ConfigError, Unavailable
from typer.testing import CliRunner

from .conftest import COLOUR, MARK, SEEN, World

RECORD = "liandong.flood.WaterSeen"
FILE = "schemas/avro/flood/WaterSeen.avsc"
TOPIC_FILE = "schemas/topics/flood.sight.yaml"
NOBODY = Declared({}, {}, {})


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def released(world: World) -> World:
    """Return a repository whose only commit is release v0.1.0."""
    pretty(world, SEEN)
    git(world.root, "init", "-q")
    git(world.root, "add", "-A")
    git(world.root, "commit", "-qm", "First")
    git(world.root, "tag", "v0.1.0")
    return world


def pretty(world: World, declared: dict[str, Any]) -> None:
    """Write a record one field a line, so that lines can be told apart."""
    fields = ",\n".join(json.dumps(field) for field in declared["fields"])
    head = json.dumps({name: value for name, value in declared.items() if name != "fields"})[:-1]
    world.avsc(declared).write_text(f'{head},\n"fields": [\n{fields}\n]}}', encoding="utf-8")


def changed(change: Callable[[dict[str, dict[str, Any]]], object]) -> dict[str, Any]:
    """Return WaterSeen after a change of its fields by name."""
    fields = {field["name"]: copy.deepcopy(field) for field in SEEN["fields"]}
    change(fields)
    return {**SEEN, "fields": list(fields.values())}


def verdicts(world: World) -> list[Verdict]:
    """Judge without generating anything: that takes a compiler of protos."""
    ref = releases(world.root)[0]
    return judge(world.root, in_folder(world.root, {}), in_git(world.root, ref, {}), ref, [])


def test_nothing_changed(released: World) -> None:
    assert verdicts(released) == []
    assert check(released.root).against[0] == "v0.1.0 (2 records, 1 topics)"


def test_a_breaking_change_is_said_with_place_readers_and_remedy(released: World) -> None:
    pretty(released, changed(lambda fields: fields.update(more={"name": "more", "type": "string", "doc": "More."})))
    (verdict,) = verdicts(released)
    assert verdict.fails
    assert verdict.sentence().splitlines() == [
        f"{FILE}:18: breaking: {RECORD}.more: field more was added without a default, so it cannot be read from "
        "events written before [field-added-without-default]",
        "    against: v0.1.0",
        "    hits: ioc (flood.sight)",
        '    do: give more a default (optional: ["null", …] with default null)',
        "    or: declare a new record beside this one (WaterSeenV2) and write both, "
        "where no default can say what is meant",
    ]


def test_a_change_inside_is_said_once_where_it_was_made(released: World) -> None:
    released.avsc(MARK, fields=[*MARK["fields"], {"name": "by", "type": "string", "doc": "By."}])
    (verdict,) = verdicts(released)
    assert (verdict.type, verdict.field, verdict.rule) == ("liandong.flood.Mark", "by", "field-added-without-default")
    assert (verdict.file, verdict.hit) == ("schemas/avro/flood/Mark.avsc", ("ioc",))


def test_a_removed_field_is_told_from_a_renamed_one(released: World) -> None:
    pretty(released, changed(lambda fields: fields.pop("raw")))
    (verdict,) = verdicts(released)
    assert (verdict.rule, verdict.line) == ("field-removed", 2)
    renamed = {"name": "body", "aliases": ["raw"], "type": "bytes", "default": "", "doc": "Bytes."}
    pretty(released, changed(lambda fields: fields.update(raw=renamed)))
    (verdict,) = verdicts(released)
    assert "raw was renamed to body, but builds of the last release still read raw" in verdict.text


@pytest.mark.parametrize(
    ("change", "rule", "key"),
    [
        ({"key": ["note"]}, "key-changed", "key"),
        ({"partitions": {"district": 4, "city": 2, "community": 1}}, "partitions-changed", "partitions"),
        ({"kind": "request", "consumers": ["flood", "ioc"]}, "kind-changed", "kind"),
        ({"retention_hours": 12}, "retention-shortened", "retention_hours"),
    ],
)
def test_what_a_topic_may_not_change(released: World, change: dict[str, Any], rule: str, key: str) -> None:
    path = released.topic(**change)
    (verdict,) = verdicts(released)
    assert (verdict.rule, verdict.file, verdict.fails) == (rule, TOPIC_FILE, True)
    assert path.read_text(encoding="utf-8").splitlines()[verdict.line - 1].startswith(f"{key}:")
    assert verdict.otherwise == ""


def test_a_topic_may_not_go_and_its_record_may_not_move(released: World) -> None:
    released.topic().unlink()
    released.topic(name="flood.other")
    (verdict,) = verdicts(released)
    assert (verdict.rule, verdict.type, verdict.file, verdict.hit) == (
        "topic-removed",
        "flood.sight",
        TOPIC_FILE,
        ("ioc",),
    )
    released.avsc({**SEEN, "name": "WaterGone"})
    released.topic(records=[{"type": "liandong.flood.WaterGone"}])
    assert [verdict.rule for verdict in verdicts(released)] == ["record-left-topic"]


def test_longer_retention_is_fine_and_a_lost_reader_is_told(released: World) -> None:
    released.topic(retention_hours=48, consumers=["dispatch"])
    (verdict,) = verdicts(released)
    assert (verdict.rule, verdict.fails) == ("consumer-removed", False)
    assert "ioc may no longer read flood.sight" in verdict.text


def test_an_override_permits_with_a_reason_and_says_when_it_is_over(released: World) -> None:
    overrides = released.root / "schemas/overrides.yaml"
    overrides.write_text("- {topic: flood.sight, rule: retention-shortened, reason: disks are small}\n", "utf-8")
    released.topic(retention_hours=12)
    (verdict,) = verdicts(released)
    assert (verdict.fails, verdict.permitted) == (False, "disks are small")
    released.topic()
    (verdict,) = verdicts(released)
    assert (verdict.rule, verdict.fails) == ("override-unneeded", False)
    overrides.write_text("- {topic: flood.sight, rule: key-changed, reason: we would like to}\n", "utf-8")
    with pytest.raises(ConfigError, match="key-changed cannot be permitted"):
        verdicts(released)


def test_a_state_hits_its_own_service(released: World) -> None:
    track = {**MARK, "name": "SpotTrack"}
    released.avsc(track, folder="flood/state")
    git(released.root, "add", "-A")
    git(released.root, "commit", "-qm", "State")
    git(released.root, "tag", "v0.2.0")
    released.avsc(
        track, folder="flood/state", fields=[MARK["fields"][0], {"name": "at", "type": "string", "doc": "When."}]
    )
    (verdict,) = verdicts(released)
    assert (verdict.hit, verdict.topics, verdict.against) == (("flood",), (), ("v0.2.0",))
    assert "hits: flood (its own state)" in verdict.sentence()
    now, older = in_folder(released.root, {}), in_git(released.root, "v0.1.0", {})
    assert judge(released.root, now, older, "v0.1.0", []) == []


def test_versions_of_the_registry_count_too(world: World) -> None:
    now = in_folder(world.root, {})
    older = copy.deepcopy(now.schemas[RECORD])
    older["fields"].append({"name": "gone", "type": "string"})
    wire = "district.flood.sight.v1"
    registered = [
        Version(RECORD, older, "version 1", wire),
        Version(RECORD, now.schemas[RECORD], "version 2", wire),
        Version("liandong.flood.WaterGone", older, "gone", wire),
        Version("cn.example.other.Thing", older, "other", "district.other.thing.v1"),
    ]
    left, removed = judge(world.root, now, NOBODY, "", registered)
    assert {left.rule, removed.rule} == {"record-left-topic", "field-removed"}
    assert {left.against, removed.against} == {("version 1",), ("gone",)}


def test_a_field_that_comes_back_must_be_what_it_was(released: World) -> None:
    """Two steps that are fine one by one: the first release's events are still there."""
    without = [field for field in SEEN["fields"] if field["name"] != "note"]
    released.avsc(SEEN, fields=without)
    git(released.root, "commit", "-qam", "Without the note")
    git(released.root, "tag", "v0.2.0")
    released.avsc(SEEN, fields=[*without, {"name": "note", "type": "int", "default": 0, "doc": "Note."}])
    assert check(released.root, "v0.2.0").code == 1  # nothing was generated
    assert check(released.root, "v0.2.0").verdicts == []
    outcome = check(released.root)
    (verdict,) = outcome.verdicts
    assert (verdict.rule, verdict.field, verdict.against) == ("type-changed", "note", ("v0.1.0",))
    assert outcome.against[0] == "v0.2.0 (2 records, 1 topics, and 1 releases before)"


def test_without_a_release_or_a_registry_it_says_so(world: World) -> None:
    assert releases(world.root) == []
    outcome = check(world.root)
    assert outcome.against[0].startswith("no release")
    assert outcome.against[1].startswith("no registry")
    assert outcome.stale  # nothing was generated yet


def test_what_cannot_be_asked(released: World) -> None:
    with pytest.raises(ConfigError, match="git knows no 'v9'"):
        check(released.root, "v9")
    nobody = "http://127.0.0.1:1/apis/ccompat/v7"
    assert "no registry (schema registry" in check(released.root, registry_url=nobody).against[1]
    with pytest.raises(Unavailable):
        check(released.root, registry_url=nobody, must_answer=True)


def test_the_command(released: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(released.root)
    run = CliRunner()
    assert run.invoke(app, ["gen"]).exit_code == 0
    assert run.invoke(app, ["check"]).exit_code == 0
    released.avsc(COLOUR, symbols=["UNKNOWN"])
    released.avsc(SEEN, fields=[f for f in SEEN["fields"] if f["name"] != "shade"])
    run.invoke(app, ["gen"])
    said = run.invoke(app, ["check", "--json"])
    assert said.exit_code == 1
    found = json.loads(said.stdout)
    assert (found["ok"], found["stale"]) == (False, [])
    assert [verdict["rule"] for verdict in found["verdicts"] if verdict["fails"]] == ["symbol-removed"]
    assert "1 breaking changes" in run.invoke(app, ["check"]).output
