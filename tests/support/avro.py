"""Avro for tests: values of every record for hypothesis, and the Avro library as the judge of the codec's halves."""

import enum
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import fastavro
import pytest
from hypothesis import strategies as st
from liandong.wire.bodies import native
from liandong.wire.resolution import parsed_schema
from liandong_contracts.base import Record

_BUILT = native is not None or os.environ.get("CI") == "true"  # in CI a missing C half fails
IN_C = pytest.param(
    True, id="c", marks=[] if _BUILT else pytest.mark.skip(reason="the codec in C is not built: no compiler was there")
)
HALVES = [pytest.param(False, id="python"), IN_C]

_EARLIEST, _LATEST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_BEIJING = timedelta(hours=8)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
_STRINGS = st.text(max_size=80) | st.sampled_from(["", "\0", "雨量站", "𠮷野家", "😀" * 40, "a" * 5000])
_FLOATS = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, float("inf")])
_WHOLE = st.sampled_from([0, -1, 63, 64, -64, -65, 8191, 8192, 1_800_000_000_000])


def _ints(bits: int) -> st.SearchStrategy[int]:
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return st.integers(least, most) | st.sampled_from([least, most]) | _WHOLE.filter(lambda n: least <= n <= most)


def _cut(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _plain(kind: Any) -> str:
    return _plain(kind["type"]) if isinstance(kind, dict) else str(kind)


def _values(kind: Any, hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) in (Union, UnionType):
        some = next(part for part in get_args(hint) if part is not type(None))
        inner = next((branch for branch in kind if branch != "null"), None) if isinstance(kind, list) else kind
        return st.none() | _values(inner, some)
    if get_origin(hint) is tuple:
        return st.lists(_values(kind["items"], get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(_STRINGS, _values(kind["values"], get_args(hint)[1]), max_size=3)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    if issubclass(hint, Record):
        return records_of(hint)
    if hint is int:
        return _ints(32 if _plain(kind) == "int" else 64)
    if hint is datetime:
        return (TIMES | st.sampled_from([_EARLIEST, _LATEST])).map(_cut)
    return {str: _STRINGS, bytes: st.binary(max_size=80), bool: st.booleans(), float: _FLOATS}[hint]


def records_of(record: type[Record]) -> st.SearchStrategy[Record]:
    """Return a strategy for a record, from its schema and its fields' types, with the extremes of each."""
    hints = get_type_hints(record)
    kinds = {field["name"]: field["type"] for field in parsed_schema(record)["fields"]}
    return st.builds(record, **{name: _values(kinds[name], hints[name]) for name in record.__struct_fields__})


def library_bytes(record: Record, schema: Any = None) -> bytes:
    """Return the body that the Avro library writes."""
    out = BytesIO()
    fastavro.schemaless_writer(out, schema or parsed_schema(type(record)), record.to_avro())
    return out.getvalue()


def library_record(record: type[Record], body: bytes) -> Record:
    """Return what the Avro library reads; ValueError when it leaves bytes over."""
    source = BytesIO(body)
    plain: Any = fastavro.schemaless_reader(source, parsed_schema(record), None)
    if source.tell() != len(body):
        raise ValueError("bytes are left over")
    return record.from_avro(plain)


class AsIs:
    """No encryption (see `liandong.wire.codec.Seal`): where bytes are compared with the Avro library's."""

    def writing(self, record: type[Record], write: Any) -> Any:
        return write

    def reading(self, record: type[Record], read: Any) -> Any:
        return read


AS_IS = AsIs()
