"""From a decoded report to events on Kafka: `DeviceReport` for what is taken, `ReadingRejected` for what is refused.

It knows no transport. Every refusal is published with its reason and bytes, and counted.
"""

import asyncio
import itertools
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from liandong.clock import Clock
from liandong.edge.producer import Publication
from liandong.event import iso
from liandong.ids import event_id
from liandong.telemetry.tracing import Tracing
from liandong_contracts import topics
from liandong_contracts.common import Protocol
from liandong_contracts.sensing import DeviceReport, ReadingRejected, RejectReason

from sensing_service.domain.intake import Device, Sample, ahead, measurements_of
from sensing_service.gateway.alarms import DeviceAlarms, Signal
from sensing_service.gateway.recent import Recent
from sensing_service.gateway.registry import Registry
from sensing_service.gateway.sink import Sink
from sensing_service.metrics import FRAMES, REJECTED

log = logging.getLogger(__name__)

MAX_RAW = 65_536
UNKNOWN_SENDER = "unknown"
_TAKEN = {protocol: FRAMES.labels(protocol.value) for protocol in Protocol}


class Arrival(NamedTuple):
    """Where a report came from and what it was made of."""

    protocol: Protocol
    native_id: str
    transport: str
    raw: bytes
    function_code: str = ""


class Refusal(NamedTuple):
    """Why a report is not taken."""

    reason: RejectReason
    detail: str
    device_id: str | None = None
    metric: str | None = None
    observed_at: datetime | None = None


class Intake:
    """Takes decoded reports of any protocol."""

    def __init__(self, registry: Registry, sink: Sink, clock: Clock, tracing: Tracing, area_code: str) -> None:
        self.registry = registry
        self.sink = sink
        self.clock = clock
        self._tracing = tracing
        self._area_code = area_code
        self._refused = itertools.count()
        self._recent = Recent()
        self._alarms = DeviceAlarms(sink, clock)

    def take(
        self, arrival: Arrival, samples: Sequence[Sample], observed_at: datetime
    ) -> "asyncio.Future[None] | Refusal":
        """Check a report and send it; the future resolves when Kafka has it.

        `observed_at` names the report among those of the device; a report without values is a sign of life.
        """
        _TAKEN[arrival.protocol].inc()
        now = self.clock.now()
        device = self.registry.find(arrival.protocol, arrival.native_id)
        if device is None:
            return Refusal(RejectReason.UNKNOWN_DEVICE, f"no device is registered as {arrival.native_id}")
        early = ahead(samples, now)
        if early is not None:
            text = f"observed {early.total_seconds():.0f} s ahead of the platform's clock ({iso(now)})"
            return Refusal(RejectReason.FUTURE_TIME, text, device.state.device_id)
        return self._send(arrival, device, samples, observed_at, now)

    def signal(
        self, arrival: Arrival, signals: Sequence[Signal], taken: "asyncio.Future[None] | Refusal"
    ) -> "list[asyncio.Future[None]]":
        """Publish the alarms that a device reports itself; the futures resolve when Kafka has them.

        A report that is refused brings none, but for one whose clock runs ahead: that must not hold up an alarm.
        """
        if not signals or (isinstance(taken, Refusal) and taken.reason is not RejectReason.FUTURE_TIME):
            return []
        device = self.registry.find(arrival.protocol, arrival.native_id)
        return [] if device is None else self._alarms.report(device, signals)

    def _send(
        self, arrival: Arrival, device: Device, samples: Sequence[Sample], observed_at: datetime, now: datetime
    ) -> "asyncio.Future[None]":
        state = device.state
        frame_ref = blake2b(arrival.raw, digest_size=16).hexdigest()
        cause = event_id(f"{state.device_id}|{iso(observed_at)}|{frame_ref}", DeviceReport.FULL_NAME, 0)
        report = DeviceReport(
            device_id=state.device_id,
            native_id=arrival.native_id,
            protocol=arrival.protocol,
            function_code=arrival.function_code,
            received_at=now,
            measurements=measurements_of(device, samples, now),
            frame_ref=frame_ref,
            area_code=state.area_code,
        )
        known = f"{cause}|{state.version}"  # after a change of its registration a report may say more
        sent = self._recent.find(known)
        if sent is not None:
            self._repeated(arrival, report)
            return sent
        with self._tracing.root("sensing-gateway receive", cause) as step:
            step.note(device_id=state.device_id, protocol=arrival.protocol.value, transport=arrival.transport)
            times = [one.observed_at for one in report.measurements if one.value is not None]
            publication = Publication(
                topic=topics.SENSING_REPORT,
                record=report,
                event_id=cause,
                time=max(times).astimezone(UTC) if times else now,
                area_code=state.area_code,
                traceparent=step.traceparent,
            )
            sent = self.sink.send(publication)
        self._recent.note(known, sent)
        return sent

    def _repeated(self, arrival: Arrival, report: DeviceReport) -> None:
        """Count every value of a report that is already on its way to the judge or with it."""
        for one in report.measurements:
            text = f"frame {report.frame_ref} came again"
            self.refuse(arrival, Refusal(RejectReason.DUPLICATE, text, report.device_id, one.metric, one.observed_at))

    def refuse(self, arrival: Arrival, refusal: Refusal) -> "asyncio.Future[None]":
        """Publish and count a refusal; the future resolves when Kafka has it. Failures are logged, never raised."""
        REJECTED.labels(refusal.reason.value).inc()
        now = self.clock.now()
        native_id = arrival.native_id or UNKNOWN_SENDER
        device_id = refusal.device_id
        if device_id is None and (known := self.registry.find(arrival.protocol, native_id)) is not None:
            device_id = known.state.device_id
        record = ReadingRejected(
            native_id=native_id,
            device_id=device_id,
            reason=refusal.reason,
            detail=refusal.detail,
            raw=arrival.raw[:MAX_RAW],
            transport=arrival.transport,
            received_at=now,
            metric=refusal.metric,
            observed_at=refusal.observed_at,
        )
        cause = f"{arrival.transport}|{iso(now)}|{next(self._refused)}"
        publication = Publication(
            topic=topics.SENSING_REJECTED,
            record=record,
            event_id=event_id(cause, ReadingRejected.FULL_NAME, 0),
            time=now,
            area_code=self._area_code,
        )
        future = self.sink.send(publication)
        future.add_done_callback(_log_failure)
        return future


def _log_failure(future: "asyncio.Future[None]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("a refusal could not be published: %s", error)
