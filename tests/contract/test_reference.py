"""The code lists of schemas/reference agree with the enums, the services and the examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emergency_service.domain.policy import POSTS
from liandong.codegen.code_lists import load_code_lists
from liandong.codegen.model import CodeList

SCHEMAS = Path(__file__).parents[2] / "schemas"
LISTS = load_code_lists(SCHEMAS / "reference")
OF_ENUMS = [pytest.param(codes, id=name) for name, codes in LISTS.items() if codes.enum]
EXAMPLES = sorted((SCHEMAS / "examples").rglob("*.json"))


def codes_of(name: str) -> list[str]:
    return [entry.code for entry in LISTS[name].codes]


def values(document: Any, names: set[str]) -> Iterator[str]:
    """Yield the texts that stand in fields of the given names, at any depth."""
    if isinstance(document, list):
        for item in document:
            yield from values(item, names)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name in names:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from values(value, names)


def in_examples(*names: str) -> set[str]:
    return {text for path in EXAMPLES for text in values(json.loads(path.read_text(encoding="utf-8")), set(names))}


@pytest.mark.parametrize("name", LISTS)
def test_a_code_is_listed_once(name: str) -> None:
    codes = codes_of(name)
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("codes", OF_ENUMS)
def test_an_enum_has_the_codes_of_its_list_in_their_order(codes: CodeList) -> None:
    _, context, name = codes.enum.split(".")
    declared = json.loads((SCHEMAS / "avro" / context / f"{name}.avsc").read_text(encoding="utf-8"))
    assert declared["symbols"] == ["UNKNOWN", *(entry.code for entry in codes.codes)]


def test_the_lists_that_several_services_use_are_there() -> None:
    expected = {"level", "colour", "severity", "incident-class", "incident-grade", "tier", "channel", "lane", "post"}
    assert expected | {"data-class", "division-code", "event-code"} <= set(LISTS)


def test_plans_and_rosters_name_listed_posts() -> None:
    listed = {entry.code: entry.zh for entry in LISTS["post"].codes}
    assert {code: listed.get(code) for code in POSTS} == POSTS


def test_numbers_stay_in_their_list() -> None:
    assert codes_of("severity") == codes_of("incident-class") == ["1", "2", "3", "4"]


def test_areas_of_the_examples_are_division_codes_of_no_real_place() -> None:
    pattern = re.compile(LISTS["division-code"].pattern)
    areas = in_examples("area_code", "areas")
    assert areas
    assert [area for area in areas if not pattern.fullmatch(area) or not area.startswith("99")] == []
    lengths = {len(area) for area in areas}
    assert lengths <= {int(code) for code in codes_of("division-code")}


@pytest.mark.parametrize("area", ["", "0", "990", "99010", "9901011", "9901010020", "990101002003001", "9901x1"])
def test_what_is_no_division_code(area: str) -> None:
    assert not re.fullmatch(LISTS["division-code"].pattern, area)


def test_event_codes_of_the_examples_are_listed() -> None:
    used = in_examples("event_code", "type_code")
    assert used
    assert used <= set(codes_of("event-code"))
    assert all(re.fullmatch(LISTS["event-code"].pattern, code) for code in codes_of("event-code"))


def test_posts_of_the_examples_are_listed() -> None:
    used = in_examples("post", "assignee_post", "approver_post", "leader_post", "leaders_on_site")
    assert used
    assert used <= set(codes_of("post"))
