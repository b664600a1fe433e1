"""SZY 206: published frames, values of every function both ways, split pictures."""

from datetime import datetime
from decimal import Decimal

import pytest
from cityframes import ErrorKind, FrameError, Quality, szy206
from cityframes.bcd import SHANGHAI
from cityframes.szy206.tables import FUNCTIONS
from cityframes.tolerances import defaults
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.frames import packets

STATION = "9901010001"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=SHANGHAI)


def frame_of(raw: bytes) -> szy206.Frame:
    found = szy206.decode(raw)
    assert isinstance(found, szy206.Frame), found
    return found


def message_of(raw: bytes, tolerances: frozenset[str] = defaults("szy206")) -> szy206.Message:
    found = szy206.read(frame_of(raw), tolerances, NOW)
    assert isinstance(found, szy206.Message), found
    return found


def test_meter_with_time_label() -> None:
    frame, message = frame_of(packets.METER), message_of(packets.METER)
    assert (frame.uplink, frame.function, frame.fcb, frame.station, frame.afn) == (True, 3, 3, "5303810D00", 0xC0)
    assert [(one.metric, str(one.value), one.unit, one.quality.value) for one in message.readings] == [
        ("flow", "5.900", "m3/s", "GOOD"),
        ("volume", "106182", "m3", "GOOD"),
    ]
    assert message.alarms == ("mains_lost", "water_left_low")
    assert message.time == szy206.TimeLabel(day=9, hour=8, minute=45, second=0, delay=10)
    assert message.observed_at == datetime(2026, 11, 9, 8, 45, tzinfo=SHANGHAI)
    hourly = message_of(packets.METER, defaults("szy206") | {"flow_per_hour"})
    assert hourly.readings[0].unit == "m3/h"


def test_meter_without_time_label_and_without_flow() -> None:
    message = message_of(packets.METER_ALONE)
    assert [(one.metric, one.value, one.quality) for one in message.readings] == [
        ("flow", None, Quality.DEVICE_FAULT),
        ("volume", Decimal(404000), Quality.GOOD),
    ]
    assert (message.alarm, message.state, message.time) == (0, 0x0101, None)
    assert message.readings[1].observed_at is None, "the frame has no time"


def test_the_published_frames_come_back_from_their_values() -> None:
    flow, volume = Decimal("5.900"), Decimal(106182)
    time = szy206.TimeLabel(9, 8, 45, 0, 10)
    assert (
        szy206.self_report(
            station="5303810D00", function=3, values=[flow, volume], alarm=0x1001, state=0x0060, time=time
        )
        == packets.METER
    )
    assert (
        szy206.self_report(station="4406070001", function=3, values=[None, 404000], state=0x0101) == packets.METER_ALONE
    )


def test_a_label_of_seven_bytes_has_its_own_month() -> None:
    """A published frame of the related standard, SL 427: velocity 44.555 m/s, 2026-05-12 14:15:30."""
    raw = bytes.fromhex("681568B40102030405C05545040020700030151412052600AD16")
    found = szy206.read(frame_of(raw))
    assert isinstance(found, szy206.Message)
    (one,) = found.readings
    assert (one.metric, str(one.value), one.unit) == ("velocity", "44.555", "m/s")
    assert one.observed_at == datetime(2026, 5, 12, 14, 15, 30, tzinfo=SHANGHAI)
    assert found.time is not None
    assert (found.alarm, found.state) == (0x2000, 0x0070)
    again = szy206.self_report(
        station="0102030405", function=4, values=[Decimal("44.555")], alarm=0x2000, state=0x0070, time=found.time
    )
    assert again == raw
    strict = szy206.read(frame_of(raw), defaults("szy206") - {"long_time_label"})
    assert isinstance(strict, szy206.Message)
    assert strict.readings[0].observed_at is None


def test_a_flow_says_its_unit_and_sign() -> None:
    def flow(top: str) -> tuple[str, str]:
        data = bytes.fromhex(f"00590000{top}0 0000000000 0000 0000")
        one = message_of(szy206.build(uplink=True, function=3, station=STATION, afn=0xC0, data=data)).readings[0]
        return str(one.value), one.unit

    assert [flow(top) for top in "03CF"] == [
        ("5.900", "m3/s"), ("5.900", "m3/h"), ("-5.900", "m3/s"), ("-5.900", "m3/h"),
    ]  # fmt: skip


def test_several_quantities_follow_the_byte_that_names_them() -> None:
    level, flow, soil = "45230100", "0059000000", "5502"
    raw = bytes.fromhex(f"62 {soil} {flow} {level} 0000 0000 004508090A")
    message = message_of(szy206.build(uplink=True, function=14, station=STATION, afn=0xC0, data=raw))
    assert [(one.element, str(one.value)) for one in message.readings] == [
        ("14.soil_moisture.1", "25.5"), ("14.flow.1", "5.900"), ("14.water_level.1", "12.345"),
    ]  # fmt: skip
    assert message.time is not None
    with_quality = bytes.fromhex(f"41 010203 {level} 0000 0000")
    message = message_of(szy206.build(uplink=True, function=14, station=STATION, afn=0xC0, data=with_quality))
    assert (message.readings, message.rest) == ((), with_quality[:-4])


def test_the_minus_sign_is_a_top_nibble() -> None:
    data = bytes.fromhex("450300F0 0000 0000")
    (one,) = message_of(szy206.build(uplink=True, function=2, station=STATION, afn=0xC0, data=data)).readings
    assert str(one.value) == "-0.345"


def test_a_month_back_and_the_day_after() -> None:
    label = szy206.TimeLabel(21, 9, 0, 0, 0)
    assert label.near(NOW) == datetime(2026, 11, 21, 9, 0, tzinfo=SHANGHAI), "a clock may be a day ahead"
    assert szy206.TimeLabel(30, 9, 0, 0, 0).near(NOW) == datetime(2026, 10, 30, 9, 0, tzinfo=SHANGHAI)


def test_meter_faults_manual_values_and_repair_reach_the_quality() -> None:
    def qualities(alarm: int = 0, state: int = 0, afn: int = 0xC0) -> list[str]:
        raw = szy206.self_report(station=STATION, function=3, values=[1, 2], alarm=alarm, state=state, afn=afn)
        return [one.quality.value for one in message_of(raw).readings]

    assert qualities(alarm=1 << 5) == ["DEVICE_FAULT", "DEVICE_FAULT"]
    assert qualities(alarm=1 << 3) == ["GOOD", "GOOD"]
    assert qualities(afn=0x82) == ["MANUAL", "MANUAL"]
    assert qualities(state=3) == ["MAINTENANCE", "MAINTENANCE"]


def test_alarm_report_begins_with_the_alarm_word() -> None:
    data = bytes.fromhex("0400 45230100 0000")
    message = message_of(szy206.build(uplink=True, function=2, station=STATION, afn=0x81, data=data))
    assert message.alarms == ("level_over_limit",)
    assert [(one.metric, str(one.value)) for one in message.readings] == [("water_level", "12.345")]


def test_link_checks_and_answers() -> None:
    raw = szy206.build(uplink=True, function=0, station=STATION, afn=0x02, data=b"\xf2")
    assert message_of(raw).link == "keep_alive"
    answer = frame_of(szy206.confirm(frame_of(raw)))
    assert (answer.uplink, answer.station, answer.afn, answer.data) == (False, STATION, 0x02, b"\x00")
    query = frame_of(szy206.query(station=STATION, function=2, password=b"\x12\x34"))
    assert (query.uplink, query.afn, query.data) == (False, 0xB0, b"\x12\x34")


def test_unpublished_layouts_keep_their_bytes() -> None:
    data = bytes.fromhex("010203040506 0000 0000")
    message = message_of(szy206.build(uplink=True, function=10, station=STATION, afn=0xC0, data=data))
    assert (message.rest, message.readings) == (bytes.fromhex("010203040506"), ())
    other = szy206.build(uplink=True, function=2, station=STATION, afn=0xB1, data=b"\x01")
    assert message_of(other).rest == b"\x01"


def test_kinds_of_damage() -> None:
    good = packets.METER

    def kind(raw: bytes) -> ErrorKind:
        found = szy206.decode(raw)
        assert isinstance(found, FrameError)
        return found.kind

    assert kind(good[:-2] + bytes([good[-2] ^ 1]) + b"\x16") is ErrorKind.BAD_CHECKSUM
    assert kind(good[:-1] + b"\x17") is ErrorKind.BAD_TAIL
    assert kind(good[:-1]) is ErrorKind.BAD_LENGTH
    assert kind(good[:1] + b"\x1b" + good[2:]) is ErrorKind.BAD_LENGTH
    assert kind(b"\x68\x03\x68\x00\x00\x16") is ErrorKind.BAD_LENGTH
    assert kind(good[1:]) is ErrorKind.UNDECODABLE
    assert kind(b"") is ErrorKind.UNDECODABLE
    digits = szy206.build(uplink=True, function=2, station=STATION, afn=0xC0, data=bytes.fromhex("0A0B0C0D 00000000"))
    found = szy206.read(frame_of(digits))
    assert isinstance(found, FrameError)
    odd = szy206.build(uplink=True, function=2, station=STATION, afn=0xC0, data=bytes.fromhex("452301 00000000"))
    assert isinstance(szy206.read(frame_of(odd), defaults("szy206") - {"extra_values"}), FrameError)
    assert message_of(odd).rest == bytes.fromhex("452301")


def test_pictures_join_and_gaps_drop_them() -> None:
    parts = [bytes([number]) * 1024 for number in range(4, 0, -1)]
    frames = [
        frame_of(szy206.build(uplink=True, function=0, station=STATION, afn=0x61, data=part, divs=number))
        for number, part in zip(range(4, 0, -1), parts, strict=True)
    ]
    assert isinstance(szy206.decode(frames[0].raw, defaults("szy206") - {"image_length"}), FrameError)
    assembler = szy206.Assembler(timeout_s=60)
    results = [assembler.add(frame, 0.0) for frame in (frames[0], frames[0], *frames[1:])]
    whole = results[-1]
    assert results[:-1] == [None] * 4
    assert isinstance(whole, szy206.Frame)
    message = szy206.read(whole)
    assert isinstance(message, szy206.Message)
    assert message.picture == b"".join(parts)
    assert assembler.add(frames[0], 0.0) is None
    assert isinstance(assembler.add(frames[2], 0.0), FrameError)
    assert assembler.add(frames[0], 0.0) is None
    assert assembler.expire(61.0) == [(STATION, 0x61)]


WITH_VALUES = sorted(code for code, one in FUNCTIONS.items() if one.layout)


@pytest.mark.parametrize("function", WITH_VALUES)
@given(st.data())
def test_every_function_goes_both_ways(function: int, data: st.DataObject) -> None:
    layout = FUNCTIONS[function].layout
    values: list[Decimal | None] = []
    for _ in range(data.draw(st.integers(1, 3))):
        for field in layout:
            top = 10 ** (field.size * 2 - 1) - 1
            low = -top if field.form in ("sign", "flow") else 0
            scaled = data.draw(st.none() | st.integers(low, top))
            values.append(None if scaled is None else Decimal(scaled).scaleb(-field.decimals))
    alarm = data.draw(st.integers(0, 0xFFFF)) & ~(1 << 5 | 1 << 7)
    raw = szy206.self_report(station=STATION, function=function, values=values, alarm=alarm, state=0x00FC)
    message = message_of(raw)
    found = [one.value for one in message.readings if one.metric != "wind_direction"]
    assert found == values
    assert (message.alarm, message.state, message.rest) == (alarm, 0x00FC, b"")


def test_the_encoder_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="fit"):
        szy206.self_report(station=STATION, function=1, values=[100_000])
    with pytest.raises(ValueError, match="groups"):
        szy206.self_report(station=STATION, function=3, values=[1])
    with pytest.raises(ValueError, match="digits"):
        szy206.build(uplink=True, function=1, station="99", afn=2)
    with pytest.raises(ValueError, match="do not fit"):
        szy206.build(uplink=True, function=1, station=STATION, afn=0xC0, data=bytes(300))
