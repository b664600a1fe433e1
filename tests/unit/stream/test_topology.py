"""What a service may declare, and what belongs together."""

import pytest
from liandong.errors import ConfigError
from liandong.event import Event
from liandong.stream import Context, Due, Outcome, StreamService
from liandong.stream.topology import topology_of
from liandong_contracts.base import Topic

from .town import ONE, READING, SHARE, Area, Count, Reading, Share, Silent, make


def count(event: Event[Reading], state: Count | None, ctx: Context) -> Outcome[Count]:
    return Outcome()


def share(event: Event[Share], state: Count | None, ctx: Context) -> Outcome[Count]:
    return Outcome()


def quiet(due: Due, state: Count | None, ctx: Context) -> Outcome[Count]:
    return Outcome()


def test_topics_and_states_that_feed_each_other_are_one_group() -> None:
    groups = topology_of(make()).groups
    assert [([t.name for t in group.topics], [s.name for s in group.states]) for group in groups] == [
        (["town.reading"], ["count"]),
        (["town.share"], ["area"]),
    ]


def test_two_states_of_one_topic_are_one_group() -> None:
    town = StreamService("town")
    one, two = town.state(Count, name="one"), town.state(Count, name="two")
    town.on(READING, Reading, state=one)(count)
    town.on(READING, Reading, state=two)(count)
    (group,) = topology_of(town).groups
    assert [state.name for state in group.states] == ["one", "two"]
    plan = topology_of(town).plans["town.reading"]["town.Reading"]
    assert [step.table for step in plan.steps] == [0, 1]


def test_a_state_fed_by_topics_of_different_keys_is_refused() -> None:
    town = StreamService("town")
    counts = town.state(Count, name="count")
    town.on(READING, Reading, state=counts)(count)
    town.on(SHARE, Share, state=counts)(share)
    with pytest.raises(ConfigError, match=r"town.reading \(key meter\) and town.share \(key area\); re-key one"):
        topology_of(town)


def test_declarations_that_cannot_work_are_refused() -> None:
    town = StreamService("town")
    with pytest.raises(ConfigError, match="no handler is registered"):
        topology_of(town)
    counts = town.state(Count, name="count")
    with pytest.raises(ConfigError, match="declared twice"):
        town.state(Area, name="count")
    with pytest.raises(ConfigError, match="does not carry"):
        town.on(Topic("town.other", "fact", "town", ("meter",), (Silent,), ONE), Reading, state=counts)(count)
    town.on(READING, Reading, state=counts)(count)
    with pytest.raises(ConfigError, match="same record for one state"):
        town.on(READING, Reading, state=counts)(count)
    town.timer(counts, "quiet")(quiet)
    with pytest.raises(ConfigError, match="two handlers"):
        town.timer(counts, "quiet")(quiet)
    town.state(Area, name="idle")
    with pytest.raises(ConfigError, match="no handler feeds state 'idle'"):
        topology_of(town)


def test_a_timer_of_another_services_state_is_refused() -> None:
    town, other = StreamService("town"), StreamService("other")
    town.on(READING, Reading, state=town.state(Count, name="count"))(count)
    town.timer(other.state(Count, name="far"), "quiet")(quiet)
    with pytest.raises(ConfigError, match="of another service"):
        topology_of(town)
