import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from liandong.cli.main import app
from liandong.codegen.files import load
from liandong.codegen.internal import Place
from liandong.codegen.manifests import emit_all, emit_place
from liandong.errors import ConfigError
from typer.testing import CliRunner

from .conftest import SERVICE, World

FED = {"consumers": ["flood", "ioc"]}
OWN = {"service": "flood", "doc": "Judges."}
EDGE = {"name": "door", "kind": "edge", "doc": "Door."}
DESK = {"name": "desk", "kind": "workflow", "doc": "Desk."}


def judge(**changes: Any) -> dict[str, Any]:
    process = copy.deepcopy(SERVICE["processes"][0])
    process["states"][0] |= changes
    return {"processes": [process]}


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def test_topics_of_a_tier_with_those_that_follow_from_processes(world: World) -> None:
    world.topic(**FED)
    world.service()
    files = emit_all(load(world.root))
    assert {name for name in files if name.startswith("topics/")} == {
        "topics/city/flood.yaml",
        "topics/community/flood.yaml",
        "topics/district/flood.yaml",
    }
    specs = {d["metadata"]["name"]: d["spec"] for d in documents(files["topics/district/flood.yaml"])}
    assert specs == {
        "district.flood.sight.v1": {
            "partitions": 2,
            "config": {"cleanup.policy": "delete", "retention.ms": "86400000"},
        },
        "district.flood.spot-changelog.v1": {
            "partitions": 2,
            "config": {
                "cleanup.policy": "compact",
                "delete.retention.ms": "86400000",
                "min.cleanable.dirty.ratio": "0.1",
            },
        },
        "district.flood.dead-letter.v1": {
            "partitions": 1,
            "config": {"cleanup.policy": "delete", "retention.ms": "2592000000", "max.message.bytes": "2097152"},
        },
        "district.flood.letters.v1": {
            "partitions": 1,
            "config": {
                "cleanup.policy": "compact",
                "delete.retention.ms": "86400000",
                "min.cleanable.dirty.ratio": "0.1",
                "max.message.bytes": "2097152",
            },
        },
    }
    community = {
        d["metadata"]["name"]: d["spec"]["partitions"] for d in documents(files["topics/community/flood.yaml"])
    }
    assert community["community.flood.spot-changelog.v1"] == 1


def test_a_workflow_has_a_relay_topic_and_its_own_group(world: World) -> None:
    world.service(processes=[*SERVICE["processes"], {**DESK, "group": "flood-desk"}])
    world.topic(**FED)
    names = {
        document["metadata"]["name"]: document
        for document in documents(emit_place(load(world.root), Place("district"))["topics/flood.yaml"])
    }
    assert names["district.flood-desk.relay.v1"]["spec"]["config"]["cleanup.policy"] == "compact"
    assert {"district.flood-desk.dead-letter.v1", "district.flood.dead-letter.v1"} <= names.keys()


def test_a_world_has_names_and_principals_of_its_own(world: World) -> None:
    world.topic(**FED)
    world.service()
    contract = load(world.root)
    drill = emit_place(contract, Place("district", "drill-7"))
    real = emit_place(contract, Place("district"))
    assert drill.keys() == real.keys() == {"topics/flood.yaml", "users/flood.yaml", "users/platform-admin.yaml"}
    for name, text in drill.items():
        for document in documents(text):
            assert document["metadata"]["name"].startswith("drill-7.district."), name
    (user,) = documents(drill["users/flood.yaml"])
    for acl in user["spec"]["authorization"]["acls"]:
        assert acl["resource"]["name"].removeprefix("view.").startswith("drill-7.district.")
    (admin,) = documents(drill["users/platform-admin.yaml"])
    assert {acl["resource"]["name"] for acl in admin["spec"]["authorization"]["acls"]} == {"drill-7."}


def test_users_are_strimzi_users(world: World) -> None:
    world.topic(**FED)
    world.service()
    contract = load(world.root)
    (user,) = documents(emit_place(contract, Place("city"))["users/flood.yaml"])
    assert user["apiVersion"] == "kafka.strimzi.io/v1"
    assert user["metadata"] == {"name": "city.flood", "labels": {"strimzi.io/cluster": "liandong"}}
    assert user["spec"]["authentication"] == {"type": "scram-sha-512"}
    assert user["spec"]["authorization"]["type"] == "simple"
    (tls,) = documents(emit_place(contract, Place("city"), "tls")["users/flood.yaml"])
    assert tls["spec"]["authentication"] == {"type": "tls"}


def manifests(world: World, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    world.topic(**FED)
    world.service()
    monkeypatch.chdir(world.root)
    result = CliRunner().invoke(app, ["gen", "manifests", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_prints_a_world(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = manifests(world, monkeypatch, "--world", "drill-7", "--tier", "district")
    kinds = [(document["kind"], document["metadata"]["name"]) for document in documents(printed)]
    assert kinds == [
        ("KafkaTopic", "drill-7.district.flood.sight.v1"),
        ("KafkaTopic", "drill-7.district.flood.spot-changelog.v1"),
        ("KafkaTopic", "drill-7.district.flood.dead-letter.v1"),
        ("KafkaTopic", "drill-7.district.flood.letters.v1"),
        ("KafkaUser", "drill-7.district.flood"),
        ("KafkaUser", "drill-7.district.platform-admin"),
    ]


def test_the_command_writes_a_folder(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifests(world, monkeypatch, "--tier", "city", "--out", str(out))
    written = {path.relative_to(out).as_posix(): path.read_text(encoding="utf-8") for path in out.rglob("*.yaml")}
    assert written == emit_place(load(world.root), Place("city"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tier", "street"), "no tier is called 'street'"),
        (("--tier", "city", "--world", "Drill"), "'Drill' is no name for a world"),
        (("--tier", "city", "--world", "district"), "'district' is no name for a world"),
        (("--tier", "city", "--authentication", "none"), "authentication 'none' is none of scram-sha-512, tls"),
    ],
)
def test_the_command_refuses(world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        manifests(world, monkeypatch, *words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "colour: unknown key"),
        ({"processes": []}, "processes: Tuple should have at least 1 item"),
        ({"service": "ru_mours"}, "service: String should match pattern"),
        ({"processes": [EDGE, EDGE]}, "two processes are called door"),
        ({"processes": [{**EDGE, "group": "flood-door"}]}, "an edge process has no consumer group"),
        ({"processes": [DESK, {**DESK, "name": "other"}]}, "two processes have the group flood"),
        ({"processes": [{**DESK, "group": "ioc"}]}, "group ioc must be flood or begin with flood-"),
        ({"processes": [{**DESK, "states": SERVICE["processes"][0]["states"]}]}, "keeps no keyed states"),
        (judge(record="liandong.flood.WaterSeen"), "liandong.flood.WaterSeen is no internal record"),
        (judge(record="liandong.flood.Nothing"), "liandong.flood.Nothing is no internal record"),
        (judge(inputs=["flood.nothing"]), "flood.nothing is not a declared topic"),
        (judge(name="sp_ot"), "processes.0.states.0.name: String should match pattern"),
    ],
)
def test_refuses_a_service(world: World, changes: dict[str, Any], words: str) -> None:
    world.topic(**FED)
    path = world.service(**changes)
    with pytest.raises(ConfigError, match=re.escape(words)) as error:
        load(world.root)
    assert re.search(rf"{re.escape(str(path))}:\d+: ", str(error.value))


def test_a_state_is_fed_by_what_the_service_reads(world: World) -> None:
    world.service()
    with pytest.raises(ConfigError, match=r"flood\.yaml:\d+: flood is no consumer of flood\.sight"):
        load(world.root)
