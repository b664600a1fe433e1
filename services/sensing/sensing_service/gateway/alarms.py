"""What devices themselves report as alarm or fault: from the states in their frames to `DeviceAlarmReported`.

Devices send all their states again and again; only what begins and what ends is published. The memory of this process
says what is new: after a restart a state that still stands is reported as begun once more.
"""

import asyncio
import csv
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from importlib import resources
from typing import NamedTuple

from liandong.clock import Clock
from liandong.edge.producer import Publication
from liandong.event import iso
from liandong.ids import event_id
from liandong_contracts import topics
from liandong_contracts.sensing import DeviceAlarmKind, DeviceAlarmReported

from sensing_service.domain import policy
from sensing_service.domain.intake import Device
from sensing_service.gateway.sink import Sink

_MEMORY = 200_000  # parts of devices whose states are remembered


Part = tuple[str, str]  # device_id, component


class Signal(NamedTuple):
    """The states of one part of a device; `component` is empty for the device itself, `bits` are as sent."""

    component: str
    bits: str
    states: tuple[str, ...]
    reported_at: datetime | None = None
    zone: str | None = None
    desc: str = ""


def _kinds() -> dict[str, DeviceAlarmKind]:
    with (resources.files("sensing_service.gateway") / "device_alarms.csv").open(encoding="utf-8") as file:
        return {row["state"]: DeviceAlarmKind(row["kind"]) for row in csv.DictReader(file)}


KINDS = _kinds()


class DeviceAlarms:
    """Publishes what begins and what ends; `area_code` of an event is the device's."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink, self._clock = sink, clock
        self._active: dict[Part, frozenset[DeviceAlarmKind]] = {}
        self._pending: dict[Part, list[asyncio.Future[None]]] = {}

    def report(self, device: Device, signals: Iterable[Signal]) -> "list[asyncio.Future[None]]":
        """Publish the changes; the futures resolve when Kafka has them. What Kafka refuses is new once more."""
        sent: list[asyncio.Future[None]] = []
        for signal in signals:
            key = (device.state.device_id, signal.component)
            active = frozenset(KINDS[state] for state in signal.states if state in KINDS)
            before = self._active.get(key, frozenset())
            if active != before:
                futures = [self._publish(device, signal, kind, kind in active) for kind in sorted(active ^ before)]
                self._pending[key] = self._pending.get(key, []) + futures
                self._remember(key, active)
                for future in futures:
                    future.add_done_callback(partial(self._settled, key, before))
            sent += self._pending.get(key, ())
        return sent

    def _publish(self, device: Device, signal: Signal, kind: DeviceAlarmKind, raised: bool) -> "asyncio.Future[None]":
        state, now = device.state, self._clock.now()
        at = signal.reported_at or now
        if at > now + policy.FUTURE_TOLERANCE:  # a wrong clock must not hold up an alarm
            at = now
        cause = f"{state.device_id}|{signal.component}|{iso(at)}|{kind}|{raised}"
        record = DeviceAlarmReported(
            device_id=state.device_id, alarm_kind=kind, raised=raised, bits=signal.bits,
            component=signal.component or None, zone=signal.zone, desc=signal.desc, object_id=state.object_id,
            reported_at=at, received_at=now,
        )  # fmt: skip
        return self._sink.send(
            Publication(
                topic=topics.SENSING_DEVICE_ALARM,
                record=record,
                event_id=event_id(cause, DeviceAlarmReported.FULL_NAME, 0),
                time=at,
                area_code=state.area_code,
            )
        )

    def _remember(self, key: Part, active: frozenset[DeviceAlarmKind]) -> None:
        self._active.pop(key, None)
        if active:
            self._active[key] = active
        if len(self._active) > _MEMORY:
            del self._active[next(iter(self._active))]

    def _settled(self, key: Part, before: frozenset[DeviceAlarmKind], sent: "asyncio.Future[None]") -> None:
        left = [one for one in self._pending.get(key, ()) if one is not sent]
        if left:
            self._pending[key] = left
        else:
            self._pending.pop(key, None)
        if sent.cancelled() or sent.exception() is not None:
            self._remember(key, before)
