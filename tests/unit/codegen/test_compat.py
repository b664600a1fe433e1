"""Our verdict on single changes, without a registry, and in which words."""

import copy
from typing import Any

import pytest
from liandong.codegen.compat import compare
from liandong.errors import ConfigError

from tests.support.schema_changes import BASE, BREAKING, CASES, COMPATIBLE, Change


@pytest.mark.parametrize(("change", "why", "breaking"), CASES)
def test_verdict(change: Change, why: str, breaking: bool) -> None:
    changed = copy.deepcopy(BASE)
    change(changed)
    findings = compare(BASE, changed)
    assert any(finding.breaking for finding in findings) == breaking
    assert all(finding.text and (finding.remedy or not finding.breaking) for finding in findings)


def rules(name: str) -> list[tuple[str, str]]:
    changed = copy.deepcopy(BASE)
    (BREAKING | COMPATIBLE)[name][0](changed)
    return [(finding.rule, finding.field) for finding in compare(BASE, changed)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("field without a default added", [("field-added-without-default", "more")]),
        ("field without a default removed", [("field-removed", "count")]),
        ("field without a default renamed, old name as alias", [("field-removed", "count")]),
        ("type changed", [("type-changed", "count")]),
        ("symbol added to an enum without a default", [("enum-default", "")]),
        ("record inside renamed, old name as alias", [("type-renamed", "marks")]),
        ("symbol removed", [("symbol-removed", "")]),
        ("unit changed", [("unit-changed", "depth")]),
        ("pii mark lowered", [("pii-dropped", "note")]),
        ("not encrypted any more", [("encryption-changed", "voice")]),
        ("encrypted field renamed, old name as alias", [("encrypted-renamed", "sound")]),
        ("pii mark added", [("pii-added", "id")]),
        ("default changed", [("default-changed", "note")]),
        ("fields in another order", []),
    ],
)
def test_each_change_has_one_name(name: str, expected: list[tuple[str, str]]) -> None:
    assert rules(name) == expected


def recursive(symbol: str) -> dict[str, Any]:
    leaf = {"type": "enum", "name": "Leaf", "symbols": [symbol], "default": symbol}
    branches = {"type": "array", "items": "Tree"}
    fields = [{"name": "leaf", "type": leaf}, {"name": "branches", "type": branches}]
    return {"type": "record", "name": "Tree", "namespace": "liandong.trial", "fields": fields}


def test_a_record_within_itself_ends() -> None:
    assert compare(recursive("A"), recursive("A")) == []
    assert {finding.rule for finding in compare(recursive("A"), recursive("B"))} == {"symbol-removed", "enum-default"}


@pytest.mark.parametrize("schema", ["Missing", {"name": "X"}, 7, {"type": "array", "items": "nothing"}])
def test_what_is_not_avro_is_refused(schema: Any) -> None:
    with pytest.raises(ConfigError):
        compare(schema, BASE)
