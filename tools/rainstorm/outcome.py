"""What must have been observed when the night is over. Each expectation is one sentence and a check on the ledger."""

from collections import Counter
from collections.abc import Callable

from liandong_contracts.common import Level, Quality
from liandong_contracts.dispatch import CaseOpened, ReportAttached, ReportReceived
from liandong_contracts.emergency import ResponseActivated, ResponseLevelChanged, TaskAcknowledged, TaskAssigned
from liandong_contracts.flood import WaterloggingDetected
from liandong_contracts.sensing import DeviceWentOffline, ReadingObserved, ReadingRejected, RejectReason

from tools.rainstorm.ledger import Ledger
from tools.rainstorm.scenario import Scenario

Check = Callable[[Ledger, Scenario], bool]


def _one_spot(ledger: Ledger, scenario: Scenario) -> bool:
    return [event.data.spot_id for event in ledger.of(WaterloggingDetected)] == [scenario.appeals.spot]


def _one_case(ledger: Ledger, scenario: Scenario) -> bool:
    return [event.data.spot_id for event in ledger.of(CaseOpened)] == [scenario.appeals.spot]


def _appeals_joined(ledger: Ledger, scenario: Scenario) -> bool:
    joined = {event.data.report_id for event in ledger.of(ReportAttached)}
    for opened in ledger.of(CaseOpened):
        joined.update(opened.data.report_ids)
    return len(joined) == len(ledger.of(ReportReceived)) == len(scenario.appeals.texts)


def _levels(ledger: Ledger, scenario: Scenario) -> bool:
    first = [event.data.level for event in ledger.of(ResponseActivated)]
    then = [(event.data.from_level, event.data.to_level) for event in ledger.of(ResponseLevelChanged)]
    return first == [Level.IV] and then == [(Level.IV, Level.III)]


def _all_confirmed(ledger: Ledger, scenario: Scenario) -> bool:
    tasks = {event.data.task_id for event in ledger.of(TaskAssigned)}
    return bool(tasks) and tasks == {event.data.task_id for event in ledger.of(TaskAcknowledged)}


def _silent_escalated(ledger: Ledger, scenario: Scenario) -> bool:
    silent = set(scenario.people.silent)
    theirs = [event for event in ledger.of(TaskAssigned) if event.data.assignee_person in silent]
    answered = {event.data.task_id: event.data.person_id for event in ledger.of(TaskAcknowledged)}
    return bool(theirs) and all(answered.get(event.data.task_id) not in {None, *silent} for event in theirs)


def _offline(ledger: Ledger, scenario: Scenario) -> bool:
    gone = {event.data.device_id for event in ledger.of(DeviceWentOffline)}
    return set(scenario.offline) <= gone


def _jump_suspected(ledger: Ledger, scenario: Scenario) -> bool:
    suspects = {
        event.data.device_id
        for event in ledger.of(ReadingObserved)
        for one in event.data.measurements
        if one.quality is Quality.SUSPECT
    }
    return set(scenario.jump) <= suspects


def _late_marked(ledger: Ledger, scenario: Scenario) -> bool:
    late = {event.data.device_id for event in ledger.of(ReadingObserved) for one in event.data.measurements if one.late}
    return set(scenario.late) <= late


def _bad_refused(ledger: Ledger, scenario: Scenario) -> bool:
    reasons = Counter(event.data.reason for event in ledger.of(ReadingRejected))
    wanted = Counter(bad.flaw for bad in scenario.bad_frames)
    return (
        reasons[RejectReason.BAD_CHECKSUM] >= wanted["checksum"]
        and reasons[RejectReason.UNKNOWN_DEVICE] == wanted["unknown_station"]
        and reasons[RejectReason.FUTURE_TIME] == wanted["future"]
    )


EXPECTATIONS: dict[str, Check] = {
    "one waterlogging spot, whatever the source": _one_spot,
    "one case for it": _one_case,
    "twelve appeals received, each joined to that case": _appeals_joined,
    "response IV activated, then raised to III": _levels,
    "every task confirmed by a person": _all_confirmed,
    "tasks of silent persons confirmed by somebody else": _silent_escalated,
    "the silent gauge is reported offline": _offline,
    "the jumping gauge is suspected, no flood": _jump_suspected,
    "the late station is recorded as late": _late_marked,
    "bad frames refused with their reasons": _bad_refused,
    "nothing lost": lambda ledger, scenario: ledger.lost == 0,
    "nothing doubled": lambda ledger, scenario: ledger.doubled == 0,
}


def judge(ledger: Ledger, scenario: Scenario) -> dict[str, bool]:
    """Return each expectation with whether it was observed."""
    return {text: check(ledger, scenario) for text, check in EXPECTATIONS.items()}
