import json
import re
from typing import Any

import fastavro
import pytest
from liandong.codegen.avro import load_types, self_contained
from liandong.codegen.files import load
from liandong.codegen.model import RecordType
from liandong.errors import ConfigError

from .conftest import COLOUR, MARK, SEEN, World


def test_types_come_after_those_they_contain(world: World) -> None:
    assert [name.rsplit(".", 1)[1] for name in load_types(world.root / "schemas/avro")] == [
        "Colour",
        "Mark",
        "WaterSeen",
    ]


def test_self_contained_writes_each_type_out_once(world: World) -> None:
    schema = self_contained("liandong.flood.WaterSeen", load(world.root).schemas())
    assert json.dumps(schema).count('"symbols"') == 1
    assert fastavro.parse_schema(schema)["name"] == "liandong.flood.WaterSeen"  # type: ignore[call-overload, index]
    assert schema["fields"][1]["unit"] == "cm"


def test_states_and_kit_records_are_internal(world: World) -> None:
    world.avsc({**MARK, "name": "SpotTrack"}, folder="flood/state")
    world.avsc({**COLOUR, "namespace": "liandong.kit"}, folder="kit")
    world.avsc({**MARK, "name": "Envelope", "namespace": "liandong.kit"}, folder="kit")
    records = [t for t in load_types(world.root / "schemas/avro").values() if isinstance(t, RecordType)]
    assert {r.full_name for r in records if r.internal} == {"liandong.flood.SpotTrack", "liandong.kit.Envelope"}


def field(**declared: Any) -> dict[str, Any]:
    return {"fields": [{"name": "x", "type": "string", "doc": "X.", **declared}]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"doc": ""}, "doc is missing"),
        ({"namespace": "liandong.water"}, "must declare name Mark in namespace liandong.flood"),
        ({"fields": []}, "a record needs fields"),
        (field(doc=""), "field x has no doc"),
        (field(pii="P9"), "field x has pii 'P9'"),
        (field(pii="P1", type="int"), "field x has pii but is no string"),
        (field(pii="P1", subject="x"), "field x has a subject but is not pii P2 or P3"),
        (field(pii="P2", subject="y"), "field x has the subject y, which is no plain string field of the record"),
        (field(pii="P2", subject="x"), "field x has the subject x, which is no plain string field of the record"),
        (field(type="Missing"), "field x: type Missing is not declared"),
        (field(type=["null", "string"]), "field x is nullable and must have the default null"),
        (field(type=["string", "int"]), "the only union understood"),
        (field(type={"type": "bytes", "logicalType": "decimal"}), "not in the subset understood"),
        (field(type="liandong.flood.Mark"), "Mark contains liandong.flood.Mark: a record cannot contain itself"),
    ],
)
def test_refuses_a_record(world: World, changes: dict[str, Any], words: str) -> None:
    world.avsc(MARK, **changes)
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_types(world.root / "schemas/avro")


def test_refuses_an_enum_whose_default_is_not_first(world: World) -> None:
    path = world.avsc(COLOUR, default="RED")
    with pytest.raises(ConfigError, match="first symbol must be the declared default") as error:
        load_types(world.root / "schemas/avro")
    assert str(path) in str(error.value)


def test_refuses_what_is_not_one_named_type(world: World) -> None:
    path = world.avsc(SEEN)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(ConfigError, match="one record or enum per file"):
        load_types(world.root / "schemas/avro")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not JSON"):
        load_types(world.root / "schemas/avro")


def test_refuses_a_name_declared_twice(world: World) -> None:
    world.avsc(MARK, folder="flood/state")
    with pytest.raises(ConfigError, match="is also declared in"):
        load_types(world.root / "schemas/avro")
