"""Every record travels: hypothesis finds no value that one of both halves or the Avro library writes or reads apart."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong.wire import Codec, LocalIds
from liandong.wire.bodies import own_body
from liandong.wire.framing import HEADER_BYTES
from liandong.wire.plan import plan_of
from liandong_contracts import topics
from liandong_contracts.base import Record, Topic, schema_of
from liandong_contracts.records import RECORDS

from tests.support.avro import AS_IS, HALVES, library_bytes, library_record, records_of

EXAMPLES = Path(__file__).parents[2] / "schemas/examples"
TRAVELLING = [(topic, record) for topic in topics.ALL for record in topic.records]
ONE_OF_ALL = st.sampled_from(sorted(RECORDS))


def examples(topic: Topic, record: type[Record]) -> list[Record]:
    paths = sorted((EXAMPLES / topic.name).glob(f"{record.__name__}-*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=record) for path in paths]


@pytest.mark.parametrize("name", sorted(RECORDS))
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_every_value_of_every_record_is_written_and_read_like_the_library(name: str, data: st.DataObject) -> None:
    record = data.draw(records_of(RECORDS[name]))
    body = library_bytes(record)
    for half in {False, True}:
        ours = own_body(RECORDS[name], in_c=half)
        assert ours.encode(record) == body
        assert ours.decode(body) == record == ours.decode(b"frame" + body, 5)
        assert ours.decode_many([body, None, body]) == [record, None, record]
    assert library_record(RECORDS[name], body) == record


@pytest.mark.parametrize("in_c", HALVES)
@pytest.mark.parametrize(("topic", "record"), TRAVELLING, ids=lambda part: getattr(part, "__name__", str(part)))
def test_every_example_travels(topic: Topic, record: type[Record], in_c: bool) -> None:
    found = examples(topic, record)
    assert len(found) >= 2
    writer, reader = Codec(LocalIds(), in_c=in_c, seal=AS_IS), Codec(LocalIds(), in_c=not in_c, seal=AS_IS)
    wire = topic.wire("district")
    values = writer.encode_many(wire, found)
    assert values == reader.encode_many(wire, found)
    assert writer.decode_many(values) == reader.decode_many(values) == found
    assert [library_record(record, value[HEADER_BYTES:]) for value in values] == found


@pytest.mark.parametrize("in_c", HALVES)
@pytest.mark.parametrize("name", sorted(RECORDS))
def test_older_and_newer_versions_of_every_record_are_read(name: str, in_c: bool) -> None:
    """Old: without the fields that have defaults. New: one more field in front, one more symbol in each enum."""
    record = RECORDS[name]
    required = [field for field in msgspec.structs.fields(record) if field.required]
    homes = [topic for topic, travelling in TRAVELLING if travelling is record]  # none: inside of others only
    for example in [example for topic in homes for example in examples(topic, record)]:
        schema = json.loads(schema_of(record))
        old = {**schema, "fields": [f for f in schema["fields"] if "default" not in f]}
        assert {f["name"] for f in old["fields"]} == {f.encode_name for f in required}
        kept = {f.encode_name: getattr(example, f.name) for f in required}
        assert read_as_written(example, old, in_c) == record(**kept)
        new = {**schema, "fields": [{"name": "added_later", "type": "long", "default": 7}, *schema["fields"]]}
        assert read_as_written(example, new, in_c) == example


def read_as_written(example: Record, schema: dict[str, Any], in_c: bool) -> Record:
    ids = LocalIds()
    schema_id = ids.add(json.loads(json.dumps(schema)))
    body = library_bytes(example, fastavro.parse_schema(schema))
    return Codec(ids, in_c=in_c, seal=AS_IS).decode(b"\0" + schema_id.to_bytes(4, "big") + body)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_record_has_a_plan_of_its_own(name: str) -> None:
    plan = plan_of(RECORDS[name])
    assert plan.writes
    assert plan.nodes[0][2] == RECORDS[name].__struct_fields__


@pytest.mark.parametrize("in_c", HALVES)
@given(data=st.data())
def test_times_are_cut_to_milliseconds_towards_the_past(data: st.DataObject, in_c: bool) -> None:
    record = data.draw(records_of(RECORDS["liandong.sensing.DeviceCameOnline"]))
    microseconds = data.draw(st.integers(0, 999))
    body = own_body(type(record), in_c=in_c)
    finer = msgspec.structs.replace(record, at=record.at + timedelta(microseconds=microseconds))  # type: ignore[attr-defined]  # the generated record has it
    assert body.decode(body.encode(finer)) == record
