"""A declaration that breaks a rule is refused with file, line and rule."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from liandong.codegen.files import generate, load
from liandong.errors import ConfigError
from liandong_contracts.base import versioned

from .conftest import COLOUR, MARK, SEEN, TOPIC, World


def refusal(world: World) -> str:
    with pytest.raises(ConfigError) as error:
        load(world.root)
    return str(error.value)


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def topic(world: World, text: str, **changes: Any) -> Path:
    """Declare a topic and add lines to its file."""
    path = world.topic(**changes)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return path


def avsc(world: World, declared: dict[str, Any], **changes: Any) -> Path:
    """Declare a type in a file of many lines."""
    path = world.avsc(declared, **changes)
    path.write_text(json.dumps({**declared, **changes}, indent=2), encoding="utf-8")
    return path


def test_an_unknown_key_in_a_topic(world: World) -> None:
    path = topic(world, "colour: red\n")
    assert refusal(world) == f"{path}:{line_of(path, 'colour: red')}: colour: unknown key"


def test_an_unknown_key_deep_in_a_topic(world: World) -> None:
    entry = {"type": "liandong.flood.WaterSeen", "link": {"direction": "up", "lane": "P1", "speed": 9}}
    path = world.topic(records=[entry])
    assert refusal(world) == f"{path}:{line_of(path, 'speed')}: records.0.link.speed: unknown key"


def test_a_key_given_twice(world: World) -> None:
    path = topic(world, "kind: state\n")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert refusal(world) == f"{path}:{len(lines)}: kind is given twice"


def test_two_owners_for_one_topic(world: World) -> None:
    path = world.topic(owner=["flood", "ioc"])
    assert refusal(world) == f"{path}:{line_of(path, 'owner:')}: owner: Input should be a valid string"


def test_two_files_for_one_topic(world: World) -> None:
    path = world.topic()
    second = path.with_name("flood.second.yaml")
    second.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    said = f"{second}:{line_of(second, 'name:')}: the file must be called flood.sight.yaml"
    assert refusal(world).startswith(said)


def test_an_underscore_in_a_topic_name(world: World) -> None:
    path = world.topic(name="flood.water_level")
    said = f"{path}:{line_of(path, 'name:')}: name: 'flood.water_level' is no topic name: <context>.<aggregate>"
    assert refusal(world).startswith(said)
    assert "never '_'" in refusal(world)


def test_a_topic_may_have_a_later_version_beside_it(world: World) -> None:
    world.topic()
    assert versioned("flood.sight") == "flood.sight.v1"
    assert versioned("flood.sight.v2") == "flood.sight.v2"
    assert TOPIC["name"] == "flood.sight"
    path = world.topic(name="flood.sight.v1")
    assert "is no topic name" in refusal(world)
    path.unlink()
    world.topic(name="flood.sight.v2")
    assert "WaterSeen belongs to" in refusal(world) or "WaterSeen is in" in refusal(world)


def test_a_record_in_two_topics(world: World) -> None:
    path = world.topic(name="flood.zzz")
    line = line_of(path, "liandong.flood.WaterSeen")
    assert refusal(world) == f"{path}:{line}: liandong.flood.WaterSeen belongs to 2 topics, it is also in flood.sight"


def test_a_record_in_no_topic(world: World) -> None:
    path = world.avsc({**SEEN, "name": "WaterGone"})
    assert refusal(world) == f"{path}:1: liandong.flood.WaterGone belongs to no topic"


def test_an_unknown_field_in_when(world: World) -> None:
    link = {"direction": "up", "lane": "P1", "when": {"colour": {"equals": "RED"}}}
    path = world.topic(records=[{"type": "liandong.flood.WaterSeen", "link": link}])
    assert refusal(world) == f"{path}:{line_of(path, 'colour')}: when: liandong.flood.WaterSeen has no field colour"


def linked(world: World, direction: Any, owner: str = "flood", name: str = "request", **changes: Any) -> Path:
    for declared in (COLOUR, MARK, SEEN):
        world.avsc(declared, folder=owner, namespace=f"liandong.{owner}")
    entry = {"type": f"liandong.{owner}.WaterSeen", "link": {"direction": direction, "lane": "P1"}}
    asked = {"name": f"{owner}.{name}", "owner": owner, "producers": [owner], "records": [entry], **changes}
    world.topic().unlink()
    if owner != "flood":
        world.topic()
    return world.topic(**asked)


REQUEST: dict[str, Any] = {"kind": "request", "producers": ["ioc", "linkage"], "consumers": ["flood"]}


def test_what_comes_from_below_may_not_go_down_again(world: World) -> None:
    path = linked(world, "both", **REQUEST)
    said = f"{path}:{line_of(path, 'link:')}: loop: linkage writes flood.request and would send what came from below"
    assert refusal(world).startswith(said)
    linked(world, "down", **REQUEST)
    load(world.root)


@pytest.mark.parametrize("name", ["in", "out", "link", "link-state"])
def test_what_tells_about_links_crosses_none(world: World, name: str) -> None:
    path = linked(world, "up", "linkage", name)
    said = f"{path}:{line_of(path, 'link:')}: loop: linkage.{name} tells what crossed a link"
    assert refusal(world).startswith(said)
    path.unlink()
    linked(world, "up", "linkage", "assist")
    load(world.root)


def test_two_neighbours_do_not_own_one_topic(world: World) -> None:
    path = linked(world, ["up", "neighbour"])
    said = f"{path}:{line_of(path, 'link:')}: owner tier conflict: a neighbour has the topic flood.request itself"
    assert refusal(world).startswith(said)
    path.unlink()
    linked(world, ["up", "neighbour"], "linkage", "assist")
    load(world.root)


@pytest.mark.parametrize(
    ("field", "key", "words"),
    [
        ({"type": "int", "default": "3"}, "default", "field x is int and cannot have the default '3'"),
        ({"type": "int", "default": True}, "default", "field x is int and cannot have the default True"),
        ({"type": "int", "default": 1 << 31}, "default", "field x is int and cannot have the default 2147483648"),
        ({"type": "string", "default": 3}, "default", "field x is string and cannot have the default 3"),
        ({"type": "boolean", "default": 0}, "default", "field x is boolean and cannot have the default 0"),
        ({"type": "double", "default": "0"}, "default", "field x is double and cannot have the default '0'"),
        ({"type": "bytes", "default": "汉"}, "default", "field x is bytes and cannot have the default '汉'"),
        ({"type": "Colour", "default": "PINK"}, "default", "field x is enum and cannot have the default 'PINK'"),
        (
            {"type": {"type": "array", "items": "int"}, "default": [1]},
            "default",
            "field x is array and cannot have the default [1]",
        ),
        (
            {"type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0},
            "default",
            "field x is timestamp and cannot have the default 0",
        ),
        ({"type": {"type": "int", "logicalType": "date"}}, "type", "logicalType date on int is not in the subset"),
        (
            {"type": {"type": "string", "logicalType": "timestamp-millis"}},
            "type",
            "logicalType timestamp-millis on string is not in the subset understood, only timestamp-millis on long",
        ),
        ({"type": "Nothing"}, "type", "field x: type Nothing is not declared"),
        ({"type": 7}, "type", "field x: 7 is no type"),
        ({"type": "int", "pii": "P9"}, "pii", "field x has pii 'P9'"),
        ({"type": "int", "doc": ""}, "doc", "field x has no doc"),
        ({"type": "string", "pii": "P2"}, "pii", "field x is pii P2 and needs a subject, whose key encrypts it"),
        ({"type": "int", "units": "cm"}, "units", "units: unknown key; known are aliases, "),
        ({"type": "int", "doc": 'X """ + run() + """ x.'}, "doc", "has a backslash, three quotes"),
        ({"type": "int", "doc": "Back \\ slash."}, "doc", "has a backslash, three quotes"),
        ({"type": "int", "doc": 'The "end"'}, "doc", "a quote at its end"),
        ({"type": "int", "doc": "Two\nlines."}, "doc", "is not one line of text"),
        ({"type": "int", "unit": '"""\nimport os'}, "unit", "is not one line of text"),
        ({"type": "int", "aliases": "former"}, "aliases", "aliases is a list of former names, not 'former'"),
        ({"type": "int", "aliases": ["before"]}, "aliases", "the alias before is the name of another field"),
        ({"type": "int", "aliases": ["for-mer"]}, "aliases", "the alias 'for-mer' is no name of a field"),
    ],
)
def test_a_field_of_a_record(world: World, field: dict[str, Any], key: str, words: str) -> None:
    before = {"name": "before", "type": "string", "doc": "Before."}
    path = avsc(world, MARK, fields=[before, {"name": "x", "doc": "X.", **field}])
    lines = path.read_text(encoding="utf-8").splitlines()
    after = line_of(path, '"name": "x"')
    line = next(n for n, text in enumerate(lines, 1) if n >= after and f'"{key}":' in text)
    line += field.get("aliases") == ["before"] or field.get("aliases") == ["for-mer"]
    assert refusal(world).startswith(f"{path}:{line}: ")
    assert words in refusal(world)


@pytest.mark.parametrize(
    "name", ["class", "None", "to_avro", "FULL_NAME", "__init__", "_x", "深度", "a-b", "datetime", 7]
)
def test_a_name_that_generated_code_cannot_have(world: World, name: Any) -> None:
    path = avsc(world, MARK, fields=[{"name": name, "type": "string", "doc": "X."}])
    assert refusal(world).startswith(f"{path}:{line_of(path, 'fields') + 2}: {name!r} is no name for a field: ")


@pytest.mark.parametrize("symbol", ["None", "name", "A-B", "", 3])
def test_a_symbol_that_generated_code_cannot_have(world: World, symbol: Any) -> None:
    path = avsc(world, COLOUR, symbols=["UNKNOWN", symbol])
    assert refusal(world).startswith(f"{path}:{line_of(path, 'UNKNOWN') + 1}: {symbol!r} is no symbol: ")


@pytest.mark.parametrize("name", ["Record", "Any", "lower"])
def test_a_type_that_hides_what_generated_code_uses(world: World, name: str) -> None:
    path = avsc(world, {**MARK, "name": name})
    assert refusal(world).startswith(f"{path}:{line_of(path, 'name')}: {name!r} is no name for a type: ")


def test_a_default_is_a_text_and_never_code(world: World) -> None:
    text = '"); raise SystemExit("'
    world.avsc(SEEN, fields=[*SEEN["fields"], {"name": "x", "type": "string", "default": text, "doc": "X."}])
    code = generate(world.root)[Path("services/contracts/liandong_contracts/flood.py")].decode()
    (line,) = (line for line in code.splitlines() if line.startswith("    x: str = "))
    assert ast.literal_eval(line.partition(" = ")[2]) == text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{\n"type": "\xff"}', ":2: not UTF-8: byte 0xff"),
        (b"[" * 100_000, ":1: nested too deep to be read"),
        (b'{"type": "record", "type": "enum"}', ":1: type is given twice"),
        (b'{"type": "record", "fields": [{"default": NaN}]}', ":1: not JSON: NaN is no number"),
        (b'{"type": "record", "name": "Mark", "fields": [3]}', ":1: a field is an object, not 3"),
        (b"", ":1: not JSON: "),
    ],
)
def test_bytes_that_are_no_record(world: World, data: bytes, said: str) -> None:
    path = world.avsc(MARK)
    path.write_bytes(data)
    assert said in refusal(world)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"name: \xff\n", ":1: not UTF-8: byte 0xff"),
        (b"name: &a [*a]\n", ":1: name.0 is an alias; write it out"),
        (b"name: &a [x]\ndoc: *a\n", ":1: doc is an alias; write it out"),
        (b"name: !!python/object/apply:os.getcwd []\n", ":1: not YAML: could not determine a constructor"),
        (b"- a\n", ":1: Input should be a valid dictionary"),
    ],
)
def test_bytes_that_are_no_topic(world: World, data: bytes, said: str) -> None:
    path = world.topic()
    path.write_bytes(data)
    assert refusal(world).startswith(f"{path}{said}")


def test_a_folder_where_a_topic_should_be(world: World) -> None:
    path = world.root / "schemas/topics/flood.other.yaml"
    path.mkdir()
    assert refusal(world) == f"{path}:1: cannot be read: Is a directory"


def when(**condition: Any) -> dict[str, Any]:
    link = {"direction": "up", "lane": "P1", "when": {"count": condition}}
    return {"records": [{"type": "liandong.flood.WaterSeen", "link": link}]}


@pytest.mark.parametrize(
    ("changes", "at", "words"),
    [
        ({"key": ["spot_id", "spot_id"]}, "key:", "key: spot_id is given twice"),
        ({"consumers": ["ioc", "ioc"]}, "consumers:", "consumers: ioc is given twice"),
        (
            {"records": [{"type": "liandong.flood.WaterSeen"} for _ in "ab"]},
            "",
            "liandong.flood.WaterSeen is given twice",
        ),
        ({"retention_hours": 10**9}, "retention_hours:", "retention_hours: Input should be less than or equal to"),
        ({"partitions": {"district": 10**6, "city": 1, "community": 1}}, "district:", "less than or equal to 1000"),
        ({"partitions": {"district": True, "city": 1, "community": 1}}, "district:", "should be a valid integer"),
        ({"doc": 'a """ b'}, "doc:", "has a backslash, three quotes"),
        (when(at_most=float("inf")), "at_most:", "should be a finite number"),
        (when(at_most=1, at_least=5), "count:", "no value is at least 5 and at most 1"),
        ({"records": [{"type": "liandong.flood.WaterSeen", "link": {"direction": [], "lane": "P1"}}]}, "", "direction"),
    ],
)
def test_values_of_a_topic_that_make_no_sense(world: World, changes: dict[str, Any], at: str, words: str) -> None:
    path = world.topic(**changes)
    said = refusal(world)
    assert words in said
    assert said.startswith(f"{path}:{line_of(path, at)}: " if at else f"{path}:")


def test_an_encrypted_field_is_no_key(world: World) -> None:
    secret = {"name": "spot_id", "type": "string", "pii": "P2", "subject": "note", "doc": "Spot."}
    world.avsc(SEEN, fields=[secret, *SEEN["fields"][1:]])
    path = world.topic()
    line = line_of(path, "key:") + 1
    said = "liandong.flood.WaterSeen has no string or enum spot_id for the key, it is encrypted"
    assert refusal(world) == f"{path}:{line}: {said}"


def test_a_field_without_a_type(world: World) -> None:
    path = avsc(world, MARK, fields=[{"name": "x", "doc": "X."}])
    assert refusal(world) == f"{path}:{line_of(path, 'fields') + 1}: field x has no type"


def test_a_field_given_twice(world: World) -> None:
    path = avsc(world, MARK, fields=[MARK["fields"][0], MARK["fields"][0]])
    assert re.fullmatch(rf"{re.escape(str(path))}:\d+: field colour is given twice", refusal(world))


def test_a_symbol_given_twice(world: World) -> None:
    path = avsc(world, COLOUR, symbols=["UNKNOWN", "RED", "RED"])
    assert refusal(world) == f"{path}:{line_of(path, 'RED') + 1}: symbol RED is given twice"


def test_a_record_that_contains_itself(world: World) -> None:
    inner = {"name": "inner", "type": ["null", "WaterSeen"], "default": None, "doc": "Inner."}
    avsc(world, MARK, fields=[*MARK["fields"], inner])
    path = avsc(world, SEEN)
    said = refusal(world)
    assert said.startswith(f"{path}:{line_of(path, 'best') + 1}: ")
    assert said.endswith(
        "Mark contains liandong.flood.WaterSeen contains liandong.flood.Mark: a record cannot contain itself"
    )


def test_a_file_that_is_not_json(world: World) -> None:
    path = world.avsc(MARK)
    path.write_text('{\n "type": "record",\n}\n', encoding="utf-8")
    assert refusal(world).startswith(f"{path}:3: not JSON: ")


def test_a_file_that_is_not_yaml(world: World) -> None:
    path = topic(world, "key: [a\n")
    assert re.match(rf"{re.escape(str(path))}:\d+: not YAML: ", refusal(world))


def test_everything_wrong_in_all_topic_files_is_said_at_once(world: World) -> None:
    first = world.topic(**{**TOPIC, "producers": ["ioc"], "key": ["depth_cm"]})
    second = world.topic(name="flood.other", kind="rumour")
    said = refusal(world).splitlines()
    assert [line.split(":")[0] for line in said] == [str(second), str(first), str(first)]
    assert yaml.safe_load(first.read_text(encoding="utf-8"))["producers"] == ["ioc"]
