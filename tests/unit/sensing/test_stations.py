"""The TCP side of the gateway, driven without a network: what each kind of input leads to."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from cityframes import sl651
from liandong_contracts.common import Quality
from liandong_contracts.sensing import RejectReason
from sensing_service.gateway.stations import Limits, StationConnection, StationServer

from tests.unit.frames.samples import TIMED, broken
from tests.unit.sensing.town import MINUTE, NOW, ListSink, gauge, intake, rain_gauge


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, host: str = "192.0.2.7") -> None:
        super().__init__({"peername": (host, 40_001)})
        self.written: list[bytes] = []
        self.closed = self.paused = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Station:
    """One connected station."""

    def __init__(self, sink: ListSink, limits: Limits | None = None) -> None:
        self.sink = sink
        self.server = StationServer(intake(sink), limits or Limits())
        self.wire, self.connection = self.dial()

    def dial(self, host: str = "192.0.2.7") -> tuple[Wire, StationConnection]:
        wire, connection = Wire(host), StationConnection(self.server)
        connection.connection_made(wire)
        return wire, connection

    async def sends(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.connection.data_received(piece)
        await asyncio.sleep(0)  # lets callbacks of acknowledgements run


def depth(metres: float, *, minutes: float = 0, serial: int = 1, station: str = "9901010001") -> bytes:
    observed = NOW + timedelta(minutes=minutes)
    body = sl651.report_body(serial, observed, station, 0x4F, [(observed, [(0x39, metres), (0x38, 12.1)])])
    return sl651.uplink(station=station, function=0x32, body=body)


async def test_a_report_is_converted_published_and_confirmed() -> None:
    station = Station(ListSink())
    frame = depth(0.31)
    await station.sends(frame)
    (report,) = station.sink.reports
    assert (report.device_id, report.native_id, report.function_code) == ("WL01", "9901010001", "32")
    assert report.received_at == NOW
    (one,) = report.measurements  # the supply voltage is not registered
    assert (one.metric, one.value, one.unit, one.observed_at, one.quality) == (
        "water_depth", 31.0, "cm", NOW, Quality.GOOD,
    )  # fmt: skip
    sent = sl651.decode(frame)
    assert isinstance(sent, sl651.Frame)
    assert station.wire.written == [sl651.confirm(sent, NOW)]
    publication = station.sink.sent[0]
    assert publication.traceparent is not None
    assert publication.traceparent.endswith("01")
    assert publication.area_code == "990101001"


async def test_no_confirmation_before_kafka_has_it() -> None:
    station = Station(ListSink(instant=False))
    await station.sends(depth(0.31))
    assert station.wire.written == []
    station.sink.acknowledge()
    await asyncio.sleep(0)
    assert len(station.wire.written) == 1


async def test_no_confirmation_when_kafka_refuses() -> None:
    station = Station(ListSink(instant=False))
    await station.sends(depth(0.31))
    station.sink.acknowledge(error="too large")
    await asyncio.sleep(0)
    assert station.wire.written == []


async def test_a_frame_sent_again_is_confirmed_again_but_not_published_again() -> None:
    station = Station(ListSink())
    await station.sends(depth(0.31), depth(0.31), depth(0.31, serial=2))
    first, other = [one for one in station.sink.sent if one.record in station.sink.reports]
    assert first.event_id != other.event_id
    assert len(station.wire.written) == 3
    (repeat,) = station.sink.rejections
    assert (repeat.reason, repeat.metric, repeat.observed_at) == (RejectReason.DUPLICATE, "water_depth", NOW)


async def test_a_frame_sent_again_has_the_same_id_in_another_process() -> None:
    one, other = Station(ListSink()), Station(ListSink())
    await one.sends(depth(0.31))
    await other.sends(depth(0.31))
    assert one.sink.sent[0].event_id == other.sink.sent[0].event_id


async def test_a_frame_sent_again_too_early_waits_for_the_same_acknowledgement() -> None:
    station = Station(ListSink(instant=False))
    await station.sends(depth(0.31), depth(0.31))
    assert len(station.sink.reports) == 1
    assert station.wire.written == []
    station.sink.acknowledge()
    await asyncio.sleep(0)
    assert len(station.wire.written) == 2


async def test_a_frame_that_kafka_refused_may_come_again() -> None:
    station = Station(ListSink(instant=False))
    await station.sends(depth(0.31))
    station.sink.acknowledge(error="too large")
    await asyncio.sleep(0)
    await station.sends(depth(0.31))
    assert len(station.sink.reports) == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (broken(depth(0.2)), RejectReason.BAD_CHECKSUM),
        (depth(0.2)[:12] + b"\x10" + depth(0.2)[13:], RejectReason.BAD_LENGTH),
        (depth(0.2)[:30], RejectReason.BAD_LENGTH),
        (b"\x00\xff~~garbage~" * 9, RejectReason.UNDECODABLE),
        (b"Z" * (10 << 20), RejectReason.UNDECODABLE),
        (depth(0.2, station="9901019999"), RejectReason.UNKNOWN_DEVICE),
        (depth(0.2, minutes=6), RejectReason.FUTURE_TIME),
        (sl651.uplink(station="9901010001", function=0x32, body=b"\x00\x01nonsense"), RejectReason.UNDECODABLE),
        (TIMED, RejectReason.UNKNOWN_DEVICE),
    ],
    ids=["checksum", "length", "half", "garbage", "10 MB", "unknown", "future", "body", "foreign"],
)
async def test_bad_input_is_refused_with_its_bytes_and_the_next_good_frame_is_taken(
    bad: bytes, reason: RejectReason
) -> None:
    station = Station(ListSink())
    await station.sends(bad, depth(0.31))
    assert {one.reason for one in station.sink.rejections} == {reason}
    rejection = station.sink.rejections[0]
    assert rejection.detail
    assert rejection.transport == "tcp:192.0.2.7:40001"
    assert bad.startswith(rejection.raw)
    assert len(rejection.raw) == min(len(bad), 4096)
    assert len(station.sink.reports) == 1
    assert len(station.wire.written) == 1, "only the good frame is confirmed"
    assert not station.wire.closed


async def test_a_damaged_frame_names_its_station() -> None:
    station = Station(ListSink())
    await station.sends(broken(depth(0.2)))
    assert station.sink.rejections[0].native_id == "9901010001"
    assert station.sink.rejections[0].device_id == "WL01"


async def test_a_station_cannot_speak_for_another() -> None:
    station = Station(ListSink())
    body = sl651.report_body(1, NOW, "9901010101", 0x50, [(NOW, [(0x22, 1.0)])])
    await station.sends(sl651.uplink(station="9901010001", function=0x32, body=body))
    assert station.sink.reports == []
    assert "speaks for" in station.sink.rejections[0].detail


async def test_the_hours_rain_comes_as_twelve_measurements() -> None:
    station = Station(ListSink())
    rain = [0.0, 0.5, None, *[1.0] * 9]
    body = sl651.report_body(1, NOW, "9901010101", 0x50, [(NOW - 55 * MINUTE, [(0xF4, rain)])])
    await station.sends(sl651.uplink(station="9901010101", function=0x34, body=body))
    (report,) = station.sink.reports
    assert [one.observed_at for one in report.measurements] == [NOW - (55 - 5 * at) * MINUTE for at in range(12)]
    assert [one.value for one in report.measurements] == rain
    assert report.measurements[2].quality is Quality.DEVICE_FAULT
    assert {one.metric for one in report.measurements} == {"rain_5min"}
    assert station.sink.sent[0].time == NOW


async def test_values_outside_the_instrument_are_flagged() -> None:
    station = Station(ListSink())
    await station.sends(depth(4.0), depth(-0.5, serial=2))
    assert [one.measurements[0].quality for one in station.sink.reports] == [Quality.OVER_RANGE] * 2


async def test_a_heartbeat_is_a_sign_of_life_without_answer() -> None:
    station = Station(ListSink())
    await station.sends(sl651.uplink(station="9901010001", function=0x2F, body=sl651.link_body(1, NOW)))
    (report,) = station.sink.reports
    assert report.measurements == ()
    assert station.wire.written == []


async def test_more_packets_are_asked_for_and_pictures_are_not_confirmed() -> None:
    station = Station(ListSink())
    head = sl651.report_body(1, NOW, "9901010001", 0x4F, [(NOW, [])]) + b"\xf3\xf3" + bytes(300)
    for number, part in enumerate((head[:200], head[200:]), 1):
        end = sl651.End.ETB if number == 1 else sl651.End.ETX
        place = sl651.Packet(2, number)
        await station.sends(sl651.uplink(station="9901010001", function=0x36, body=part, end=end, packet=place))
    assert len(station.sink.reports) == 1
    assert station.wire.written == []
    single = sl651.decode(depth(0.3))
    assert isinstance(single, sl651.Frame)
    more = sl651.uplink(station="9901010001", function=0x32, body=single.body, end=sl651.End.ETB)
    await station.sends(more)
    answer = sl651.decode(station.wire.written[0])
    assert isinstance(answer, sl651.Frame)
    assert answer.end is sl651.End.ACK


async def test_too_many_connections_are_closed_at_once() -> None:
    station = Station(ListSink(), Limits(connections=3, per_source=2))
    assert not station.dial()[0].closed
    assert station.dial()[0].closed, "the third of one address"
    assert not station.dial("192.0.2.8")[0].closed
    assert station.dial("192.0.2.9")[0].closed, "the fourth of all"
    station.connection.connection_lost(None)
    assert not station.dial("192.0.2.9")[0].closed


async def test_only_allowed_networks_may_connect() -> None:
    server = StationServer(intake(ListSink()), Limits(), allow=["192.0.2.0/28"])
    for host, admitted in (("192.0.2.7", True), ("192.0.2.77", False), ("?", False)):
        wire, connection = Wire(host), StationConnection(server)
        connection.connection_made(wire)
        assert wire.closed is not admitted
    with pytest.raises(ValueError, match="network"):
        StationServer(intake(ListSink()), Limits(), allow=["nowhere"])


async def test_time_limits() -> None:
    station = Station(ListSink(), Limits(frame_s=15, idle_s=600, proof_s=60))
    now = asyncio.get_running_loop().time()
    await station.sends(depth(0.2)[:25])
    station.connection.check(now + 5)
    assert station.sink.rejections == []
    station.connection.check(now + 16)
    assert [one.reason for one in station.sink.rejections] == [RejectReason.BAD_LENGTH]
    station.connection.check(now + 61)
    assert station.wire.closed, "no good frame within the first minute"
    other = Station(ListSink())
    await other.sends(depth(0.2), b"\r\n")
    other.connection.check(now + 4)
    assert [one.reason for one in other.sink.rejections] == [RejectReason.UNDECODABLE]
    other.connection.check(now + 599)
    assert not other.wire.closed
    other.connection.check(now + 601)
    assert other.wire.closed, "idle"


async def test_unfinished_bytes_are_reported_when_the_station_hangs_up() -> None:
    station = Station(ListSink())
    await station.sends(depth(0.2)[:25])
    station.connection.connection_lost(None)
    assert [one.reason for one in station.sink.rejections] == [RejectReason.BAD_LENGTH]
    assert station.server.connections == set()


async def test_reading_pauses_while_kafka_has_no_room() -> None:
    station = Station(ListSink(instant=False, limit=2))
    await station.sends(depth(0.1), depth(0.2, serial=2))
    assert station.wire.paused
    station.sink.acknowledge()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not station.wire.paused
    assert len(station.wire.written) == 2


async def test_a_flood_of_frames_has_to_wait() -> None:
    station = Station(ListSink(), Limits(frames_per_s=1_000, burst=5))
    await station.sends(b"".join(depth(0.1, serial=at) for at in range(1, 20)))
    assert station.wire.paused
    assert len(station.wire.written) == 19, "what has come is taken"
    async with asyncio.timeout(5):
        while station.wire.paused:
            await asyncio.sleep(0.005)


def test_retired_devices_are_unknown() -> None:
    from liandong_contracts.common import Protocol
    from liandong_contracts.sensing import DeviceStatus
    from sensing_service.gateway.registry import Registry

    registry = Registry([gauge(status=DeviceStatus.RETIRED), rain_gauge()])
    assert registry.find(Protocol.SL651, "9901010001") is None
    assert registry.find(Protocol.SL651, "9901010101") is not None
    assert registry.get("WL01") is not None
