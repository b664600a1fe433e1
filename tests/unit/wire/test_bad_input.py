"""Bad input: whatever the bytes are, both halves of the codec give a record or a DecodeError that keeps the bytes."""

import json
import random
import re
import struct
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from liandong.errors import DecodeError
from liandong.wire import Codec, LocalIds
from liandong.wire.bodies import own_body
from liandong.wire.compiled import READ_ERRORS
from liandong.wire.framing import header
from liandong_contracts.base import Record, schema_of
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.records import RECORDS
from liandong_contracts.sensing import DeviceCameOnline, Measurement, ReadingObserved

from tests.support.avro import HALVES, library_bytes, records_of

AT = datetime(2026, 7, 8, 10, 30, 0, 123000, tzinfo=UTC)
TOPIC = "district.sensing.reading.v1"
NAMES = st.sampled_from(sorted(RECORDS))
MANY = b"\x80\x80\x80\x80\x80\x80\x80\x80\x20"  # 2^60
MOST_PER_BYTE = 600  # bytes of memory that a byte of input may cost, a kilobyte or two for the error aside


def reading() -> ReadingObserved:
    rain = Measurement(metric="rain_5min", value=4.5, unit="mm", observed_at=AT, quality=Quality.GOOD)
    return ReadingObserved(
        device_id="demo-rg-004", kind=DeviceKind.RAIN_GAUGE, measurements=(rain,) * 3, received_at=AT, frame_ref="00"
    )


def came(**fields: Any) -> DeviceCameOnline:
    return DeviceCameOnline(**{"device_id": "d", "offline_s": 1, "backlog_readings": 0, "at": AT, **fields})


def refusal(value: bytes | None, in_c: bool, ids: LocalIds | None = None, **settings: Any) -> DecodeError:
    """Return the error that a value gives, the first and the second time, alone and in a batch."""
    codec = Codec(ids or LocalIds(), in_c=in_c, **settings)
    with pytest.raises(DecodeError) as first:
        codec.decode(value)
    with pytest.raises(DecodeError) as second:
        codec.decode(value)
    (third,) = codec.decode_many([value]) if value is not None else (first.value,)
    assert isinstance(third, DecodeError)
    for error in (first.value, second.value, third):
        assert (error.reason, error.value) == (first.value.reason, value)
    return first.value


def undecodable(fields: list[dict[str, Any]], body: bytes, in_c: bool) -> str:
    """Return what is said about a body of a later schema of DeviceCameOnline with these fields in front."""
    ids, schema = LocalIds(), json.loads(schema_of(DeviceCameOnline))
    later = ids.add({**schema, "fields": [*fields, *schema["fields"]]})
    error = refusal(header(later) + body + own_body(DeviceCameOnline).encode(came()), in_c, ids)
    assert error.reason == "UNDECODABLE"
    return error.detail


@pytest.mark.parametrize("in_c", HALVES)
def test_truncated_at_every_byte(in_c: bool) -> None:
    value = Codec(LocalIds()).encode(TOPIC, reading())
    for end in range(len(value)):
        expected = "BAD_FRAMING" if end < 5 else "UNDECODABLE"
        assert refusal(value[:end], in_c).reason == expected


@pytest.mark.parametrize("in_c", HALVES)
def test_trailing_bytes(in_c: bool) -> None:
    value = Codec(LocalIds()).encode(TOPIC, reading())
    assert "ends at byte" in refusal(value + b"\0", in_c).detail


@pytest.mark.parametrize("in_c", HALVES)
def test_framing_and_ids(in_c: bool) -> None:
    value = Codec(LocalIds()).encode(TOPIC, reading())
    assert refusal(None, in_c).reason == "BAD_FRAMING"
    assert refusal(b"", in_c).reason == "BAD_FRAMING"
    assert "7b 22" in refusal(b'{"json": true}', in_c).detail
    assert refusal(b"\1" + value[1:], in_c).reason == "BAD_FRAMING"
    assert "4294967295" in refusal(b"\0\xff\xff\xff\xff" + value[5:], in_c).detail


@pytest.mark.parametrize("in_c", HALVES)
def test_too_large(in_c: bool) -> None:
    value = Codec(LocalIds()).encode(TOPIC, reading())
    assert Codec(LocalIds(), in_c=in_c, limit=len(value)).decode(value) == reading()
    error = refusal(value, in_c, limit=len(value) - 1)
    assert error.reason == "TOO_LARGE"
    assert str(len(value)) in error.detail


@pytest.mark.parametrize("in_c", HALVES)
@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("long", b"\xff" * 10 + b"\1", "64 bits"),
        ("long", b"\xff" * 9 + b"\2", "64 bits"),
        ("long", b"\x80" * 100, "64 bits"),
        ("string", b"\xff" * 9 + b"\1", "negative length"),
        ({"type": "array", "items": "long"}, MANY, "items|bytes"),
        ({"type": "array", "items": "long"}, b"\xff" * 9 + b"\1", "items|length|block|early|index"),
        ({"type": "array", "items": "long"}, b"\3" + MANY, "block"),
        ({"type": "map", "values": "long"}, MANY, "items"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\4", "symbol|index"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, b"\1", "symbol|negative"),
        (["null", "long"], b"\4", "branch"),
        (["null", "long"], b"\1", "branch|negative"),
        ("boolean", b"\2", "boolean|index"),
        ({"type": "fixed", "name": "F", "size": 1 << 40}, b"", "early|ends|index"),
    ],
)
def test_bytes_of_a_field_that_nobody_reads(kind: Any, body: bytes, words: str, in_c: bool) -> None:
    assert re.search(words, undecodable([{"name": "added", "type": kind}], body, in_c))


@pytest.mark.parametrize("in_c", HALVES)
def test_an_array_of_items_without_bytes_is_never_read(in_c: bool) -> None:
    empty = {"type": "record", "name": "Empty", "fields": []}
    for item in ("null", empty, {"type": "fixed", "name": "None_", "size": 0}):
        kind = {"type": "array", "items": item}
        assert "take no bytes" in undecodable([{"name": "added", "type": kind}], MANY + b"\0", in_c)


@pytest.mark.parametrize("in_c", HALVES)
def test_bodies_of_our_own_schema(in_c: bool) -> None:
    body = own_body(DeviceCameOnline).encode(came())
    one = header(LocalIds().id_of(TOPIC, DeviceCameOnline))
    assert body[:4] == b"\2d\2\0"
    assert "utf-8" in refusal(one + b"\2\xff" + body[2:], in_c).detail
    assert "utf-8" in refusal(one + b"\6\xed\xa0\x80" + body[2:], in_c).detail, "half a surrogate pair"
    assert "negative length" in refusal(one + b"\1" + body[1:], in_c).detail
    assert refusal(one + body[:4] + b"\xff" * 9 + b"\1", in_c).reason == "UNDECODABLE", "a time out of the calendar"
    assert refusal(one + MANY + body[1:], in_c).reason == "UNDECODABLE"


@pytest.mark.parametrize("in_c", HALVES)
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), -0.0])
def test_every_double_is_a_double(number: float, in_c: bool) -> None:
    value = Measurement(metric="m", value=number, unit="mm", observed_at=AT, quality=Quality.GOOD)
    body = own_body(Measurement, in_c=in_c)
    after = body.decode(body.encode(value))
    assert struct.pack("<d", after.value) == struct.pack("<d", number)


@pytest.mark.parametrize("in_c", HALVES)
@pytest.mark.parametrize(
    ("kind", "written", "words"),
    [
        ({"type": "long", "logicalType": "timestamp-micros"}, b"\2", "timestamp-micros"),
        ({"type": "string", "logicalType": "timestamp-millis"}, b"\2a", "string"),
        ({"type": "int", "logicalType": "date"}, b"\2", "date"),
        ("double", b"\0" * 8, "double"),
        (["null", "long"], b"\0", "null"),
        ({"type": "array", "items": "long"}, b"\0", "array"),
    ],
)
def test_a_time_of_another_type_is_refused(kind: Any, written: bytes, words: str, in_c: bool) -> None:
    ids, schema = LocalIds(), json.loads(schema_of(DeviceCameOnline))
    assert schema["fields"][-1]["name"] == "at"
    later = ids.add({**schema, "fields": [*schema["fields"][:-1], {"name": "at", "type": kind}]})
    own = own_body(DeviceCameOnline).encode(came())
    error = refusal(header(later) + own[:-6] + written, in_c, ids)
    assert error.reason == "UNDECODABLE"
    assert words in error.detail


def nested(depth: int) -> dict[str, Any]:
    kind: Any = "long"
    for _ in range(depth):
        kind = {"type": "array", "items": kind}
    return {"name": "added", "type": kind}


@pytest.mark.parametrize("in_c", HALVES)
def test_deep_types_are_refused(in_c: bool) -> None:
    assert "nested" in undecodable([nested(100)], b"", in_c)
    ids, schema = LocalIds(), json.loads(schema_of(DeviceCameOnline))
    bomb = ids.add({**schema, "fields": [nested(5000), *schema["fields"]]})
    assert refusal(header(bomb) + b"\0", in_c, ids).reason in ("UNKNOWN_SCHEMA", "UNDECODABLE")


@pytest.mark.parametrize("in_c", HALVES)
def test_deep_values_are_refused(in_c: bool) -> None:
    chain = {"type": "record", "name": "Chain", "fields": [{"name": "next", "type": ["null", "Chain"]}]}
    added = [{"name": "added", "type": chain}]
    assert undecodable(added, b"\2" * 200_000 + b"\0", in_c)
    ids, schema = LocalIds(), json.loads(schema_of(DeviceCameOnline))
    later = ids.add({**schema, "fields": [*added, *schema["fields"]]})
    value = header(later) + b"\2" * 10 + b"\0" + own_body(DeviceCameOnline).encode(came())
    assert Codec(ids, in_c=in_c).decode(value) == came()


@pytest.mark.parametrize("in_c", HALVES)
def test_a_schema_that_multiplies_is_refused(in_c: bool) -> None:
    kind: Any = {"type": "record", "name": "R0", "fields": []}
    for level in range(1, 21):  # each twice the one before: a million records without a byte
        fields = [{"name": "a", "type": kind}, {"name": "b", "type": f"R{level - 1}"}]
        kind = {"type": "record", "name": f"R{level}", "fields": fields}
    assert "parts" in undecodable([{"name": "added", "type": kind}], b"", in_c)


@pytest.mark.parametrize("in_c", HALVES)
def test_a_record_inside_of_itself_is_refused(in_c: bool) -> None:
    endless = {"type": "record", "name": "Endless", "fields": [{"name": "next", "type": "Endless"}]}
    assert "without end" in undecodable([{"name": "added", "type": endless}], b"", in_c)


@pytest.mark.parametrize("in_c", HALVES)
@settings(max_examples=300, deadline=None)
@given(name=NAMES, garbage=st.binary(max_size=200))
@example(name="liandong.sensing.ReadingObserved", garbage=b"\2d\0" + MANY)
def test_garbage_gives_a_record_or_a_decode_error(name: str, garbage: bytes, in_c: bool) -> None:
    value = header(LocalIds().id_of(TOPIC, RECORDS[name])) + garbage
    codec = Codec(LocalIds(), in_c=in_c)
    with suppress(DecodeError):  # anything else fails the test
        assert isinstance(codec.decode(value), Record)
    (again,) = codec.decode_many([value])
    assert isinstance(again, Record | DecodeError)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=NAMES)
def test_both_halves_refuse_the_same_mutations(data: st.DataObject, name: str) -> None:
    body = bytearray(library_bytes(data.draw(records_of(RECORDS[name]))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        change = data.draw(st.sampled_from(["set", "insert", "delete", "cut"]))
        piece = data.draw(
            st.binary(min_size=1, max_size=12) | st.sampled_from([MANY, b"\xff" * 9 + b"\1", b"\x80" * 11])
        )
        if change == "insert":
            body[place:place] = piece
        elif change == "set":
            body[place : place + 1] = piece[:1]
        elif change == "delete":
            del body[place : place + len(piece)]
        else:
            del body[place:]
    found = [outcome(RECORDS[name], bytes(body), in_c) for in_c in (False, True)]
    assert found[0] == found[1]


def outcome(record: type[Record], body: bytes, in_c: bool) -> str:
    try:
        return repr(own_body(record, in_c=in_c).decode(body))
    except READ_ERRORS:
        return "refused"


@pytest.mark.parametrize("in_c", HALVES)
def test_memory_stays_in_proportion_to_the_bytes(in_c: bool) -> None:
    chance = random.Random(20260708)
    bodies = [(name, own_body(RECORDS[name], in_c=in_c)) for name in sorted(RECORDS)]
    small = [bytes(chance.choice(b"\0\1\2\4\7\x20\x7f\x80\xff") for _ in range(400)) for _ in range(6)]
    claims = [b"\2a" * n + MANY for n in range(6)] + [b"\2" * n + b"\x80\x80\x40" for n in range(6)]
    tracemalloc.start()
    try:
        for _, body in bodies:
            for raw in [*small, *claims, b"\0" * 400, b"\2" * 400]:
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                with suppress(*READ_ERRORS):
                    body.decode(raw)
                peak = tracemalloc.get_traced_memory()[1] - before
                assert peak < MOST_PER_BYTE * len(raw) + 4096
    finally:
        tracemalloc.stop()
