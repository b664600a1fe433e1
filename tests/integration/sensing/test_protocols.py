"""HJ 212, SZY 206 and GB/T 26875.3 devices on real sockets: confirmed after Kafka, bad frames do not hurt good ones."""

import socket
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from cityframes import FrameError, gb26875, hj212, szy206
from cityframes.bcd import SHANGHAI
from cityframes.framing import Framer
from liandong.clock import real_now
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong_contracts.sensing import DeviceAlarmKind, DeviceAlarmReported, DeviceReport, ReadingRejected, RejectReason

from tests.integration.sensing.processes import HOST, Process
from tests.support.events import Events

DEVICES = """device_id,name,model,native_id,area_code,owner_dept,object_id
WQ01,示例排污口,quality,0123456789ABCDEF01234567,990101001,示例水务局,
FM01,示例取水口,meter,9901010201,990101001,示例水务局,
FP01,示例消防主机,panel,0000000003E7,990101001,示例消防站,
"""
MODELS = """
models:
  quality:
    kind: WATER_QUALITY
    protocol: HJ212
    report_interval_s: 600
    metrics:
      - {metric: cod, unit: mg/L, source: w01018-Rtd, lo: 0}
  meter:
    kind: FLOW
    protocol: SZY206
    report_interval_s: 600
    metrics:
      - {metric: flow, unit: m3/s, source: 3.flow.1, lo: 0}
      - {metric: volume, unit: m3, source: 3.volume.1, lo: 0}
  panel:
    kind: FIRE_PANEL
    protocol: GB26875
    report_interval_s: 60
    metrics:
      - {metric: device_status, unit: "1", source: "21"}
"""
MN, METER, PANEL = "0123456789ABCDEF01234567", "9901010201", 0x3E7


@pytest.fixture
def gateway(world_settings: Settings, tmp_path: Path) -> Iterator[Process]:
    """Run a gateway that knows one device of each protocol."""
    (tmp_path / "devices.csv").write_text(DEVICES, encoding="utf-8")
    (tmp_path / "device-models.yaml").write_text(MODELS, encoding="utf-8")
    process = Process("gateway", world_settings, tmp_path)
    process.start()
    yield process
    process.stop()


class Caller:
    """One device on a real socket. `answer` returns the next good frame, None in silence."""

    def __init__(self, port: int, framer: "Framer[hj212.Frame] | Framer[szy206.Frame] | Framer[gb26875.Frame]") -> None:
        self._socket = socket.create_connection((HOST, port), 10)
        self._framer = framer
        self._answers: list[bytes] = []

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self, seconds: float = 10) -> bytes | None:
        self._socket.settimeout(seconds)
        while not self._answers:
            try:
                data = self._socket.recv(4096)
            except (TimeoutError, ConnectionError):
                return None
            if not data:
                return None
            self._answers += [one.raw for one in self._framer.feed(data) if not isinstance(one, FrameError)]
        return self._answers.pop(0)


def now() -> datetime:
    return real_now().astimezone(SHANGHAI).replace(microsecond=0)


def quality(value: str, qn: int = 0) -> bytes:
    at = now()
    cp = hj212.data(at, [("w01018", "Rtd", Decimal(value), "N")])
    return hj212.build(st="32", cn="2011", mn=MN, qn=f"{hj212.stamp(at)}{qn:03d}", flag=5, cp=cp)


def meter(volume: int) -> bytes:
    at = now()
    label = szy206.TimeLabel(at.day, at.hour, at.minute, at.second, 0)
    return szy206.self_report(station=METER, function=3, values=[Decimal("1.250"), volume], time=label)


def panel(status: int, serial: int) -> bytes:
    at = now()
    data = gb26875.data(21, [gb26875.Item(status=status, time=at)])
    return gb26875.build(command=2, data=data, serial=serial, at=at, source=PANEL, destination=1)


def test_each_protocol_is_confirmed_with_its_own_answer(gateway: Process, events: Events) -> None:
    water = Caller(gateway.hj212, hj212.Framer())
    sent = quality("12.50")
    water.send(sent[:30])
    water.send(sent[30:])
    answer = hj212.decode(water.answer() or b"")
    assert isinstance(answer, hj212.Frame)
    assert (answer.cn, answer.st, answer.qn, answer.mn) == ("9014", "91", sent[9:26].decode(), MN)
    flow = Caller(gateway.szy206, szy206.Framer())
    flow.send(meter(300))
    acknowledged = szy206.decode(flow.answer() or b"")
    assert isinstance(acknowledged, szy206.Frame)
    assert (acknowledged.uplink, acknowledged.station, acknowledged.afn) == (False, METER, 0xC0)
    fire = Caller(gateway.gb26875, gb26875.Framer())
    fire.send(panel(8, 4711))
    confirmed = gb26875.decode(fire.answer() or b"")
    assert isinstance(confirmed, gb26875.Frame)
    assert (confirmed.command, confirmed.serial, confirmed.destination) == (3, 4711, PANEL)
    reports = [event.data for event in events.until("three reports", DeviceReport, 3)]
    found = {report.device_id: [(one.metric, one.value) for one in report.measurements] for report in reports}
    assert found == {
        "WQ01": [("cod", 12.5)],
        "FM01": [("flow", 1.25), ("volume", 300.0)],
        "FP01": [("device_status", 8.0)],
    }
    (alarm,) = events.until("the panel's power alarm", DeviceAlarmReported, 1)
    assert (alarm.data.device_id, alarm.data.alarm_kind, alarm.data.raised) == ("FP01", DeviceAlarmKind.POWER, True)


def test_bad_frames_are_refused_and_the_next_good_one_is_taken(gateway: Process, events: Events) -> None:
    callers = [
        (Caller(gateway.hj212, hj212.Framer()), [quality(f"{at}.5", at) for at in range(1, 4)]),
        (Caller(gateway.szy206, szy206.Framer()), [meter(at) for at in range(1, 4)]),
        (Caller(gateway.gb26875, gb26875.Framer()), [panel(at, at) for at in range(1, 4)]),
    ]
    for caller, (first, second, third) in callers:
        flipped = bytearray(first)
        flipped[len(first) // 2] ^= 1
        for bad, good in ((bytes(flipped), first), (b"no frame at all", second), (first[: len(first) // 2], third)):
            caller.send(bad)
            caller.send(good)
            assert caller.answer() is not None, bad
    reasons = {event.data.reason for event in events.until("the refusals", ReadingRejected, 9)}
    assert reasons == {RejectReason.BAD_CHECKSUM, RejectReason.UNDECODABLE, RejectReason.BAD_LENGTH}
    events.until("every good frame", DeviceReport, 9)


def test_no_broker_no_answer_and_nothing_lost(gateway: Process, events: Events, kafka: KafkaForTests) -> None:
    water = Caller(gateway.hj212, hj212.Framer())
    water.send(quality("1.5", 1))
    assert water.answer() is not None
    kafka.hold_broker()
    try:
        water.send(quality("2.5", 2))
        assert water.answer(3) is None, "not answered while Kafka is away"
    finally:
        kafka.start_broker()
    assert water.answer(60) is not None
    values = [event.data.measurements[0].value for event in events.until("both reports", DeviceReport, 2)]
    assert values == [1.5, 2.5]
