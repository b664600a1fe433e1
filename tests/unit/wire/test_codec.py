import json
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.errors import DecodeError
from liandong.wire import Codec, LocalIds
from liandong.wire.codec import UNKNOWN_SYMBOLS
from liandong.wire.compiled import body_functions
from liandong.wire.framing import HEADER_BYTES, header
from liandong_contracts.base import Record, schema_of
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.records import RECORDS
from liandong_contracts.sensing import DeviceCameOnline, Measurement, ReadingObserved

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


def test_round_trip() -> None:
    writer, reader = Codec(LocalIds()), Codec(LocalIds())
    value = writer.encode(TOPIC, reading())
    assert value[0] == 0
    assert reader.decode(value) == writer.decode(value) == reading()
    assert reader.type_of(value) is ReadingObserved


def test_ids_are_asked_for_once() -> None:
    ids = CountingIds()
    codec = Codec(ids)
    codec.prepare([(TOPIC, ReadingObserved)])
    values = [codec.encode(TOPIC, reading()) for _ in range(3)]
    assert [codec.decode(value) for value in values] == [reading()] * 3
    assert ids.asked == [TOPIC]
    fresh = Codec(ids)
    assert fresh.decode(values[0]) == fresh.decode(values[1])
    assert ids.asked == [TOPIC, ids.id_of(TOPIC, ReadingObserved), TOPIC]


def test_times_are_cut_to_milliseconds() -> None:
    came = DeviceCameOnline(device_id="d", offline_s=1, backlog_readings=0, at=AT.replace(microsecond=123456))
    after = Codec(LocalIds()).decode(Codec(LocalIds()).encode("t", came))
    assert isinstance(after, DeviceCameOnline)
    assert after.at == AT


def test_a_wrong_field_type_names_the_record() -> None:
    wrong = DeviceCameOnline(device_id="d", offline_s="long", backlog_readings=0, at=AT)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"int|str|integer") as error:
        Codec(LocalIds()).encode("district.sensing.device.v1", wrong)
    assert "DeviceCameOnline" in "".join(error.value.__notes__)


def test_bad_values_have_a_reason() -> None:
    codec = Codec(LocalIds())
    value = codec.encode(TOPIC, reading())
    assert refusal(codec, None) == "BAD_FRAMING"
    assert refusal(codec, b"hello") == "BAD_FRAMING"
    assert refusal(codec, header(999_999) + b"x") == "UNKNOWN_SCHEMA"
    assert refusal(codec, value[:-3]) == "UNDECODABLE"
    assert refusal(codec, value + b"\x00") == "UNDECODABLE"
    assert refusal(codec, value[:HEADER_BYTES] + b"\xff" * 40) == "UNDECODABLE"


@given(body=st.binary(max_size=200), name=st.sampled_from(sorted(RECORDS)))
def test_garbage_never_escapes_as_anything_but_a_decode_error(body: bytes, name: str) -> None:
    codec = Codec(LocalIds())
    value = header(LocalIds().id_of(TOPIC, RECORDS[name])) + body
    with suppress(DecodeError):  # anything else fails the test
        assert isinstance(codec.decode(value), Record)


def test_a_record_that_this_build_does_not_have_is_skipped_by_type() -> None:
    ids = LocalIds()
    schema = {"type": "record", "name": "Newer", "namespace": "liandong.sensing", "fields": []}
    value = header(ids.add(schema))
    codec = Codec(ids)
    assert codec.type_of(value) is None
    assert refusal(codec, value) == "UNKNOWN_SCHEMA"


@pytest.mark.parametrize("schema", ["not avro", {"type": "nonsense"}, "string", 7])
def test_a_schema_of_another_kind_is_unknown(schema: Any) -> None:
    ids = LocalIds()
    assert refusal(Codec(ids), header(ids.add(schema)) + b"\x02a") == "UNKNOWN_SCHEMA"


def test_a_newer_writer_with_another_field_and_order() -> None:
    ids = LocalIds()
    schema = own_schema()
    added = {"name": "sensor_no", "type": ["null", "string"], "default": None, "doc": "New."}
    schema["fields"] = [schema["fields"][1], added, schema["fields"][0], *schema["fields"][2:]]
    value = written_by(schema, {**reading().to_avro(), "sensor_no": "7"}, ids)
    assert Codec(ids).decode(value) == reading()


def test_an_older_writer_without_a_field() -> None:
    ids = LocalIds()
    schema = own_schema()
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "object_id"]
    assert Codec(ids).decode(written_by(schema, reading().to_avro(), ids)) == reading()


def test_other_words_in_the_schema_need_no_resolution() -> None:
    ids = LocalIds()
    schema = {**own_schema(), "doc": "Other words."}
    codec = Codec(ids)
    value = written_by(schema, reading().to_avro(), ids)
    assert codec.decode(value) == reading()
    assert codec._reading_of(value).read is body_functions(ReadingObserved)[1]


def test_a_newer_symbol_becomes_the_default_and_is_counted() -> None:
    ids = LocalIds()
    schema = own_schema()
    quality = schema["fields"][2]["type"]["items"]["fields"][4]["type"]
    assert quality["name"] == "Quality"
    quality["symbols"] = ["PREDICTED", *quality["symbols"]]
    datum = reading().to_avro()
    datum["measurements"][0]["quality"] = "PREDICTED"
    counted = UNKNOWN_SYMBOLS.labels("Quality")._value
    before = counted.get()
    assert Codec(ids).decode(written_by(schema, datum, ids)) == reading(Quality.UNKNOWN)
    assert counted.get() == before + 1
    assert Codec(ids).decode(written_by(schema, reading().to_avro(), ids)) == reading()
    assert counted.get() == before + 1


def test_a_schema_that_cannot_be_resolved_is_undecodable() -> None:
    ids = LocalIds()
    schema = own_schema()
    schema["fields"][0]["type"] = "long"
    assert refusal(Codec(ids), written_by(schema, {**reading().to_avro(), "device_id": 7}, ids)) == "UNDECODABLE"
