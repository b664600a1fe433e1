"""Topics have one owner and one home per record, seen through what services import."""

from collections import Counter

import pytest
from liandong_contracts import common, topics
from liandong_contracts.base import Topic
from liandong_contracts.records import RECORDS


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.name)
def test_only_the_owner_writes_facts_states_and_evidence(topic: Topic) -> None:
    assert topic.name.startswith(f"{topic.owner}.")
    if topic.kind == "request":
        assert topic.owner in topic.consumers
    else:
        assert topic.producers == (topic.owner,)
    if topic.kind == "evidence":
        assert topic.consumers == (topic.owner,)
    if topic.kind == "state":
        assert len(topic.records) == 1
        assert topic.config()["cleanup.policy"] == "compact"


def test_a_record_belongs_to_one_topic() -> None:
    homes = Counter(record for topic in topics.ALL for record in topic.records)
    assert {record.__name__ for record, count in homes.items() if count > 1} == {"RulePublished"}
    assert set(homes) <= set(RECORDS.values())


def test_every_owner_of_rules_tells_them_in_a_state_topic_of_its_own() -> None:
    told = [topic for topic in topics.ALL if common.RulePublished in topic.records]
    assert {topic.name for topic in told} == {f"{topic.owner}.rule" for topic in told}
    assert all(topic.kind == "state" and topic.records == (common.RulePublished,) for topic in told)


def test_names_and_constants_agree() -> None:
    names = [topic.name for topic in topics.ALL]
    assert names == sorted(set(names))
    for topic in topics.ALL:
        assert getattr(topics, topic.name.replace(".", "_").replace("-", "_").upper()) is topic


def test_inputs_that_share_a_state_have_equal_partitions() -> None:
    """Spots are judged from evidence alone, areas from area evidence and warnings asked for."""
    assert topics.FLOOD_AREA_EVIDENCE.partitions == topics.FLOOD_REQUEST.partitions
    assert topics.SENSING_REPORT.partitions == topics.SENSING_READING.partitions == topics.SENSING_DEVICE.partitions


def test_wire_names() -> None:
    assert topics.SENSING_READING.wire("district") == "district.sensing.reading.v1"
    assert topics.SENSING_READING.wire("district", "demo-1a2b") == "demo-1a2b.district.sensing.reading.v1"
