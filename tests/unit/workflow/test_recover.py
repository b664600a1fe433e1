"""A database that was restored from an older copy, once it knows again what Kafka holds."""

from datetime import timedelta

import sqlalchemy as sa
from liandong.testing.workflow import WorkflowHarness
from liandong.workflow import tables
from liandong_contracts import topics

from tests.support import workflow_sample as sample

AREAS = ("990101", "990102", "990103")


def play(harness: WorkflowHarness, *areas: str) -> None:
    for area in areas:
        harness.put(topics.EMERGENCY_PROPOSAL, sample.proposal(area=area), event_id=f"p-{area}")


def test_what_is_handled_again_is_not_published_again() -> None:
    before, after = WorkflowHarness(sample.service), WorkflowHarness(sample.service)
    play(before, *AREAS)
    before.advance(timedelta(minutes=12))
    play(after, AREAS[0])  # the copy knows the first only
    known = {event.id for event in after.published}
    forgotten = [event for event in before.published if event.id not in known]
    with after.database.writer.begin() as connection:
        connection.execute(tables.published.insert(), [{"event_id": event.id} for event in forgotten])
        after.database.raise_outbox(connection, 40)
        connection.execute(sa.delete(tables.sequence))
        connection.execute(tables.sequence.insert(), [dict(row._mapping) for row in before.rows(tables.sequence)])
    after.restart()
    play(after, *AREAS[1:])
    after.advance(timedelta(minutes=12))
    assert {event.id for event in after.published} == known
    assert after.rows(sample.tasks) == before.rows(sample.tasks)
    assert list(after.rows(tables.published)) == []
    assert after.rows(tables.sequence) == before.rows(tables.sequence)  # no number is given to what is out
    play(after, "990104")
    assert len(after.published) == len(known) + 1
    assert [row.id for row in after.rows(tables.outbox)][-1] == 41
