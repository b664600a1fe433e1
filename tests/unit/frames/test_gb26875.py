"""GB/T 26875.3: published frames and data units with the values that their sources give; every type both ways."""

import csv
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from cityframes import ErrorKind, FrameError, gb26875
from cityframes.bcd import SHANGHAI
from cityframes.gb26875.tables import TYPES
from cityframes.tolerances import defaults
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared_data import shared
from tests.unit.frames import packets

AT = datetime(2021, 7, 2, 9, 0, 4, tzinfo=SHANGHAI)


def frame_of(raw: bytes) -> gb26875.Frame:
    found = gb26875.decode(raw)
    assert isinstance(found, gb26875.Frame), found
    return found


def message_of(raw: bytes, tolerances: frozenset[str] = defaults("gb26875")) -> gb26875.Message:
    found = gb26875.read(frame_of(raw), tolerances)
    assert isinstance(found, gb26875.Message), found
    return found


def unit(text: str) -> gb26875.Message:
    return message_of(gb26875.build(command=gb26875.DATA, data=bytes.fromhex(text), at=AT, source=7))


def test_confirm_and_deny_are_byte_for_byte_the_published_ones() -> None:
    at = datetime(2012, 9, 26, 9, 58, 35, tzinfo=SHANGHAI)
    state = frame_of(packets.STATE)
    assert gb26875.confirm(state, at) == packets.CONFIRM
    assert gb26875.deny(state, at) == packets.DENY
    answer = frame_of(packets.CONFIRM)
    assert (answer.command, answer.serial, answer.source, answer.destination) == (3, 1, 88888, 889)
    assert message_of(packets.CONFIRM) == gb26875.Message(None, (), (), observed_at=at)


def test_downlink_commands_are_byte_for_byte_the_published_ones() -> None:
    at = datetime(2012, 9, 26, 9, 58, 32, tzinfo=SHANGHAI)
    common: dict[str, Any] = {"serial": 1, "destination": 889, "source": 88888}
    assert gb26875.roll_call(at=at, minutes=10, **common) == packets.ROLL_CALL
    clock = gb26875.data(90, [gb26875.Item(time=at - timedelta(seconds=30))])
    assert gb26875.build(command=gb26875.CONTROL, data=clock, at=at, **common) == packets.CLOCK
    assert message_of(gb26875.set_clock(at=at, **common)).items[0].time == at


def test_state_of_the_transmission_device() -> None:
    frame, message = frame_of(packets.STATE), message_of(packets.STATE)
    assert (frame.source, frame.station, frame.version, frame.command) == (889, "000000000379", (1, 1), 2)
    (item,) = message.items
    assert item.status == 8
    (reading,) = message.readings
    assert (reading.metric, reading.value, reading.flag) == ("device_status", Decimal(8), "main_power_fault")
    assert reading.observed_at == datetime(2012, 9, 26, 9, 58, 2, tzinfo=SHANGHAI)


def test_heartbeat_of_a_firmware_without_clock() -> None:
    frame, message = frame_of(packets.HEARTBEAT), message_of(packets.HEARTBEAT)
    assert (frame.time, frame.station) == (None, "0140609623B2")
    assert (message.items[0].status, message.readings[0].observed_at) == (1, None)
    strict = defaults("gb26875")
    assert isinstance(gb26875.decode(packets.HEARTBEAT, strict - {"zero_time"}), FrameError)
    assert isinstance(gb26875.read(frame, strict - {"status_without_time"}), FrameError)
    assert message_of(gb26875.build(command=gb26875.DATA, at=AT)).heartbeat


def test_component_with_its_description() -> None:
    message = message_of(packets.COMPONENT)
    (item,) = message.items
    assert (item.system, item.address, item.component, item.status) == (1, 3, 0, 2)
    assert item.place == gb26875.Place(0xD9, 6)
    assert item.text == "Ａ区１层呷哺走廊"
    assert item.time == datetime(2020, 8, 1, 19, 18, 48, tzinfo=SHANGHAI)
    assert message.readings[0].flag == "fire"
    assert message.readings[0].element == "2.1.3.0.217-6"


ROOM = "37 c2 a5 30 32 ca d2 bb e1 d2 e9 ca d2 d1 cc b8 d0"
TIME = "04 00 09 02 07 15"
SOURCES: list[tuple[str, dict[str, Any]]] = [
    (f"01 01 01 02 04 02 {TIME}", {"system": 1, "address": 2, "status": 0x0204, "time": AT}),
    (
        f"02 01 01 02 79 01 02 03 04 04 02 {ROOM}" + " 00" * 14 + TIME,
        {"system": 1, "address": 2, "component": 0x79, "place": gb26875.Place(0x0201, 0x0403), "status": 0x0204,
         "text": "7楼02室会议室烟感", "time": AT},
    ),
    (
        f"03 01 01 02 28 01 02 03 04 03 20 03 {TIME}",
        {"system": 1, "address": 2, "component": 40, "analog": 3, "value": 800, "time": AT},
    ),
    (f"04 01 01 02 84 fa {TIME}", {"system": 1, "address": 2, "operation": 0x84, "operator": 0xFA, "time": AT}),
    ("05 01 01 02 03 04", {"system": 1, "address": 2, "major": 3, "minor": 4}),
    (f"06 01 01 02 1e {ROOM}" + " 00" * 13, {"system": 1, "address": 2, "text": "7楼02室会议室烟感"}),
    (f"07 01 01 02 28 01 02 03 04 {ROOM}" + " 00" * 14, {"component": 40, "text": "7楼02室会议室烟感"}),
    (f"08 01 01 02 {TIME}", {"system": 1, "address": 2, "time": AT}),
    (f"15 01 08 {TIME}", {"status": 8, "time": AT}),
    (f"18 01 31 fa {TIME}", {"operation": 0x31, "operator": 0xFA, "time": AT}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SOURCES, ids=lambda value: value[:5] if isinstance(value, str) else "")
def test_published_data_units(text: str, expected: dict[str, Any]) -> None:
    (item,) = unit(text).items
    assert {name: getattr(item, name) for name in expected} == expected


def test_two_objects_and_their_states() -> None:
    message = unit(f"01 02 01 02 04 02 {TIME} 0d 03 05 01 05 00 09 02 07 15")
    assert [(one.system, one.status) for one in message.items] == [(1, 0x0204), (13, 0x0105)]
    assert [one.flag for one in message.readings] == ["fault,backup_power_fault", "normal,fault,main_power_fault"]


def test_analogue_values_have_their_units() -> None:
    expected = {
        1: ("event_count", "1", "800"), 2: ("height", "m", "8.00"), 3: ("temperature", "Cel", "80.0"),
        4: ("pressure", "MPa", "80.0"), 5: ("pressure", "kPa", "80.0"), 6: ("gas_concentration", "%{LEL}", "80.0"),
        7: ("duration", "s", "800"), 8: ("voltage", "V", "80.0"), 9: ("current", "A", "80.0"),
        10: ("flow", "L/s", "80.0"), 11: ("air_flow", "m3/min", "80.0"), 12: ("air_speed", "m/s", "800"),
        99: ("analog_99", "", "800"),
    }  # fmt: skip
    for analog, (metric, unit_name, value) in expected.items():
        (one,) = unit(f"03 01 01 02 28 01 02 03 04 {analog:02x} 20 03 {TIME}").readings
        assert (one.metric, one.unit, str(one.value), one.observed_at) == (metric, unit_name, value, AT)
    (cold,) = unit(f"03 01 01 02 28 01 02 03 04 03 9c ff {TIME}").readings
    assert cold.value == Decimal("-10.0")


def test_kinds_of_damage() -> None:
    good = packets.STATE

    def kind(raw: bytes) -> ErrorKind:
        found = gb26875.decode(raw)
        assert isinstance(found, FrameError)
        return found.kind

    assert kind(good[:-3] + bytes([good[-3] ^ 1]) + b"##") is ErrorKind.BAD_CHECKSUM
    assert kind(good[:-1] + b"$") is ErrorKind.BAD_TAIL
    assert kind(good[:-1]) is ErrorKind.BAD_LENGTH
    assert kind(good + b"#") is ErrorKind.BAD_LENGTH
    assert kind(good[:20]) is ErrorKind.BAD_LENGTH
    assert kind(b"") is ErrorKind.UNDECODABLE
    wrong_time = bytearray(good[2:-3])
    wrong_time[8] = 13
    assert kind(packets.seal_gb26875(bytes(wrong_time))) is ErrorKind.UNDECODABLE
    for text in ("01", "01 02 01 02 04 02 04 00 09 02 07 15", "02 01 01", "06 01 01 01 05 01", "5a 01 00"):
        frame = frame_of(gb26875.build(command=2, data=bytes.fromhex(text), at=AT))
        found = gb26875.read(frame)
        assert isinstance(found, FrameError)
        assert found.kind is ErrorKind.UNDECODABLE


def test_vendors_types_keep_their_bytes() -> None:
    assert unit("80 01 02 03").rest == b"\x01\x02\x03"
    assert unit("05 01 01 02 03 04 ff").rest == b"\xff"


def test_every_frame_of_the_shared_collection() -> None:
    rows = list(csv.DictReader(shared("protocol_frames/gb26875.csv").open(encoding="utf-8")))
    for row in rows:
        found = gb26875.decode(bytes.fromhex(row["frame_hex"]))
        if row["sum_checksum_ok"] == "True" and row["tail_ok"] == "True":
            assert isinstance(found, gb26875.Frame)
            assert isinstance(gb26875.read(found), gb26875.Message)
        else:
            assert isinstance(found, FrameError)
            expected = ErrorKind.BAD_TAIL if row["tail_ok"] != "True" else ErrorKind.BAD_CHECKSUM
            assert found.kind is expected


TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001 - the zone is added here
    lambda at: at.replace(microsecond=0, tzinfo=SHANGHAI)
)
BYTES = st.integers(0, 255)
FIELDS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "status1": ("status", BYTES),
    "status2": ("status", st.integers(0, 0xFFFF)),
    "value": ("value", st.integers(-0x8000, 0x7FFF)),
    "place": ("place", st.builds(gb26875.Place, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))),
    "time": ("time", TIMES),
    "text": ("text", st.text("甲乙丙丁烟感ABC01 -", max_size=40).map(str.rstrip)),
    "text31": ("text", st.text("甲乙丙丁烟感ABC01 -", max_size=15).map(str.rstrip)),
}


@pytest.mark.parametrize("kind", sorted(TYPES))
@given(st.data())
def test_every_type_goes_both_ways(kind: int, data: st.DataObject) -> None:
    fields = dict(FIELDS.get(name, (name, BYTES)) for name in TYPES[kind].layout)
    items = data.draw(
        st.lists(st.fixed_dictionaries(fields).map(lambda one: gb26875.Item(**one)), min_size=1, max_size=4)
    )
    serial, source = data.draw(st.integers(0, 0xFFFF)), data.draw(st.integers(0, 2**48 - 1))
    at = data.draw(TIMES)
    raw = gb26875.build(command=2, data=gb26875.data(kind, items), serial=serial, source=source, at=at)
    frame, message = frame_of(raw), message_of(raw)
    assert (frame.serial, frame.source, frame.time) == (serial, source, at)
    assert (message.type, list(message.items), message.rest) == (kind, items, b"")


def test_the_encoder_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="31"):
        gb26875.data(7, [gb26875.Item(1, 1, 1, gb26875.Place(0, 0), text="很" * 16)])
    with pytest.raises(ValueError, match="needs address"):
        gb26875.data(1, [gb26875.Item(system=1, status=1)])
    with pytest.raises(ValueError, match="1024"):
        gb26875.build(command=2, data=bytes(1025))
    with pytest.raises(ValueError, match="zone"):
        gb26875.build(command=2, at=AT.replace(tzinfo=None))
