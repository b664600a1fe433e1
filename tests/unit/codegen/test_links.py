import re
from typing import Any

import pytest
from liandong.codegen.files import load
from liandong.codegen.links import masked
from liandong.codegen.model import Contract, RecordType
from liandong.errors import ConfigError

from .conftest import MARK, SEEN, World

RULE = {"direction": "up", "lane": "P1"}


def linked(**rule: Any) -> dict[str, Any]:
    return {"records": [{"type": "liandong.flood.WaterSeen", "link": {**RULE, **rule}}]}


def masked_of(contract: Contract) -> tuple[str, ...]:
    record = contract.types["liandong.flood.WaterSeen"]
    assert isinstance(record, RecordType)
    return masked(contract.topics[0].records[0], record, contract.types)


@pytest.mark.parametrize(
    "when",
    [
        {"count": {"at_most": 2}},
        {"depth_cm": {"at_least": 15, "at_most": 50.5}},
        {"shade": {"one_of": ["RED"]}},
        {"shade": {"equals": "RED"}},
        {"sure": {"equals": True}},
        {"note": {"one_of": ["a", "b"]}},
        {"total": {"equals": 4}},
    ],
)
def test_conditions_that_fit_their_field(world: World, when: dict[str, Any]) -> None:
    world.topic(**linked(when=when))
    rule = load(world.root).topics[0].records[0].link
    assert rule is not None
    said = {field: condition.model_dump(exclude_none=True) for field, condition in rule.when.items()}
    assert said == when


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"when": {"depth": {"at_most": 2}}}, "when: liandong.flood.WaterSeen has no field depth"),
        ({"when": {"count": {"less": 2}}}, "unknown key"),
        ({"when": {"count": {}}}, "say one of at_most, at_least, equals, one_of"),
        ({"when": {"count": {"at_most": 2, "equals": 1}}}, "say one of at_most, at_least, equals, one_of"),
        ({"when": {"shade": {"at_most": 2}}}, "is enum, bounds are for numbers; use one_of"),
        ({"when": {"shade": {"one_of": ["RED", "PINK"]}}}, "shade of liandong.flood.WaterSeen has no symbol PINK"),
        ({"when": {"note": {"at_least": 2}}}, "is string, bounds are for numbers"),
        ({"when": {"count": {"equals": "2"}}}, "is int and can never be '2'"),
        ({"when": {"count": {"equals": True}}}, "is int and can never be True"),
        ({"when": {"sure": {"equals": 1}}}, "is boolean and can never be 1"),
        ({"when": {"marks": {"equals": "x"}}}, "is array and can never be 'x'"),
        ({"mask": ["whom"]}, "mask: liandong.flood.WaterSeen has no field whom"),
        ({"mask": ["raw"]}, "mask: raw of liandong.flood.WaterSeen is neither a string nor optional"),
    ],
)
def test_refuses_a_link_rule(world: World, rule: dict[str, Any], words: str) -> None:
    path = world.topic(**linked(**rule))
    with pytest.raises(ConfigError, match=re.escape(words)) as error:
        load(world.root)
    assert str(path) in str(error.value)


def test_sensitive_fields_stay_behind_unless_said_otherwise(world: World) -> None:
    who = {"name": "who", "type": ["null", "string"], "default": None, "pii": "P2", "subject": "spot_id", "doc": "Who."}
    mark = {"name": "mark_id", "type": "string", "doc": "Mark."}
    by = {"name": "by", "type": "string", "pii": "P3", "subject": "mark_id", "doc": "By whom."}
    world.avsc(MARK, fields=[*MARK["fields"], mark, by])
    world.avsc(SEEN, fields=[*SEEN["fields"][:2], who, *SEEN["fields"][3:]])
    assert masked_of(load(world.root)) == ("who", "best.by", "marks.by", "by_name.by")
    world.topic(**linked(mask=["note"]))
    assert masked_of(load(world.root)) == ("note",)
    world.topic(**linked(mask=[]))
    assert masked_of(load(world.root)) == ()
