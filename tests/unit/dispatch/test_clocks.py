"""Clocks of a case: limits by urgency and class, warning, breach, stop; urgency that comes later."""

from datetime import datetime, timedelta

import pytest
from dispatch_service.tables import case
from liandong_contracts.dispatch import CaseClockBreached, CaseClockWarned, CaseClosed, ClockKind, Urgency
from liandong_contracts.flood import SpotKind, SpotLevel

from tests.support.dispatch_desk import MORNING, Desk


def due(desk: Desk) -> dict[ClockKind, timedelta]:
    return {clock.clock: clock.due_at - MORNING for clock in desk.opened[0].clocks}


def times(desk: Desk, record: type[CaseClockWarned] | type[CaseClockBreached]) -> list[tuple[ClockKind, datetime]]:
    return [(event.data.clock, event.time) for event in desk.harness.of(record)]


def test_standing_water_has_four_working_hours() -> None:
    desk = Desk()
    desk.detect()
    assert desk.opened[0].urgency is Urgency.NORMAL
    assert due(desk) == {ClockKind.DISPOSE: timedelta(hours=6)}  # 10–12 and 14–16


def test_without_handler_the_dispatch_clock_runs() -> None:
    desk = Desk(emergency=False)
    desk.report("有人被困在积水里")
    desk.harness.advance(timedelta(seconds=10))
    assert desk.opened[0].urgency is Urgency.URGENT
    assert due(desk) == {ClockKind.DISPATCH: timedelta(minutes=30), ClockKind.DISPOSE: timedelta(hours=4)}
    normal = Desk(emergency=False)
    normal.report()
    normal.harness.advance(timedelta(seconds=10))
    assert due(normal)[ClockKind.DISPATCH] == timedelta(hours=2)


@pytest.mark.parametrize(
    ("kind", "level", "urgency"),
    [
        (SpotKind.UNDERPASS, SpotLevel.L3, Urgency.URGENT),
        (SpotKind.UNDERPASS, SpotLevel.L4, Urgency.URGENT),
        (SpotKind.UNDERPASS, SpotLevel.L2, Urgency.NORMAL),
        (SpotKind.ROAD, SpotLevel.L3, Urgency.NORMAL),
    ],
)
def test_a_deep_underpass_is_urgent(kind: SpotKind, level: SpotLevel, urgency: Urgency) -> None:
    desk = Desk()
    desk.detect(kind=kind, level=level)
    assert desk.opened[0].urgency is urgency


@pytest.mark.parametrize(("prop", "days"), [("CONSULT", 2), ("HELP", 10), ("COMPLAINT", 15), ("OTHER", 15)])
def test_other_matters_have_the_limit_of_their_property(prop: str, days: int) -> None:
    desk = Desk()
    desk.report("咨询办事流程", prop=prop)
    weeks, rest = divmod(days, 5)
    assert due(desk)[ClockKind.DISPOSE] == timedelta(days=7 * weeks + rest)


def test_a_clock_warns_at_80_percent_and_then_runs_out_once() -> None:
    desk = Desk()
    desk.detect(level=SpotLevel.L3)
    desk.harness.advance(timedelta(days=2))
    assert times(desk, CaseClockWarned) == [(ClockKind.DISPOSE, MORNING + timedelta(hours=3, minutes=12))]
    assert times(desk, CaseClockBreached) == [(ClockKind.DISPOSE, MORNING + timedelta(hours=4))]
    desk.clear()
    assert not desk.harness.of(CaseClosed)[0].data.on_time


def test_a_closed_case_has_no_clock() -> None:
    desk = Desk()
    desk.detect()
    desk.harness.advance(timedelta(hours=5, minutes=15))
    desk.close(desk.opened[0].case_id)
    desk.harness.advance(timedelta(days=2))
    assert len(desk.harness.of(CaseClockWarned)) == 1
    assert desk.harness.of(CaseClockBreached) == []
    assert desk.harness.of(CaseClosed)[0].data.on_time


def test_clocks_survive_a_restart() -> None:
    desk = Desk()
    desk.detect(level=SpotLevel.L3)
    desk.harness.advance(timedelta(hours=3))
    desk.harness.restart()
    desk.harness.advance(timedelta(hours=3))
    assert times(desk, CaseClockWarned) == [(ClockKind.DISPOSE, MORNING + timedelta(hours=3, minutes=12))]
    assert times(desk, CaseClockBreached) == [(ClockKind.DISPOSE, MORNING + timedelta(hours=4))]


@pytest.mark.parametrize("by", ["report", "level"])
def test_a_case_that_becomes_urgent_has_the_shorter_limit_from_then_on(by: str) -> None:
    desk = Desk()
    desk.detect()
    desk.harness.advance(timedelta(hours=1))
    if by == "report":
        desk.report("积水，有人被困")
    else:
        desk.update(SpotLevel.L4)
    assert desk.harness.rows(case)[0].urgency == "URGENT"
    desk.harness.advance(timedelta(days=1))
    assert times(desk, CaseClockBreached) == [(ClockKind.DISPOSE, MORNING + timedelta(hours=5))]


def test_a_limit_never_becomes_longer() -> None:
    desk = Desk()
    desk.detect()
    desk.harness.advance(timedelta(hours=5))
    desk.update(SpotLevel.L3)
    desk.harness.advance(timedelta(days=1))
    assert times(desk, CaseClockBreached) == [(ClockKind.DISPOSE, MORNING + timedelta(hours=6))]


def test_a_report_waited_for_its_spot_and_the_clock_did_not() -> None:
    desk = Desk(flood=False)
    desk.report("积水，有人被困")
    desk.harness.advance(timedelta(seconds=10))
    assert desk.opened[0].opened_at == MORNING + timedelta(seconds=10)
    assert due(desk)[ClockKind.DISPOSE] == timedelta(hours=4)
