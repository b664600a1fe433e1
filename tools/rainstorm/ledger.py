"""What the topics of the world have shown, and what that proves: counts, order, losses, doubles, latencies.

The ledger only reads events; it never asks a service what it thinks has happened.
"""

from collections import Counter, defaultdict
from datetime import datetime
from typing import TypeVar

import msgspec
from liandong.event import Event
from liandong_contracts import topics
from liandong_contracts.base import Record
from liandong_contracts.dispatch import CaseOpened, ReportAttached, ReportReceived
from liandong_contracts.emergency import (
    NoticeUnanswered,
    ResponseProposed,
    TaskAcknowledged,
    TaskAssigned,
)
from liandong_contracts.flood import WaterloggingDetected, WaterloggingUpdated
from liandong_contracts.sensing import (
    AlarmRaised,
    DeviceReport,
    ReadingObserved,
)

R = TypeVar("R", bound=Record)
_STATE_TOPICS = tuple(topic.wire("", "") for topic in topics.ALL if topic.kind == "state")  # versions, not counts
Sent = tuple[str, datetime]  # device and time of observation


class Figures(msgspec.Struct):
    """The summary that the demo prints as its last line."""

    reports: int
    readings: int
    warnings: int
    proposals: int
    tasks: int
    confirmed: int
    escalated: int
    cases: int
    lost: int
    doubled: int
    p50_ms: float | None
    p99_ms: float | None
    trace_complete: bool


class Ledger:
    """Everything seen on the topics, in the order of each key.

    One thread takes events, others read: what is iterated here is copied first.
    """

    def __init__(self) -> None:
        self.seen: dict[type[Record], list[Event[Record]]] = defaultdict(list)
        self.sent: dict[Sent, float] = {}  # confirmed by the gateway -> real time at which the last byte left
        self.latencies_ms: list[float] = []
        self.problems: list[str] = []
        self._ids: set[tuple[str, str]] = set()
        self._sequences: dict[tuple[str, str], int] = {}
        self._measured: Counter[tuple[str, datetime, str]] = Counter()
        self._sources: dict[str, Sent] = {}  # id of a device report -> what it reported
        self._lost = self._doubled = 0

    def take(self, event: Event[Record], at: float) -> None:
        """Note one event read from its topic at real time `at` (seconds)."""
        if (event.topic, event.id) in self._ids:
            if isinstance(event.data, DeviceReport):
                return  # the edge delivers at least once; its id makes the judge drop the second
            self._double(f"{event.type} {event.id} twice on {event.topic}")
            return
        self._ids.add((event.topic, event.id))
        self._order(event)
        self.seen[type(event.data)].append(event)
        if isinstance(event.data, ReadingObserved):
            self._count(event.data)
        elif isinstance(event.data, DeviceReport):
            self._sources[event.id] = (event.data.device_id, max(one.observed_at for one in event.data.measurements))
        self._time(event, at)

    def _order(self, event: Event[Record]) -> None:
        if event.sequence is None:
            return
        key = (event.topic, event.key)
        last = self._sequences.get(key, 0)
        if event.sequence <= last:
            self._double(f"{event.topic} {event.key}: sequence {event.sequence} after {last}")
        elif event.sequence > last + 1 and not event.topic.endswith(_STATE_TOPICS):
            self._lose(f"{event.topic} {event.key}: sequence {event.sequence} after {last}")
        self._sequences[key] = max(last, event.sequence)

    def _count(self, data: ReadingObserved) -> None:
        for one in data.measurements:
            self._measured[data.device_id, one.observed_at, one.metric] += 1
            if self._measured[data.device_id, one.observed_at, one.metric] > 1:
                self._double(f"reading {data.device_id} {one.metric} {one.observed_at:%H:%M} counted twice")

    def _time(self, event: Event[Record], at: float) -> None:
        data = event.data
        sent: Sent | None = None
        if isinstance(data, AlarmRaised):
            sent = self._sources.get(event.causation_id or "")
        elif isinstance(data, WaterloggingDetected):
            sent = (data.source_id, data.at)
        elif isinstance(data, WaterloggingUpdated) and event.time == data.at:
            sent = next(
                (key for key in list(self.sent) if key[1] == data.at and key[0] in self._gauges(data.spot_id)), None
            )
        if sent in self.sent:
            self.latencies_ms.append((at - self.sent[sent]) * 1000)

    def _gauges(self, spot_id: str) -> set[str]:
        detected = self.of(WaterloggingDetected)
        return {event.data.source_id for event in detected if event.data.spot_id == spot_id}

    def of(self, record: type[R]) -> list[Event[R]]:
        """Return the events of one type in the order they were read."""
        return self.seen.get(record, [])  # type: ignore[return-value]  # keyed by the record's own type

    def _lose(self, text: str) -> None:
        self._lost += 1
        self.problems.append(f"lost: {text}")

    def _double(self, text: str) -> None:
        self._doubled += 1
        self.problems.append(f"doubled: {text}")

    @property
    def lost(self) -> int:
        """Return how many gaps were found, and how many confirmed reports never became a reading."""
        return self._lost + len(self.unread())

    @property
    def doubled(self) -> int:
        """Return how many events, readings or effects came twice."""
        return self._doubled + len(self.double_effects())

    def unread(self) -> list[Sent]:
        """Return the reports which the gateway confirmed and nobody ever saw as a reading."""
        read = {(device, observed) for device, observed, _ in list(self._measured)}
        return [sent for sent in list(self.sent) if sent not in read]

    def double_effects(self) -> list[str]:
        """Return what must happen once and happened twice: a spot opened, a case for it, a task given or confirmed."""
        once: list[str] = [
            *(f"case for spot {event.data.spot_id}" for event in self.of(CaseOpened) if event.data.spot_id),
            *(f"task {event.data.task_id} assigned" for event in self.of(TaskAssigned)),
            *(f"task {event.data.task_id} confirmed" for event in self.of(TaskAcknowledged)),
            *(f"report {event.data.report_id} attached" for event in self.of(ReportAttached)),
            *(f"report {event.data.report_id} received" for event in self.of(ReportReceived)),
        ]
        return [what for what, count in Counter(once).items() if count > 1]

    def escalated(self) -> set[str]:
        """Return the notices that moved on to another person."""
        return {event.data.notice_id for event in self.of(NoticeUnanswered) if event.data.next_person}

    def figures(self, *, trace_complete: bool) -> Figures:
        """Return the summary of the night."""
        ordered = sorted(self.latencies_ms)
        return Figures(
            reports=len(self.of(DeviceReport)),
            readings=len(self.of(ReadingObserved)),
            warnings=len(self.of(AlarmRaised)) + len(self.of(WaterloggingDetected)) + len(self.of(WaterloggingUpdated)),
            proposals=len(self.of(ResponseProposed)),
            tasks=len(self.of(TaskAssigned)),
            confirmed=len({event.data.task_id for event in self.of(TaskAcknowledged)}),
            escalated=len(self.escalated()),
            cases=len(self.of(CaseOpened)),
            lost=self.lost,
            doubled=self.doubled,
            p50_ms=_percentile(ordered, 0.50),
            p99_ms=_percentile(ordered, 0.99),
            trace_complete=trace_complete,
        )


def _percentile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None
