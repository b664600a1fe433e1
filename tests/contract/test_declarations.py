"""Every declared type is complete: enums survive new symbols, numbers have a unit, personal data a subject."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "schemas/avro"
DECLARED = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.avsc"))}
ENUMS = [pytest.param(raw, id=raw["name"]) for raw in DECLARED.values() if raw["type"] == "enum"]
RECORDS = [
    pytest.param(raw, id=raw["name"])
    for path, raw in DECLARED.items()
    if raw["type"] == "record" and path.parent.name != "state" and raw["namespace"] != "liandong.kit"
]
NUMBERS = ("int", "long", "double")
WITHOUT_UNIT = {
    "severity": "a code: 1 critical to 4 notice",
    "priority": "a code: 1 first to 4",
    "incident_class": "a code of the national list: 1 to 4",
    "alarm_level": "a code: 1 lowest, more with each further alarm",
    "level_hint": "a code: an alarm level",
    "episode": "an ordinal",
    "step": "an ordinal",
    "round": "an ordinal",
    "report_no": "an ordinal",
    "revision": "an ordinal",
    "sequence": "an ordinal",
}
VERSION = re.compile(r"(^|_)version$")
SAYS_ITS_UNIT = re.compile(r"`unit`|in the unit of|[Uu]nit as suffix|unit of the indicator")


def types_of(type_: Any) -> Iterator[Any]:
    """Yield the plain types that a field's type is made of."""
    if isinstance(type_, list):
        for branch in type_:
            yield from types_of(branch)
    elif isinstance(type_, dict) and type_["type"] in ("array", "map"):
        yield from types_of(type_.get("items", type_.get("values")))
    elif not isinstance(type_, dict):
        yield type_


@pytest.mark.parametrize("raw", ENUMS)
def test_an_unknown_symbol_has_somewhere_to_go(raw: dict[str, Any]) -> None:
    assert raw["symbols"][0] == raw["default"] == "UNKNOWN"
    assert len(set(raw["symbols"])) == len(raw["symbols"]) > 1


@pytest.mark.parametrize("raw", RECORDS)
def test_a_record_has_a_chinese_name(raw: dict[str, Any]) -> None:
    assert re.search(r"[\u4e00-\u9fff]", raw.get("zh", ""))


@pytest.mark.parametrize("raw", RECORDS)
def test_every_number_has_a_unit_or_a_reason(raw: dict[str, Any]) -> None:
    for field in raw["fields"]:
        if any(type_ in NUMBERS for type_ in types_of(field["type"])):
            known = field["name"] in WITHOUT_UNIT or VERSION.search(field["name"])
            assert field.get("unit") or known or SAYS_ITS_UNIT.search(field["doc"]), field["name"]


@pytest.mark.parametrize("raw", RECORDS)
def test_encrypted_fields_name_their_subject(raw: dict[str, Any]) -> None:
    for field in raw["fields"]:
        if field.get("pii") in ("P2", "P3"):
            assert field.get("subject"), f"{field['name']} is encrypted with the key of nobody"


@pytest.mark.parametrize("raw", RECORDS)
def test_docs_are_sentences(raw: dict[str, Any]) -> None:
    for doc in (raw["doc"], *(field["doc"] for field in raw["fields"])):
        assert doc == doc.strip()
        assert doc.endswith(".")


@pytest.mark.parametrize("raw", RECORDS)
def test_the_envelope_is_not_repeated(raw: dict[str, Any]) -> None:
    envelope = {"event_id", "event_type", "recorded_at", "correlation_id", "causation_id", "hops", "origin_node"}
    assert envelope.isdisjoint(field["name"] for field in raw["fields"])
