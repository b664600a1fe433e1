"""Events: once, in order, all or nothing."""

from datetime import timedelta

import pytest
from liandong import ids
from liandong.testing.workflow import START, WorkflowHarness
from liandong.workflow.processor import TooManyFailures
from liandong_contracts import topics
from liandong_contracts.emergency import TaskAssigned
from liandong_contracts.sensing import DeviceCameOnline

from tests.support import workflow_sample as sample

WIRE = "district.emergency.proposal.v1"


def came_online(device: str = "dev-1") -> DeviceCameOnline:
    return DeviceCameOnline(device_id=device, offline_s=60, backlog_readings=0, at=START)


def test_event_and_output(harness: WorkflowHarness) -> None:
    out = harness.put(
        topics.EMERGENCY_PROPOSAL, sample.proposal(), event_id="p-1", area_code="990101", correlation_id="c-1"
    )
    (event,) = out
    assert isinstance(event.data, TaskAssigned)
    assert event.id == ids.event_id("p-1", TaskAssigned.FULL_NAME, 0)
    assert (event.causation_id, event.correlation_id, event.area_code) == ("p-1", "c-1", "990101")
    assert (event.source, event.sequence, event.key) == ("/990101/emergency", 1, event.data.task_id)
    assert event.topic == "district.emergency.task.v1"
    (row,) = harness.rows(sample.tasks)
    assert row.due_at == START + timedelta(minutes=10)


def test_sequence_counts_per_key(harness: WorkflowHarness) -> None:
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    harness.advance(timedelta(minutes=25))
    assert [event.sequence for event in harness.published] == [1, 2, 3]
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    assert harness.published[-1].sequence == 1


def test_redelivery_changes_nothing(harness: WorkflowHarness) -> None:
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    assert harness.redeliver() == []
    assert harness.redeliver(new_offset=True) == []  # fenced by its id: a request has no sequence
    assert harness.rows(sample.proposals)[0].seen == 1


def test_old_sequence_changes_nothing(harness: WorkflowHarness) -> None:
    harness.put(topics.SENSING_DEVICE, came_online(), sequence=3)
    harness.put(topics.SENSING_DEVICE, came_online(), sequence=2)
    harness.redeliver(new_offset=True)
    harness.put(topics.SENSING_DEVICE, came_online("dev-2"), sequence=1)
    harness.put(topics.SENSING_DEVICE, came_online(), sequence=4)
    assert {row.device_id: row.online for row in harness.rows(sample.devices)} == {"dev-1": 2, "dev-2": 1}


@pytest.mark.parametrize("crash", ["crash_before_commit", "crash_after_commit"])
def test_crash_loses_and_doubles_nothing(harness: WorkflowHarness, crash: str) -> None:
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    getattr(harness, crash)()
    out = harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())
    assert len(out) == 1
    assert harness.rows(sample.proposals)[0].seen == 2
    assert len(harness.rows(sample.tasks)) == len(harness.timers) == 2


def test_bad_bytes_go_to_dead_letters_and_the_next_event_lives(harness: WorkflowHarness) -> None:
    headers = [("ce_type", b"liandong.emergency.ResponseProposed"), ("x-odd", b"\xff\xfe")]
    harness.put_raw(WIRE, b"k", b"\x00garbage", headers)
    (dead,) = harness.dead_letters
    assert (dead.reason, dead.value, dead.key) == ("UNKNOWN_SCHEMA", b"\x00garbage", b"k")
    assert dead.headers["x-odd"] == b"\xff\xfe"
    assert (dead.headers["dl_topic"], dead.headers["dl_offset"]) == (WIRE.encode(), b"0")
    assert dead.headers["dl_service"] == b"emergency"
    assert len(harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal())) == 1


def test_missing_envelope_is_a_dead_letter(harness: WorkflowHarness) -> None:
    value = harness.codec.encode(WIRE, sample.proposal())
    harness.put_raw(WIRE, b"k", value, [])
    assert harness.dead_letters[0].reason == "BAD_ENVELOPE"


def test_type_without_handler_is_skipped_undecoded(harness: WorkflowHarness) -> None:
    harness.put_raw("district.sensing.device.v1", b"k", b"\xff", [("ce_type", b"liandong.sensing.DeviceWentOffline")])
    assert (harness.dead_letters, harness.published) == ([], [])


def test_handler_that_fails_is_a_dead_letter_without_traces(harness: WorkflowHarness) -> None:
    harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal("BROKEN"))
    assert harness.dead_letters[0].reason == "HANDLER_FAILED"
    assert "a bug in the handler" in harness.dead_letters[0].error
    assert (list(harness.rows(sample.proposals)), harness.timers, harness.published) == ([], [], [])


def test_many_failures_stop_the_service(harness: WorkflowHarness) -> None:
    for _ in range(99):
        harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal("BROKEN"))
    with pytest.raises(TooManyFailures):
        harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal("BROKEN"))
    assert len(harness.dead_letters) == 99


def test_same_input_gives_the_same_output(harness: WorkflowHarness) -> None:
    other = WorkflowHarness(sample.service)
    for one in (harness, other):
        sample.service.attach(one)
        one.put(topics.EMERGENCY_PROPOSAL, sample.proposal(), event_id="p-1")
        one.advance(timedelta(minutes=30))
    assert [event.id for event in harness.published] == [event.id for event in other.published]
    assert harness.published[0].data == other.published[0].data
