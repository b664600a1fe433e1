"""The generated reference holds together: every link and reference in it leads to something."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from liandong.codegen.code_lists import load_code_lists
from liandong.codegen.docs.text import CLASSES, LANES, anchor
from liandong.codegen.links import ABOUT_LINKS
from liandong.event import Event, headers_of
from liandong_contracts import links, topics
from liandong_contracts.base import Record
from liandong_contracts.linking import PASSED_ON, Condition, egress_prefix, egress_topic
from liandong_contracts.water import DrainageKind, DrainageStateChanged, DrainageStatus

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
PAGES = sorted(REFERENCE.rglob("*.md"))
TIERS = ("city", "district", "community")


def anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    titles = {anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    return titles | set(re.findall(r'<a id="([^"]+)"></a>', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REFERENCE)))
def test_links_lead_to_a_page_and_a_heading(page: Path) -> None:
    for target in set(re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))):
        name, _, heading = target.partition("#")
        if not name.startswith("http"):
            there = (page.parent / name).resolve() if name else page
            assert there.exists(), f"{page}: {target}"
            assert not heading or heading in anchors(there), f"{page}: {target}"


def test_the_index_lists_every_header_of_the_envelope() -> None:
    full: dict[str, Any] = {
        field.name: 1 if field.name in ("sequence", "hops") else "said"
        for field in msgspec.structs.fields(Event)
        if field.name not in ("data", "time", "topic", "partition", "offset", "recorded_at")
    }
    event = Event(data=Record(), time=datetime(2031, 7, 20, tzinfo=UTC), **full)
    index = (REFERENCE / "events.md").read_text("utf-8")
    listed = re.findall(r"^\| (\S+) \| .* \| (?:always|when .*) \|$", index, re.MULTILINE)
    assert sorted(listed) == sorted(name for name, _ in headers_of(event))


def test_a_lane_has_the_word_of_its_code_list() -> None:
    lanes = load_code_lists(ROOT / "schemas/reference")["lane"]
    assert {code.code: code.en.lower() for code in lanes.codes} == LANES


def test_a_page_shows_no_bare_lane_or_class() -> None:
    """Lanes and classes of personal data are both called P1, P2, P3: a word stands beside each."""
    pages = [*REFERENCE.glob("events/*.md"), REFERENCE / "links.md", REFERENCE / "personal-data.md"]
    bare = {(page.name, code) for page in pages for code in re.findall(r"\| (P[0-3])(?= \|)", page.read_text("utf-8"))}
    assert bare == {("personal-data.md", code) for code in CLASSES}, "only the table that explains the classes has them"


def test_what_tells_about_links_is_declared() -> None:
    assert {topic.name for topic in topics.ALL} >= ABOUT_LINKS


@pytest.mark.parametrize(
    ("state", "changed"), [("FAULT", True), ("RUNNING", True), ("OVERFLOW", True), ("IDLE", False)]
)
def test_the_upper_tier_hears_that_a_drainage_fault_began_and_ended(state: str, changed: bool) -> None:
    (rule,) = (r for lane in links.RULES["upper"].values() for r in lane if r.record is DrainageStateChanged)
    at = datetime(2031, 7, 20, tzinfo=UTC)
    status = DrainageStatus(state)
    said = DrainageStateChanged(object_id="x", kind=DrainageKind.PUMP, state=status, at=at, fault_changed=changed)
    assert all(condition.holds(said) for condition in rule.when) is changed


def test_every_topic_and_record_is_described_once() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("events/*.md"))
    for topic in topics.ALL:
        assert text.count(f"\n### {topic.name}\n") == 1
        for record in topic.records:
            assert text.count(f"\n`{record.FULL_NAME}` ") == 1


DOCUMENT: dict[str, Any] = yaml.safe_load((REFERENCE / "asyncapi.yaml").read_text(encoding="utf-8"))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_asyncapi_references_lead_somewhere() -> None:
    found = set(references(DOCUMENT))
    for reference in found:
        file, _, pointer = reference.partition("#/")
        if file:
            schema = json.loads((REFERENCE / file).read_text(encoding="utf-8"))
            assert f"{schema['namespace']}.{schema['name']}.avsc" == Path(file).name
        else:
            value = DOCUMENT
            for part in pointer.split("/"):
                value = value[part]
    assert len(found) > len(topics.ALL)


def test_asyncapi_has_the_parts_that_version_3_asks_for() -> None:
    assert DOCUMENT.keys() <= {
        "asyncapi",
        "info",
        "servers",
        "channels",
        "operations",
        "components",
        "defaultContentType",
    }
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for server in DOCUMENT["servers"].values():
        assert {"host", "protocol"} <= server.keys()
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == server["variables"].keys()
    for channel in DOCUMENT["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == channel["parameters"].keys()
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"]
        assert operation["action"] in ("send", "receive"), name
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"]), name


def test_asyncapi_says_who_sends_and_receives() -> None:
    said = {(o["action"], name.split(".")[0], name.split(".", 2)[2]) for name, o in DOCUMENT["operations"].items()}
    declared = {("send", service, topic.name) for topic in topics.ALL for service in topic.producers}
    declared |= {("receive", service, topic.name) for topic in topics.ALL for service in topic.consumers}
    assert said == declared


def test_nothing_that_crosses_links_comes_back_to_a_tier_where_it_was() -> None:
    """Send every linked record from every tier wherever the rules let it go."""
    crossing = {peer: {rule.record for lane in lanes.values() for rule in lane} for peer, lanes in links.RULES.items()}

    def travel(record: type[Record], at: int, came_from: str, been: tuple[int, ...]) -> None:
        assert at not in been, f"{record.FULL_NAME} comes back to {TIERS[at]}"
        if came_from in PASSED_ON["upper"] and record in crossing["upper"] and at > 0:
            travel(record, at - 1, "lower", (*been, at))
        if came_from in PASSED_ON["lower"] and record in crossing["lower"] and at < len(TIERS) - 1:
            travel(record, at + 1, "upper", (*been, at))

    for record in {record for records in crossing.values() for record in records}:
        for start in range(len(TIERS)):
            travel(record, start, "own", ())


def test_no_evidence_leaves_its_tier() -> None:
    rules = [rule for lanes in links.RULES.values() for lane in lanes.values() for rule in lane]
    assert rules
    assert all(rule.record in rule.topic.records and rule.topic.kind != "evidence" for rule in rules)


class Reported(Record, frozen=True):
    """A record as one is generated."""

    severity: int | None
    colour: str = "RED"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("severity", at_most=2), True),
        (Condition("severity", at_most=1), False),
        (Condition("severity", at_least=2, at_most=3), True),
        (Condition("severity", at_least=3), False),
        (Condition("colour", one_of=("RED", "ORANGE")), True),
        (Condition("colour", one_of=("BLUE",)), False),
    ],
)
def test_conditions_of_link_rules(condition: Condition, holds: bool) -> None:
    assert condition.holds(Reported(2)) is holds
    if condition.field == "severity":
        assert condition.holds(Reported(None)) is False


def test_every_direction_between_two_nodes_has_topics_of_its_own() -> None:
    up = egress_topic("community", "990101001", "990101", "P0")
    assert up == "community.linkage.egress-990101001-990101-p0.v1"
    assert up.startswith(f"community.{egress_prefix()}")
    assert egress_topic("district", "990101", "990101001", "P0", "drill-7").startswith("drill-7.district.")
    named = {egress_topic("community", node, "990101", "P0") for node in ("990101001", "990101002")}
    assert len(named) == 2
