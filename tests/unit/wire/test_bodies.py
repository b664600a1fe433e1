"""Bodies: what the contracts' records hardly show. Blocks, promotions, other people's types, and the halves as such."""

import importlib
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import fastavro
import msgspec
import pytest
from liandong.wire import bodies
from liandong.wire.bodies import body_of
from liandong.wire.plan import Mismatch
from liandong_contracts.base import Record

from tests.support.avro import HALVES


class Colour(StrEnum):
    UNKNOWN = "UNKNOWN"
    RED = "RED"


class Sample(Record, frozen=True, kw_only=True):
    FULL_NAME = "test.Sample"

    number: float
    words: tuple[str, ...] = ()
    counts: Mapping[str, int] = msgspec.field(default_factory=dict)
    colour: Colour | None = None


SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Sample",
    "namespace": "test",
    "fields": [
        {"name": "number", "type": "double", "aliases": ["amount"]},
        {"name": "words", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "counts", "type": {"type": "map", "values": "int"}, "default": {}},
        {
            "name": "colour",
            "type": ["null", {"type": "enum", "name": "Colour", "symbols": ["UNKNOWN", "RED"]}],
            "default": None,
        },
    ],
}
ZERO = b"\0" * 8


@pytest.fixture(autouse=True)
def _schema_of_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liandong.wire.plan.parsed_schema", lambda record: fastavro.parse_schema(SCHEMA))


def read(body: bytes, in_c: bool, **changes: Any) -> Any:
    """Read a body whose writer had other types for some fields."""
    fields = [{"name": f["name"], "type": changes.get(f["name"], f["type"])} for f in SCHEMA["fields"]]
    writer = fastavro.parse_schema({**SCHEMA, "fields": fields})
    return body_of(Sample, writer, in_c=in_c).decode(body)


@pytest.mark.parametrize("in_c", HALVES)
def test_blocks_of_other_writers(in_c: bool) -> None:
    words = b"\x02\x02a" + b"\x03\x04\x02b\x02c"  # one; then two, with the size of the block
    counts = b"\x01\x06\x02x\x02" + b"\x02\x02y\x04"
    found = body_of(Sample, in_c=in_c).decode(ZERO + words + b"\0" + counts + b"\0" + b"\0")
    assert found == Sample(number=0.0, words=("a", "b", "c"), counts={"x": 1, "y": 2})


@pytest.mark.parametrize("in_c", HALVES)
def test_a_thousand_blocks_of_one(in_c: bool) -> None:
    found = body_of(Sample, in_c=in_c).decode(ZERO + b"\x02\x02a" * 1000 + b"\0\0\0")
    assert found.words == ("a",) * 1000


@pytest.mark.parametrize("in_c", HALVES)
def test_promotions(in_c: bool) -> None:
    assert read(b"\x05\0\0\0", in_c, number="int") == Sample(number=-3.0)
    assert read(b"\x05\0\0\0", in_c, number="long") == Sample(number=-3.0)
    assert read(b"\0\0\x80\x3f\0\0\0", in_c, number="float") == Sample(number=1.0)
    assert read(ZERO + b"\2\2a\0\0\0", in_c, words={"type": "array", "items": "bytes"}).words == ("a",)
    for wrong in ("string", "boolean", "bytes"):
        with pytest.raises(Mismatch, match=f"number: {wrong} is not double"):
            read(b"", in_c, number=wrong)
    with pytest.raises(Mismatch, match="long is not int"):
        read(b"", in_c, counts={"type": "map", "values": "long"})


@pytest.mark.parametrize("in_c", HALVES)
def test_unions_of_the_writer(in_c: bool) -> None:
    kind = ["string", "double", "null"]
    assert read(b"\2" + ZERO + b"\0\0\0", in_c, number=kind) == Sample(number=0.0)
    for branch in (b"\0\2a", b"\4"):
        with pytest.raises(ValueError, match="is not double"):
            read(branch + b"\0\0\0", in_c, number=kind)
    colour = {"type": "enum", "name": "Colour", "symbols": ["RED", "UNKNOWN"]}
    assert read(ZERO + b"\0\0\0", in_c, colour=colour).colour is Colour.RED, "a type where we have null too"


@pytest.mark.parametrize("in_c", HALVES)
def test_a_field_with_its_former_name(in_c: bool) -> None:
    fields = [{"name": "amount", "type": "double"}, *SCHEMA["fields"][1:]]
    writer = fastavro.parse_schema({**SCHEMA, "fields": fields})
    assert body_of(Sample, writer, in_c=in_c).decode(ZERO + b"\0\0\0") == Sample(number=0.0)


def test_a_field_that_is_missing_without_a_default() -> None:
    writer = fastavro.parse_schema({**SCHEMA, "fields": SCHEMA["fields"][1:]})
    with pytest.raises(Mismatch, match="number is not written and has no default"):
        body_of(Sample, writer)


@pytest.mark.parametrize("in_c", HALVES)
def test_another_versions_plan_does_not_write(in_c: bool) -> None:
    body = body_of(Sample, fastavro.parse_schema(SCHEMA), in_c=in_c)
    with pytest.raises(TypeError, match="read"):
        body.encode(Sample(number=1.0))


@pytest.mark.parametrize("in_c", HALVES)
def test_an_int_of_33_bits_is_neither_written_nor_read(in_c: bool) -> None:
    body = body_of(Sample, in_c=in_c)
    for number in (2**31, -(2**31) - 1):
        with pytest.raises(OverflowError, match="32 bits"):
            body.encode(Sample(number=1.0, counts={"a": number}))
    with pytest.raises(ValueError, match="32 bits"):
        body.decode(ZERO + b"\0" + b"\2\2a\x80\x80\x80\x80\x10\0\0")


def test_without_the_module_everything_is_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "liandong_native", None)
    try:
        without = importlib.reload(bodies)
        assert without.native is None
        body = without.body_of(Sample)
        assert type(body).__name__ == "CompiledBody"
        assert body.decode(body.encode(Sample(number=2.0))) == Sample(number=2.0)
    finally:
        monkeypatch.undo()
        importlib.reload(bodies)


def test_the_module_in_c_is_there_in_ci() -> None:
    if bodies.native is None and os.environ.get("CI") != "true":
        pytest.skip("the codec in C is not built: no compiler was there")
    assert bodies.native is not None
