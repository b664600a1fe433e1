"""The other device protocols on the gateway, without a network: whose values they become, and how they are answered."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cityframes import gb26875, hj212, szy206
from liandong_contracts.common import DeviceKind, Protocol, Quality
from liandong_contracts.sensing import DeviceState, DeviceStatus, MetricSpec, RejectReason
from sensing_service.gateway.dialects import Dialect, Gb26875, Hj212, Options, Sl651, Szy206
from sensing_service.gateway.stations import Limits, StationConnection, StationServer

from tests.unit.sensing.test_stations import Wire, depth
from tests.unit.sensing.town import NOW, ListSink, intake

MN, METER, PANEL = "0123456789ABCDEF01234567", "9901010201", "0000000003E7"
COMPONENT = "3.1.2.40.1-2.3"


def device(device_id: str, protocol: Protocol, native_id: str, **sources: str) -> DeviceState:
    """Return a fictional device; `sources`: metric -> name in the protocol."""
    metrics = tuple(MetricSpec(metric=metric, unit="1", source=source) for metric, source in sources.items())
    return DeviceState(
        device_id=device_id, name="示例设备", kind=DeviceKind.FLOW, protocol=protocol, native_id=native_id,
        metrics=metrics, owner_dept="示例水务局", area_code="990101", report_interval_s=60, status=DeviceStatus.ACTIVE,
        version=1,
    )  # fmt: skip


DEVICES = [
    device("WQ01", Protocol.HJ212, MN, cod="w01018-Rtd", ammonia="w21003-Rtd"),
    device("FM01", Protocol.SZY206, METER, flow="3.flow.1", volume="3.volume.1"),
    device("FP01", Protocol.GB26875, PANEL, temperature=COMPONENT, state="21"),
]


class Caller:
    """One connected device."""

    def __init__(
        self, dialect: Callable[[Options], Dialect], *, tolerate: str = "", password: str = "", instant: bool = True
    ) -> None:
        self.sink = ListSink(instant=instant)
        options = Options(tolerate, password)
        self.server = StationServer(intake(self.sink, *DEVICES), Limits(), partial(dialect, options))
        self.wire, self.connection = Wire(), StationConnection(self.server)
        self.connection.connection_made(self.wire)

    async def sends(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.connection.data_received(piece)
        for _ in range(3):  # lets callbacks of acknowledgements run
            await asyncio.sleep(0)

    def values(self) -> list[dict[str, float | None]]:
        return [{one.metric: one.value for one in report.measurements} for report in self.sink.reports]

    def reasons(self) -> list[RejectReason]:
        return [one.reason for one in self.sink.rejections]


def packet(cp: str = "", **changes: Any) -> bytes:
    given = {"st": "32", "cn": "2011", "mn": MN, "qn": "20310720120000000", "flag": 5, **changes}
    return hj212.build(cp=cp or f"DataTime={hj212.stamp(NOW)};w01018-Rtd=12.5,w01018-Flag=M;w21003-Rtd=0.5", **given)


def meter(**changes: Any) -> bytes:
    label = szy206.TimeLabel(day=20, hour=11, minute=59, second=0, delay=0)
    return szy206.self_report(**{"station": METER, "function": 3, "values": [1.5, 300], "time": label, **changes})


def panel(kind: int, *items: gb26875.Item, command: int = 2, source: int = 999) -> bytes:
    data = gb26875.data(kind, items)
    return gb26875.build(command=command, data=data, serial=7, at=NOW, source=source, destination=1)


HOT = gb26875.Item(system=1, address=2, component=40, place=gb26875.Place(1, 2), analog=3, value=800, time=NOW)


async def test_hj212_data_are_answered_once_kafka_has_them() -> None:
    caller = Caller(Hj212, instant=False)
    await caller.sends(packet())
    assert caller.values() == [{"cod": 12.5, "ammonia": 0.5}]
    assert [one.quality for one in caller.sink.reports[0].measurements] == [Quality.MAINTENANCE, Quality.GOOD]
    assert caller.wire.written == []
    caller.sink.acknowledge()
    await asyncio.sleep(0)
    sent = hj212.decode(packet())
    assert isinstance(sent, hj212.Frame)
    assert caller.wire.written == [hj212.confirm(sent)]
    await caller.sends(packet(flag=4, qn="20310720120001000"), packet(cn="9012", cp="ExeRtn=1"))
    caller.sink.acknowledge()
    await asyncio.sleep(0)
    assert len(caller.wire.written) == 1, "nobody waits for the others"


async def test_hj212_refusals() -> None:
    caller = Caller(Hj212, password="654321")
    good = packet(pw="654321")
    await caller.sends(packet(pw="123456"), good[:-3] + b"F\r\n", packet(pw="654321", mn=MN[::-1]), packet(cn="9014"))
    assert caller.reasons() == [
        RejectReason.UNKNOWN_DEVICE, RejectReason.BAD_CHECKSUM, RejectReason.UNKNOWN_DEVICE, RejectReason.UNDECODABLE,
    ]  # fmt: skip
    await caller.sends(good[:40], good[40:])
    assert len(caller.wire.written) == 1


async def test_hj212_modbus_check_sums_by_setting() -> None:
    strict, tolerant = Caller(Hj212), Caller(Hj212, tolerate="modbus_crc")
    await strict.sends(packet(modbus=True))
    await tolerant.sends(packet(modbus=True))
    assert (strict.reasons(), len(tolerant.sink.reports)) == ([RejectReason.BAD_CHECKSUM], 1)
    with pytest.raises(ValueError, match="no tolerance of hj212"):
        Hj212(Options(tolerate="everything"))


async def test_szy206_reports_and_link_checks_are_acknowledged() -> None:
    caller = Caller(Szy206)
    await caller.sends(meter())
    assert caller.values() == [{"flow": 1.5, "volume": 300.0}]
    assert caller.sink.reports[0].measurements[0].observed_at == NOW - timedelta(minutes=1)
    sent = szy206.decode(meter())
    assert isinstance(sent, szy206.Frame)
    assert caller.wire.written == [szy206.confirm(sent)]
    await caller.sends(szy206.build(uplink=True, function=0, station=METER, afn=2, data=b"\xf2"))
    assert len(caller.wire.written) == 2
    assert caller.values()[1] == {}
    await caller.sends(szy206.query(station=METER, function=3), meter(station="9901019999"))
    assert caller.reasons() == [RejectReason.UNDECODABLE, RejectReason.UNKNOWN_DEVICE]


async def test_szy206_split_pictures_arrive_as_one_sign_of_life() -> None:
    caller = Caller(Szy206)
    for number in (3, 2, 1):
        await caller.sends(szy206.build(uplink=True, function=0, station=METER, afn=0x61, data=bytes(900), divs=number))
    assert len(caller.sink.reports) == 1


async def test_gb26875_data_are_confirmed() -> None:
    caller = Caller(Gb26875)
    await caller.sends(panel(3, HOT), panel(21, gb26875.Item(status=8, time=NOW)))
    assert caller.values() == [{"temperature": 80.0}, {"state": 8.0}]
    assert caller.sink.reports[1].measurements[0].native_flag == "main_power_fault"
    answers = [gb26875.decode(raw) for raw in caller.wire.written]
    assert [(one.command, one.serial, one.destination) for one in answers if isinstance(one, gb26875.Frame)] == [
        (3, 7, 999), (3, 7, 999),
    ]  # fmt: skip
    await caller.sends(
        panel(91, gb26875.Item(minutes=10), command=1), panel(3, HOT, source=5), panel(3, HOT)[:-1] + b"$"
    )
    await caller.sends(panel(3, HOT))
    assert caller.reasons()[:3] == [RejectReason.UNDECODABLE, RejectReason.UNKNOWN_DEVICE, RejectReason.BAD_LENGTH]


async def test_sl651_passwords() -> None:
    caller = Caller(Sl651, password="4321")
    await caller.sends(depth(0.2))
    assert caller.reasons() == [RejectReason.UNKNOWN_DEVICE]
    assert "password" in caller.sink.rejections[0].detail


def detector(status: int, *, minutes: int = 0, text: str = "一层走廊") -> bytes:
    at = NOW + timedelta(minutes=minutes)
    return panel(2, gb26875.Item(1, 2, 42, gb26875.Place(3, 4), status, text=text, time=at))


def alarms(caller: Caller) -> list[tuple[str, bool]]:
    return [(one.alarm_kind.value, one.raised) for one in caller.sink.alarms]


async def test_a_panel_reports_what_begins_and_what_ends_once() -> None:
    caller = Caller(Gb26875)
    await caller.sends(detector(0b1), detector(0b11, minutes=1), detector(0b11, minutes=2), detector(0b111, minutes=3))
    assert alarms(caller) == [("FIRE", True), ("FAULT", True)]
    fire = caller.sink.alarms[0]
    assert (fire.device_id, fire.component, fire.zone, fire.desc, fire.bits) == (
        "FP01", "1.2.42.3-4", "3", "一层走廊", "0003",
    )  # fmt: skip
    assert fire.reported_at == NOW + timedelta(minutes=1)
    await caller.sends(detector(0b101, minutes=4), detector(0b1, minutes=4))
    assert alarms(caller)[2:] == [("FIRE", False), ("FAULT", False)]
    assert len(caller.wire.written) == 6


async def test_an_alarm_is_confirmed_only_when_kafka_has_it_too() -> None:
    caller = Caller(Gb26875, instant=False)
    await caller.sends(detector(0b11))
    caller.sink.open.pop(0).set_result(None)  # the report
    await asyncio.sleep(0)
    assert caller.wire.written == []
    caller.sink.acknowledge(error="too large")
    for _ in range(3):
        await asyncio.sleep(0)
    assert caller.wire.written == []
    await caller.sends(detector(0b11))
    caller.sink.acknowledge()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(caller.wire.written) == 1
    assert [one.raised for one in caller.sink.alarms] == [True, True], "it was not remembered as sent"
    first, again = [one.event_id for one in caller.sink.sent if one.record in caller.sink.alarms]
    assert first == again


async def test_a_clock_ahead_does_not_hold_up_an_alarm_and_strangers_raise_none() -> None:
    caller = Caller(Gb26875)
    fire = gb26875.Item(1, 2, 42, gb26875.Place(3, 4), 3, text="", time=NOW)
    await caller.sends(detector(0b11, minutes=60), panel(2, fire, source=5))
    assert caller.reasons() == [RejectReason.FUTURE_TIME, RejectReason.UNKNOWN_DEVICE]
    assert alarms(caller) == [("FIRE", True)]
    assert caller.sink.alarms[0].reported_at == NOW


async def test_alarm_words_of_terminals() -> None:
    caller = Caller(Szy206)
    await caller.sends(meter(alarm=0b101), meter(alarm=0b100, values=[1.5, 301]))
    assert alarms(caller) == [("LIMIT", True), ("POWER", True), ("POWER", False)]
