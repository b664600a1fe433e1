"""Single frames: each kind of damage has its name, and no damage raises."""

import pytest
from cityframes import ErrorKind, FrameError, crc, sl651
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.frames.samples import NOON, PUBLISHED, STATION, TIMED, broken, report


def kind_of(raw: bytes) -> ErrorKind:
    found = sl651.decode(raw)
    assert isinstance(found, FrameError)
    assert found.raw == raw
    return found.kind


def slow_modbus(data: bytes) -> int:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


@given(st.binary(max_size=300))
def test_table_check_sum_is_the_bitwise_one(data: bytes) -> None:
    assert crc.modbus(data) == slow_modbus(data)
    assert crc.modbus(b"123456789") == 0x4B37


def test_kinds_of_damage() -> None:
    assert kind_of(broken(TIMED)) is ErrorKind.BAD_CHECKSUM
    assert kind_of(TIMED[:-1]) is ErrorKind.BAD_LENGTH
    assert kind_of(TIMED + b"\x00") is ErrorKind.BAD_LENGTH
    assert kind_of(TIMED[:-3] + b"\x00" + TIMED[-2:]) is ErrorKind.BAD_TAIL
    assert kind_of(TIMED[1:]) is ErrorKind.UNDECODABLE
    assert kind_of(b"") is ErrorKind.UNDECODABLE
    assert kind_of(b"\x7e\x7e") is ErrorKind.BAD_LENGTH


def test_one_more_start_byte_is_tolerated_behind_a_frame_read_alone() -> None:
    found = sl651.decode(TIMED + b"\x7e")
    assert isinstance(found, sl651.Frame)
    assert found.raw == TIMED
    assert isinstance(sl651.decode(TIMED + b"\x7e", frozenset()), FrameError)
    assert isinstance(sl651.decode(TIMED + b"\x7e\x7e"), FrameError)


def with_byte(raw: bytes, at: int, value: int) -> bytes:
    text = raw[:at] + bytes([value]) + raw[at + 1 : -2]
    return text + crc.modbus(text).to_bytes(2)


def test_right_check_sum_does_not_excuse_a_wrong_form() -> None:
    assert kind_of(with_byte(TIMED, 13, 0x55)) is ErrorKind.UNDECODABLE
    assert kind_of(with_byte(TIMED, 11, 0x40)) is ErrorKind.UNDECODABLE
    assert kind_of(with_byte(TIMED, 13, 0x16)) is ErrorKind.UNDECODABLE  # packet count 003, sequence 417


@pytest.mark.parametrize("raw", PUBLISHED, ids=lambda raw: f"{raw[10]:02X}")
def test_every_truncation_and_every_flipped_bit_is_refused(raw: bytes) -> None:
    for size in range(len(raw)):
        assert isinstance(sl651.decode(raw[:size]), FrameError)
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        assert isinstance(sl651.decode(bytes(changed)), FrameError)


def test_packets_join_in_any_order_and_expire() -> None:
    body = sl651.report_body(1, NOON, STATION, 0x48, [(NOON, [])]) + b"\xf3\xf3" + bytes(range(256)) * 3
    parts = [body[at : at + 200] for at in range(0, len(body), 200)]
    frames = []
    for number, part in enumerate(parts, 1):
        end = sl651.End.ETX if number == len(parts) else sl651.End.ETB
        place = sl651.Packet(len(parts), number)
        found = sl651.decode(sl651.uplink(station=STATION, function=0x36, body=part, end=end, packet=place))
        assert isinstance(found, sl651.Frame)
        assert found.packet == place
        frames.append(found)
    assembler = sl651.Assembler(timeout_s=60)
    results = [assembler.add(frame, 0.0) for frame in [*frames[::-1]]]
    assert results[:-1] == [None] * (len(frames) - 1)
    whole = results[-1]
    assert isinstance(whole, sl651.Frame)
    message = sl651.read(whole)
    assert isinstance(message, sl651.Message)
    assert message.picture == bytes(range(256)) * 3
    assert assembler.add(frames[0], 0.0) is None
    assert assembler.expire(30.0) == []
    assert assembler.expire(61.0) == [(STATION, 0x36)]
    assert isinstance(sl651.read(frames[0]), FrameError), "a packet alone is no message"


def test_packets_are_bounded() -> None:
    assembler = sl651.Assembler(max_bytes=1000, max_messages=2)

    def packet(station: str, number: int, size: int) -> sl651.Frame:
        place = sl651.Packet(9, number)
        raw = sl651.uplink(station=station, function=0x36, body=bytes(size), end=sl651.End.ETB, packet=place)
        frame = sl651.decode(raw)
        assert isinstance(frame, sl651.Frame)
        return frame

    assert assembler.add(packet(STATION, 1, 600), 0.0) is None
    assert isinstance(assembler.add(packet(STATION, 2, 600), 0.0), FrameError)
    for station in ("9901010002", "9901010003", "9901010004"):
        assert assembler.add(packet(station, 1, 10), 0.0) is None
    assert len(assembler.expire(1e9)) == 2


def test_a_report_without_packets_passes_through() -> None:
    frame = sl651.decode(report())
    assert isinstance(frame, sl651.Frame)
    assert sl651.Assembler().add(frame, 0.0) is frame
