"""Compiled readers and writers agree with the Avro library, byte for byte, on every record of the contracts."""

import enum
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.wire.compiled import body_functions, compiled
from liandong.wire.resolution import library_reader, library_writer, parsed_schema
from liandong_contracts.base import Record
from liandong_contracts.flood import FloodEvidence
from liandong_contracts.records import RECORDS

TIMES = st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
SCALARS = {
    str: st.text(max_size=200),
    bytes: st.binary(max_size=200),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    int: st.integers(-(2**31), 2**31 - 1),
    datetime: TIMES,
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a field's type."""
    if hint in SCALARS:
        return SCALARS[hint]
    if get_origin(hint) in (Union, UnionType):
        return st.none() | values_of(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(st.text(max_size=9), values_of(get_args(hint)[1]), max_size=3)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    return records_of(hint)


def records_of(record: type[Record]) -> st.SearchStrategy[Record]:
    hints = get_type_hints(record)
    return st.builds(record, **{name: values_of(hints[name]) for name in record.__struct_fields__})


def test_every_record_of_the_contracts_is_compiled() -> None:
    assert [name for name, record in RECORDS.items() if compiled(record, parsed_schema(record)) is None] == []


@given(st.sampled_from(sorted(RECORDS)).flatmap(lambda name: records_of(RECORDS[name])))
def test_both_write_and_read_the_same(record: Record) -> None:
    write, read = body_functions(type(record))
    body = write(record)
    assert body == library_writer(type(record))(record)
    assert read(body, 0) == (record, len(body))
    assert read(b"frame" + body, 5) == (record, len(body) + 5)


@given(st.sampled_from(sorted(RECORDS)), st.binary(max_size=120))
def test_garbage_that_is_read_at_all_is_read_alike(name: str, garbage: bytes) -> None:
    record = RECORDS[name]
    found: Any = None
    with suppress(Exception):
        found = body_functions(record)[1](garbage, 0)
    if found is None or found[1] != len(garbage):
        return
    again, end = library_reader(record)(garbage, 0)
    assert end == len(garbage)
    assert repr(found[0]) == repr(again)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spot_id", None),
        ("spot_id", 7),
        ("spot_id", b"bytes"),
        ("source", "NO_SUCH_SYMBOL"),
        ("depth_cm", "deep"),
        ("observed_at", "2031-07-20"),
        ("observed_at", datetime(2031, 7, 20)),  # noqa: DTZ001
    ],
)
def test_a_value_of_the_wrong_type_is_refused(field: str, value: Any) -> None:
    good: dict[str, Any] = {name: getattr(evidence(), name) for name in FloodEvidence.__struct_fields__}
    with pytest.raises(Exception, match=r".+"):
        body_functions(FloodEvidence)[0](FloodEvidence(**good | {field: value}))


def evidence() -> FloodEvidence:
    body = {
        "spot_id": "s",
        "source": "SENSOR",
        "source_id": "d",
        "depth_cm": math.pi,
        "quality": "GOOD",
        "observed_at": datetime(2031, 7, 20, tzinfo=UTC),
        "late": False,
    }
    return FloodEvidence.from_avro(body)


def test_an_array_in_several_blocks_is_read() -> None:
    schema = parsed_schema(RECORDS["liandong.flood.WaterloggingUpdated"])
    assert fastavro.parse_schema(schema)
    write, read = body_functions(RECORDS["liandong.flood.WaterloggingUpdated"])
    record = RECORDS["liandong.flood.WaterloggingUpdated"].from_avro(
        {
            "spot_id": "s",
            "depth_cm": None,
            "level": "L1",
            "status": "CONFIRMED",
            "sources": ["SENSOR", "VIDEO"],
            "source_ids_total": 2,
            "at": datetime(2031, 7, 20, tzinfo=UTC),
            "recede_cm_per_h": None,
            "actions": [],
        }
    )
    body = write(record)
    whole = b"\x04\x02\x04\x00"  # two symbols in one block
    assert body.count(whole) == 1
    assert read(body.replace(whole, b"\x02\x02\x01\x02\x04\x00"), 0)[0] == record  # one, then one with its size


def test_what_only_the_library_knows_is_left_to_it() -> None:
    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Odd",
            "fields": [{"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4}}],
        }
    )

    class Odd(Record, frozen=True):
        price: bytes

    assert compiled(Odd, schema) is None
