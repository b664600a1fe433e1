"""Events that come too early, and keys that wait behind a dead letter."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from liandong.errors import ConfigError, DecodeError
from liandong.event import Event
from liandong.testing.workflow import START, WorkflowHarness
from liandong.workflow import TooEarly, Work, WorkflowService, WorkflowSettings, tables
from liandong.workflow.dlq import ParkedLetters
from liandong_contracts import topics
from liandong_contracts.sensing import AlarmRaised, DeviceCameOnline

metadata = sa.MetaData()
devices = sa.Table("device", metadata, sa.Column("id", sa.String, primary_key=True))
taken = sa.Table(
    "taken",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("what", sa.String, nullable=False),
)
service = WorkflowService("emergency", tables=metadata)
bugs: set[str] = set()


@service.on(topics.SENSING_ALARM, AlarmRaised)
def raised(event: Event[AlarmRaised], work: Work) -> None:
    """Needs its device; the topic parks behind dead letters."""
    work.insert(taken, what=event.data.alarm_id)
    if event.data.alarm_id == "ours":
        raise DecodeError("BAD_NUMBER", "an error of the kit, raised by a handler")
    if event.data.alarm_id in bugs:
        raise RuntimeError("a bug")
    if work.one(devices, id=event.data.device_id) is None:
        raise TooEarly(f"no device {event.data.device_id}")


@service.on(topics.SENSING_DEVICE, DeviceCameOnline)
def online(event: Event[DeviceCameOnline], work: Work) -> None:
    """Makes a device known; this topic goes on behind dead letters."""
    if event.key in bugs:
        raise RuntimeError("a bug")
    work.upsert(devices, ["id"], id=event.key)


@pytest.fixture(autouse=True)
def _no_bugs() -> None:
    bugs.clear()


@pytest.fixture
def harness() -> WorkflowHarness:
    return WorkflowHarness(service)


@pytest.fixture
def letters(harness: WorkflowHarness) -> ParkedLetters:
    return ParkedLetters("emergency", harness.database, harness.clock)


def alarm_of(name: str, key: str = "k", device: str = "d") -> AlarmRaised:
    return AlarmRaised(
        alarm_key=key,
        alarm_id=name,
        episode=1,
        device_id=device,
        rule_id="rule",
        rule_version=1,
        severity=1,
        metric="depth",
        unit="cm",
        first_at=START,
    )


def device_of(name: str = "d") -> DeviceCameOnline:
    return DeviceCameOnline(device_id=name, offline_s=1, backlog_readings=0, at=START)


def alarm(harness: WorkflowHarness, name: str, key: str = "k", device: str = "d") -> None:
    harness.put(topics.SENSING_ALARM, alarm_of(name, key, device), event_id=f"e-{name}")


def device(harness: WorkflowHarness, name: str = "d") -> None:
    harness.put(topics.SENSING_DEVICE, device_of(name))


def order(harness: WorkflowHarness) -> list[str]:
    return [row.what for row in harness.rows(taken)]


def tick(harness: WorkflowHarness, seconds: float = 60) -> None:
    """Let time pass; the engine looks for orders twice a second."""
    harness._processor.start()
    harness.advance(timedelta(seconds=seconds))


def test_too_early_waits_and_keeps_the_order_of_its_key(harness: WorkflowHarness) -> None:
    for name in ("a", "b", "c"):
        alarm(harness, name)
    alarm(harness, "other", key="k2", device="d2")
    device(harness, "d2")
    tick(harness)
    assert order(harness) == ["other"]
    device(harness)
    alarm(harness, "d")
    tick(harness)
    assert order(harness) == ["other", "a", "b", "c", "d"]
    assert list(harness.rows(tables.parked)) == []
    assert harness.dead_letters == []


def test_too_early_is_soon_tried_again(harness: WorkflowHarness) -> None:
    alarm(harness, "a")
    device(harness)
    harness.advance(timedelta(seconds=0.3))
    assert order(harness) == ["a"]


def test_too_early_for_a_day_is_a_dead_letter(harness: WorkflowHarness, letters: ParkedLetters) -> None:
    alarm(harness, "a")
    alarm(harness, "b")
    tick(harness, 25 * 3600)
    assert [dead.reason for dead in harness.dead_letters] == ["TOO_EARLY"]
    assert [(one.record.reason, one.waiting) for one in letters.open()] == [("TOO_EARLY", 1)]


@pytest.mark.parametrize("crash", ["crash_before_commit", "crash_after_commit"])
def test_crash_while_parked_events_are_tried(harness: WorkflowHarness, crash: str) -> None:
    for name in ("a", "b"):
        alarm(harness, name)
    device(harness)
    getattr(harness, crash)()
    tick(harness)
    assert order(harness) == ["a", "b"]


def test_later_events_of_a_dead_lettered_key_wait_for_the_replay(
    harness: WorkflowHarness, letters: ParkedLetters
) -> None:
    device(harness)
    bugs.add("a")
    for name in ("a", "b", "c"):
        alarm(harness, name)
    alarm(harness, "other", key="k2")
    tick(harness, 25 * 3600)
    assert order(harness) == ["other"]
    (letter,) = letters.open()
    assert (letter.waiting, letter.record.reason, letter.error) == (2, "HANDLER_FAILED", "RuntimeError: a bug")
    letters.order([letter], replay=True)
    tick(harness)
    assert order(harness) == ["other"]
    assert letters.open()[0].record.attempts == 2
    assert len(harness.dead_letters) == 1
    bugs.clear()
    letters.order(letters.find([letter.name]), replay=True)
    tick(harness)
    assert order(harness) == ["other", "a", "b", "c"]
    assert letters.open() == []


def test_skipped_letter_lets_the_others_go_on(harness: WorkflowHarness, letters: ParkedLetters) -> None:
    device(harness)
    bugs.add("a")
    bugs.add("c")
    for name in ("a", "b", "c", "d"):
        alarm(harness, name)
    letters.order(letters.open(), replay=False)
    tick(harness)
    assert order(harness) == ["b"]
    assert [one.waiting for one in letters.open()] == [1]
    letters.order(letters.open(), replay=False)
    letters.order(letters.open(), replay=False)
    tick(harness)
    assert order(harness) == ["b", "d"]
    with pytest.raises(ConfigError, match="not an open dead letter"):
        letters.find(["x-0-0"])


def test_bad_bytes_hold_their_key_up_too(harness: WorkflowHarness, letters: ParkedLetters) -> None:
    device(harness)
    wire = topics.SENSING_ALARM.wire("district")
    harness.put_raw(wire, b"k", b"bad", [("ce_type", AlarmRaised.FULL_NAME.encode())])
    alarm(harness, "a")
    assert order(harness) == []
    letters.order(letters.open(), replay=True)
    tick(harness)
    assert order(harness) == []
    letters.order(letters.open(), replay=False)
    tick(harness)
    assert order(harness) == ["a"]


def test_topic_that_goes_on_keeps_the_letter_for_a_replay(harness: WorkflowHarness, letters: ParkedLetters) -> None:
    bugs.add("d")
    device(harness)
    first = letters.open()
    bugs.clear()
    device(harness)
    assert [row.id for row in harness.rows(devices)] == ["d"]
    letters.order(first, replay=True)
    tick(harness)
    assert letters.open() == []


def test_parked_event_that_comes_again_is_one_event(harness: WorkflowHarness) -> None:
    alarm(harness, "a")
    harness.redeliver(new_offset=True)
    alarm(harness, "b")
    harness.redeliver(new_offset=True)
    device(harness)
    tick(harness)
    harness.redeliver(new_offset=True)
    assert order(harness) == ["a", "b"]


def test_parked_events_survive_a_restart(harness: WorkflowHarness) -> None:
    alarm(harness, "a")
    harness.restart()
    alarm(harness, "b")
    device(harness)
    harness.restart()
    tick(harness)
    assert order(harness) == ["a", "b"]


def test_chain_longer_than_a_group(letters: ParkedLetters) -> None:
    harness = WorkflowHarness(service, settings=WorkflowSettings(workflow_group=3, trace_ratio=0))
    names = [f"{number:02d}" for number in range(10)]
    for name in names:
        alarm(harness, name)
    device(harness)
    tick(harness)
    assert order(harness) == names


def test_nothing_parked_costs_no_question(harness: WorkflowHarness, monkeypatch: Any) -> None:
    harness._processor.start()
    monkeypatch.setattr("liandong.workflow.parked.load", lambda *_: pytest.fail("asked"))
    device(harness)
    alarm(harness, "a")
    assert order(harness) == ["a"]


def test_error_of_the_kit_in_a_handler_is_a_dead_letter(harness: WorkflowHarness) -> None:
    alarm(harness, "ours")
    assert [dead.reason for dead in harness.dead_letters] == ["HANDLER_FAILED"]
