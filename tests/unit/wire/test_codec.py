import json
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from liandong.errors import DecodeError, EncodeError
from liandong.wire import Codec, LocalIds
from liandong.wire.bodies import own_body
from liandong.wire.codec import UNKNOWN_SYMBOLS, Read, Write
from liandong.wire.framing import header
from liandong_contracts.base import Record, schema_of
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.sensing import DeviceCameOnline, Measurement, ReadingObserved

from tests.support.avro import HALVES

AT = datetime(2026, 7, 8, 10, 30, 0, 123000, tzinfo=UTC)
TOPIC = "district.sensing.reading.v1"


def reading(quality: Quality = Quality.GOOD) -> ReadingObserved:
    measurement = Measurement(metric="rain_5min", value=4.5, unit="mm", observed_at=AT, quality=quality)
    return ReadingObserved(
        device_id="demo-rg-004",
        kind=DeviceKind.RAIN_GAUGE,
        measurements=(measurement,),
        received_at=AT,
        frame_ref="00" * 16,
    )


def refusal(codec: Codec, value: bytes | None) -> str:
    with pytest.raises(DecodeError) as error:
        codec.decode(value)
    return error.value.reason


def written_by(schema: dict[str, Any], datum: dict[str, Any], ids: LocalIds) -> bytes:
    """Return a value as a service with another version of the schema writes it."""
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), datum)
    return header(ids.add(schema)) + body.getvalue()


def own_schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_of(ReadingObserved))
    return schema


class CountingIds(LocalIds):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def id_of(self, topic: str, record: type[Record]) -> int:
        self.asked.append(topic)
        return super().id_of(topic, record)

    def schema(self, schema_id: int) -> Any | None:
        self.asked.append(schema_id)
        return super().schema(schema_id)


@pytest.mark.parametrize("in_c", HALVES)
def test_round_trip(in_c: bool) -> None:
    writer, reader = Codec(LocalIds(), in_c=in_c), Codec(LocalIds(), in_c=in_c)
    value = writer.encode(TOPIC, reading())
    assert value[0] == 0
    assert reader.decode(value) == writer.decode(value) == reading()
    assert reader.type_of(value) is ReadingObserved


@pytest.mark.parametrize("in_c", HALVES)
def test_ids_are_asked_for_once(in_c: bool) -> None:
    ids = CountingIds()
    codec = Codec(ids, in_c=in_c)
    codec.prepare([(TOPIC, ReadingObserved)])
    values = [codec.encode(TOPIC, reading()) for _ in range(3)]
    assert [codec.decode(value) for value in values] == [reading()] * 3
    assert ids.asked == [TOPIC]
    fresh = Codec(ids, in_c=in_c)
    assert fresh.decode(values[0]) == fresh.decode(values[1])
    assert ids.asked == [TOPIC, ids.id_of(TOPIC, ReadingObserved), TOPIC]


@pytest.mark.parametrize("in_c", HALVES)
def test_times_are_cut_to_milliseconds(in_c: bool) -> None:
    came = DeviceCameOnline(device_id="d", offline_s=1, backlog_readings=0, at=AT.replace(microsecond=123456))
    after = Codec(LocalIds(), in_c=in_c).decode(Codec(LocalIds(), in_c=in_c).encode("t", came))
    assert isinstance(after, DeviceCameOnline)
    assert after.at == AT


@pytest.mark.parametrize("in_c", HALVES)
def test_a_time_of_another_zone_is_the_same_moment(in_c: bool) -> None:
    codec, beijing = Codec(LocalIds(), in_c=in_c), AT.astimezone(timezone(timedelta(hours=8)))
    came = DeviceCameOnline(device_id="d", offline_s=1, backlog_readings=0, at=beijing)
    after = codec.decode(codec.encode("t", came))
    assert isinstance(after, DeviceCameOnline)
    assert (after.at, after.at.tzinfo) == (AT, UTC)


@pytest.mark.parametrize("in_c", HALVES)
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"offline_s": "long"}, "offline_s.*long"),
        ({"offline_s": 2**63}, "offline_s|64 bits"),
        ({"offline_s": 1.0}, "offline_s"),
        ({"device_id": None}, "device_id.*None"),
        ({"device_id": b"bytes"}, "device_id"),
        ({"device_id": "half a pair \ud800"}, "surrogates"),
        ({"at": "2026-07-08"}, "at.*2026-07-08"),
        ({"at": datetime(2026, 7, 8)}, "offset-naive"),  # noqa: DTZ001
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], words: str, in_c: bool) -> None:
    good: dict[str, Any] = {"device_id": "d", "offline_s": 1, "backlog_readings": 0, "at": AT}
    with pytest.raises(EncodeError, match=words) as error:
        Codec(LocalIds(), in_c=in_c).encode("district.sensing.device.v1", DeviceCameOnline(**good | fields))
    assert "DeviceCameOnline" in str(error.value)
    assert "district.sensing.device.v1" in str(error.value)


@pytest.mark.parametrize("in_c", HALVES)
def test_a_nested_value_of_the_wrong_type_is_refused(in_c: bool) -> None:
    codec = Codec(LocalIds(), in_c=in_c)
    for wrong in ({"measurements": ("text",)}, {"measurements": 7}, {"kind": "NO_SUCH_SYMBOL"}, {"kind": 3}):
        with pytest.raises(EncodeError):
            codec.encode(TOPIC, msgspec.structs.replace(reading(), **wrong))


@pytest.mark.parametrize("in_c", HALVES)
def test_a_value_over_the_limit_is_not_written(in_c: bool) -> None:
    size = len(Codec(LocalIds(), in_c=in_c).encode(TOPIC, reading()))
    assert len(Codec(LocalIds(), in_c=in_c, limit=size).encode(TOPIC, reading())) == size
    with pytest.raises(EncodeError, match=f"{size} bytes, the limit is {size - 1}"):
        Codec(LocalIds(), in_c=in_c, limit=size - 1).encode(TOPIC, reading())


@pytest.mark.parametrize("in_c", HALVES)
def test_a_batch_keeps_its_order_around_bad_values(in_c: bool) -> None:
    codec = Codec(LocalIds(), in_c=in_c)
    good = codec.encode_many(TOPIC, [reading(), reading(Quality.SUSPECT)])
    first, none, bad, second = codec.decode_many([good[0], None, b"bad", good[1]])
    assert (first, none, second) == (reading(), None, reading(Quality.SUSPECT))
    assert isinstance(bad, DecodeError)
    assert (bad.reason, bad.value) == ("BAD_FRAMING", b"bad")


class Shout:
    """A seal that changes one kind of record only."""

    def writing(self, record: type[Record], write: Write) -> Write:
        if record is not DeviceCameOnline:
            return write
        return lambda value, prefix: write(msgspec.structs.replace(value, device_id=value.device_id.upper()), prefix)

    def reading(self, record: type[Record], read: Read) -> Read:
        if record is not DeviceCameOnline:
            return read
        return lambda raw, at: msgspec.structs.replace(read(raw, at), device_id="opened")


@pytest.mark.parametrize("in_c", HALVES)
def test_a_seal_changes_its_records_and_costs_the_others_nothing(in_c: bool) -> None:
    codec, plain = Codec(LocalIds(), in_c=in_c, seal=Shout()), Codec(LocalIds())
    came = DeviceCameOnline(device_id="d-1", offline_s=1, backlog_readings=0, at=AT)
    value = codec.encode("t", came)
    assert plain.decode(value) == msgspec.structs.replace(came, device_id="D-1")
    assert codec.decode_many([value, codec.encode(TOPIC, reading())]) == [
        msgspec.structs.replace(came, device_id="opened"),
        reading(),
    ]
    assert len(codec._programs) == in_c


@pytest.mark.parametrize("in_c", HALVES)
def test_a_record_that_this_build_does_not_have_is_skipped_by_type(in_c: bool) -> None:
    ids = LocalIds()
    schema = {"type": "record", "name": "Newer", "namespace": "liandong.sensing", "fields": []}
    value = header(ids.add(schema))
    codec = Codec(ids, in_c=in_c)
    assert codec.type_of(value) is None
    assert refusal(codec, value) == "UNKNOWN_SCHEMA"


@pytest.mark.parametrize("schema", ["not avro", {"type": "nonsense"}, "string", 7])
def test_a_schema_of_another_kind_is_unknown(schema: Any) -> None:
    ids = LocalIds()
    assert refusal(Codec(ids), header(ids.add(schema)) + b"\x02a") == "UNKNOWN_SCHEMA"


@pytest.mark.parametrize("in_c", HALVES)
def test_a_newer_writer_with_another_field_and_order(in_c: bool) -> None:
    ids = LocalIds()
    schema = own_schema()
    added = {"name": "sensor_no", "type": ["null", "string"], "default": None, "doc": "New."}
    schema["fields"] = [schema["fields"][1], added, schema["fields"][0], *schema["fields"][2:]]
    value = written_by(schema, {**reading().to_avro(), "sensor_no": "7"}, ids)
    assert Codec(ids, in_c=in_c).decode(value) == reading()


@pytest.mark.parametrize("in_c", HALVES)
def test_an_older_writer_without_a_field(in_c: bool) -> None:
    ids = LocalIds()
    schema = own_schema()
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "object_id"]
    assert Codec(ids, in_c=in_c).decode(written_by(schema, reading().to_avro(), ids)) == reading()


@pytest.mark.parametrize("in_c", HALVES)
def test_other_words_in_the_schema_need_no_resolution(in_c: bool) -> None:
    ids = LocalIds()
    schema = {**own_schema(), "doc": "Other words."}
    codec = Codec(ids, in_c=in_c)
    value = written_by(schema, reading().to_avro(), ids)
    assert codec.decode(value) == reading()
    assert codec._reading_of(value).read == own_body(ReadingObserved, in_c=in_c).decode


@pytest.mark.parametrize("in_c", HALVES)
def test_a_newer_symbol_becomes_the_default_and_is_counted(in_c: bool) -> None:
    ids = LocalIds()
    schema = own_schema()
    quality = schema["fields"][2]["type"]["items"]["fields"][4]["type"]
    assert quality["name"] == "Quality"
    quality["symbols"] = ["PREDICTED", *quality["symbols"]]
    datum = reading().to_avro()
    datum["measurements"][0]["quality"] = "PREDICTED"
    counted = UNKNOWN_SYMBOLS.labels("Quality")._value
    before = counted.get()
    assert Codec(ids, in_c=in_c).decode(written_by(schema, datum, ids)) == reading(Quality.UNKNOWN)
    assert counted.get() == before + 1
    assert Codec(ids, in_c=in_c).decode(written_by(schema, reading().to_avro(), ids)) == reading()
    assert counted.get() == before + 1


@pytest.mark.parametrize("in_c", HALVES)
def test_a_schema_that_cannot_be_resolved_is_undecodable(in_c: bool) -> None:
    ids = LocalIds()
    schema = own_schema()
    schema["fields"][0]["type"] = "long"
    assert (
        refusal(Codec(ids, in_c=in_c), written_by(schema, {**reading().to_avro(), "device_id": 7}, ids))
        == "UNDECODABLE"
    )
