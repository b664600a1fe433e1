"""The published SL 651 frames, with the values that their sources give."""

import csv
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from cityframes import Quality, sl651
from cityframes.bcd import SHANGHAI

from tests.support.shared_data import shared
from tests.unit.frames import samples


def message_of(raw: bytes) -> tuple[sl651.Frame, sl651.Message]:
    frame = sl651.decode(raw)
    assert isinstance(frame, sl651.Frame), frame
    message = sl651.read(frame)
    assert isinstance(message, sl651.Message), message
    return frame, message


def values(message: sl651.Message) -> dict[str, tuple[Decimal | None, str]]:
    return {one.element: (one.value, one.unit) for one in message.readings}


def test_timed_report() -> None:
    frame, message = message_of(samples.TIMED)
    assert (frame.uplink, frame.centre, frame.station, frame.password, frame.function) == (
        True, 5, "0011223344", "03E8", 0x32,
    )  # fmt: skip
    assert frame.end is sl651.End.ETX
    assert message.serial == 52
    assert message.sent_at == datetime(2017, 7, 18, 11, 0, 16, tzinfo=SHANGHAI)
    assert message.station == "0011223344"
    assert message.station_class == 0x48
    assert values(message) == {
        "20": (4.0, "mm"),
        "26": (4.0, "mm"),
        "39": (Decimal("10.490"), "m"),
        "38": (Decimal("10.99"), "V"),
    }
    assert {one.observed_at for one in message.readings} == {datetime(2017, 7, 18, 11, 0, tzinfo=SHANGHAI)}
    assert {one.quality for one in message.readings} == {Quality.GOOD}
    assert [one.metric for one in message.readings] == ["rain_now", "rain_total", "water_level", "supply_voltage"]


def test_extra_report() -> None:
    _, message = message_of(samples.EXTRA)
    assert values(message) == {
        "20": (4.0, "mm"),
        "26": (4.0, "mm"),
        "39": (Decimal("10.490"), "m"),
        "38": (Decimal("11.02"), "V"),
    }


def test_heartbeat() -> None:
    frame, message = message_of(samples.HEARTBEAT)
    assert (frame.function, frame.station, message.serial) == (0x2F, "9876543210", 32264)
    assert message.sent_at == datetime(2022, 10, 11, 10, 7, 47, tzinfo=SHANGHAI)


def test_manual_text_becomes_a_reading() -> None:
    _, message = message_of(samples.MANUAL)
    assert message.manual == "Q 1.234"
    (reading,) = message.readings
    assert (reading.element, reading.value, reading.unit, reading.quality) == (
        "27",
        Decimal("1.234"),
        "m3/s",
        Quality.MANUAL,
    )


def test_five_minute_rain_begins_at_its_observation_time() -> None:
    _, message = message_of(samples.SERIES)
    assert [one.value for one in message.readings] == [0.5, 0, 0, 0, 2.0, None, None, None, None, None, 0, 0]
    first = datetime(2017, 7, 18, 10, 5, tzinfo=SHANGHAI)
    assert [one.observed_at for one in message.readings] == [first + timedelta(minutes=5 * at) for at in range(12)]
    assert message.readings[5].quality is Quality.DEVICE_FAULT


def test_settings_version_status_events() -> None:
    settings = dict(message_of(samples.SETTINGS)[1].settings)
    assert settings[0x02] == bytes.fromhex("0011223344")
    assert settings[0x0F] == b"1013112345678"
    assert dict(message_of(samples.PARAMETERS)[1].settings)[0x28] == bytes.fromhex("00010000")
    assert message_of(samples.VERSION)[1].text == "DATA86-SW-V1.2(H)"
    status = message_of(samples.STATUS)[1]
    assert (status.status, status.states) == (0x400, ("pump_stopped",))
    events = message_of(samples.EVENTS)[1]
    assert events.events[:3] == (0x1111, 0x2222, 0x3333)
    assert len(events.events) == 32


def test_confirm_is_byte_for_byte_the_published_answer() -> None:
    frame, message = message_of(samples.TIMED)
    assert sl651.confirm(frame, message.sent_at) == samples.TIMED_CONFIRM
    down, answer = message_of(samples.TIMED_CONFIRM)
    assert (down.uplink, down.station, down.centre, down.end) == (False, "0011223344", 5, sl651.End.ESC)
    assert answer.serial == message.serial
    test = sl651.decode(samples.report(station="0012345678", function=0x30, serial=3))
    assert isinstance(test, sl651.Frame)
    at = datetime(2059, 10, 11, 15, 49, 47, tzinfo=SHANGHAI)
    assert sl651.confirm(test._replace(password="1234"), at) == samples.TEST_CONFIRM


def test_a_query_has_serial_0_and_ends_with_enquiry() -> None:
    at = datetime(2026, 6, 13, 12, 0, tzinfo=SHANGHAI)
    raw = sl651.command(station=samples.STATION, function=0x3A, at=at, arguments=b"\x39\x23")
    frame, message = message_of(raw)
    assert (frame.uplink, frame.station, frame.function, frame.end) == (False, samples.STATION, 0x3A, sl651.End.ENQ)
    assert (message.serial, message.sent_at, message.rest) == (0, at, b"\x39\x23")


@pytest.mark.parametrize("raw", samples.PUBLISHED, ids=lambda raw: f"{raw[10]:02X}")
def test_published_frames_come_back_from_their_parts(raw: bytes) -> None:
    frame, _ = message_of(raw)
    if raw is samples.EVENTS:
        return  # ends with a downlink character, which we read but do not write
    assert raw == sl651.build(
        uplink=frame.uplink, centre=frame.centre, station=frame.station, password=frame.password,
        function=frame.function, body=frame.body, end=frame.end, packet=frame.packet,
    )  # fmt: skip


def test_every_frame_of_the_shared_collection() -> None:
    rows = list(csv.DictReader(shared("protocol_frames/sl651.csv").open(encoding="utf-8")))
    assert len(rows) >= 20
    for row in rows:
        frame = sl651.decode(bytes.fromhex(row["frame_hex"]))
        assert isinstance(frame, sl651.Frame), (row, frame)
        assert row["crc16_modbus_big_endian_ok"] == "True"
        assert frame.function == int(row["function_code"], 16)
        assert len(frame.raw) == int(row["bytes"])
        if frame.packet is None:
            assert isinstance(sl651.read(frame), sl651.Message), row


def test_the_shared_picture_reassembles_as_far_as_its_packets_go() -> None:
    rows = csv.DictReader(shared("protocol_frames/sl651.csv").open(encoding="utf-8"))
    frames = [sl651.decode(bytes.fromhex(row["frame_hex"])) for row in rows if row["function_code"] == "0x36"]
    packets = [frame for frame in frames if isinstance(frame, sl651.Frame) and frame.packet]
    assembler = sl651.Assembler()
    missing = set(range(1, 14)) - {frame.packet.sequence for frame in packets if frame.packet}
    last: sl651.Frame | None = None
    for frame in packets:
        result = assembler.add(frame, 0.0)
        assert result is None, "the collection leaves two packets out"
    for number in sorted(missing):
        result = assembler.add(packets[1]._replace(packet=sl651.Packet(13, number), body=b""), 1.0)
        last = result if isinstance(result, sl651.Frame) else last
    assert last is not None
    message = sl651.read(last)
    assert isinstance(message, sl651.Message)
    assert message.picture is not None
    assert message.picture.startswith(b"\xff\xd8\xff\xe0")
    assert b"\xff\xd9" in message.picture[-4:]
