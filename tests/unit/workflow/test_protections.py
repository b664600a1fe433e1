"""Each protection of the engine switched off in turn: the test that is meant for it must fail.

What only real Kafka shows (the relay's mark, fencing by epoch) is in the integration tests.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from liandong.testing.workflow import WorkflowHarness
from liandong.workflow import inbox, parked, tables
from liandong.workflow.dlq import ParkedLetters
from liandong.workflow.inbox import Inbox
from liandong.workflow.processor import Processor
from liandong.workflow.steps import CommandStep, TimerStep
from liandong.workflow.unit import Unit

from tests.support import workflow_sample as sample
from tests.unit.workflow import test_commands, test_events, test_groups, test_parked, test_recover

Off = Callable[[pytest.MonkeyPatch], None]
WIRE = test_groups.WIRE


def no_compare_and_set(patch: pytest.MonkeyPatch) -> None:
    t = tables.inbox.c
    where = (t.topic == sa.bindparam("t"), t.partition == sa.bindparam("p"), sa.bindparam("old", type_=sa.Integer) >= 0)
    patch.setattr(inbox, "_ADVANCE", sa.update(tables.inbox).where(*where).values(next=sa.bindparam("new")))


def no_links(patch: pytest.MonkeyPatch) -> None:
    inner = Inbox.accept
    patch.setattr(Inbox, "accept", lambda s, group: inner(s, [msgspec.structs.replace(d, previous=0) for d in group]))


def no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Unit, "passes", lambda *_: True)


def no_savepoints(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Processor, "_guarded", staticmethod(Processor._plain))


def no_undo(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Unit, "undo", lambda *_: None)


def no_autoincrement(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(tables.outbox.dialect_options["sqlite"]._non_defaults, "autoincrement", False)


def no_memory_of_requests(patch: pytest.MonkeyPatch) -> None:
    inner = CommandStep.run

    def run(step: CommandStep, unit: Unit) -> None:
        unit.connection.execute(sa.delete(tables.command))
        inner(step, unit)

    patch.setattr(CommandStep, "run", run)


def no_claim(patch: pytest.MonkeyPatch) -> None:
    inner = TimerStep.run

    def run(step: TimerStep, unit: Unit) -> None:
        unit.timers.pop((step.timer.kind, step.timer.key), None)
        inner(step, unit)

    patch.setattr(TimerStep, "run", run)


def no_waiting_behind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parked, "load", lambda *_: None)


def no_memory_of_published(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Unit, "is_out", lambda *_: False)


def grouped(test: Callable[..., None]) -> Callable[[], None]:
    """Return a test of groups with what its fixtures would give it."""

    def run() -> None:
        harness = WorkflowHarness(sample.service)
        harness._processor.open([(WIRE, 0)])
        delivery = test_groups.delivery.__wrapped__(harness)  # type: ignore[attr-defined]
        known = {"harness": harness, "processor": harness._processor, "delivery": delivery}
        names = test.__code__.co_varnames[: test.__code__.co_argcount]
        test(**{name: known[name] for name in names})

    return run


def on_sample(test: Callable[..., None], **more: Any) -> Callable[[], None]:
    return lambda: test(WorkflowHarness(sample.service), **more)


def asked_twice() -> None:
    harness = WorkflowHarness(sample.service)
    (event,) = harness.put(test_commands.topics.EMERGENCY_PROPOSAL, sample.proposal())  # type: ignore[attr-defined]
    test_commands.test_same_request_acts_once(harness, event.key, None)


def on_parked(test: Callable[..., None]) -> Callable[[], None]:
    def run() -> None:
        harness = WorkflowHarness(test_parked.service)
        try:
            test(harness, ParkedLetters("emergency", harness.database, harness.clock))
        finally:
            test_parked.bugs.clear()

    return run


CASES: list[tuple[Off, Callable[[], None]]] = [
    (no_compare_and_set, grouped(test_groups.test_zombie_is_fenced)),
    (no_links, grouped(test_groups.test_gap_is_refused_and_says_where_to_go_back)),
    (no_fence, on_sample(test_events.test_old_sequence_changes_nothing)),
    (no_savepoints, grouped(test_groups.test_poison_in_a_group_spares_its_neighbours)),
    (no_undo, grouped(test_groups.test_poison_leaves_no_fence_behind)),
    (no_autoincrement, grouped(test_groups.test_ids_are_not_given_again_after_cleaning)),
    (no_memory_of_requests, asked_twice),
    (no_claim, grouped(test_groups.test_command_cancels_a_timer_that_is_due_in_the_same_group)),
    (no_waiting_behind, on_parked(test_parked.test_later_events_of_a_dead_lettered_key_wait_for_the_replay)),
    (no_memory_of_published, test_recover.test_what_is_handled_again_is_not_published_again),
]


@pytest.mark.parametrize(("off", "directed"), CASES, ids=[off.__name__ for off, _ in CASES])
def test_protection_is_needed(off: Off, directed: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    directed()
    off(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, RuntimeError, sa.exc.SQLAlchemyError)):
        directed()
