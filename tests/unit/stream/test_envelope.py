"""The envelope's bytes are Avro of its declared schema, and nothing is lost in them."""

import contextlib
import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.errors import DecodeError
from liandong.stream.causes import Cause
from liandong.stream.envelope import Cell, Timer, has_mark, mark_of, pack, unpack
from liandong.stream.timers import from_ms
from liandong_contracts.base import schema_of
from liandong_contracts.kit import StateEnvelope

SCHEMA = fastavro.parse_schema(json.loads(schema_of(StateEnvelope)))
PREFIX = b"\0\0\0\0\7"

text = st.text(max_size=12)
maybe = st.none() | text
longs = st.dictionaries(text, st.integers(-(2**63), 2**63 - 1), max_size=4)
causes = st.builds(Cause, text, text, text, maybe, maybe, maybe, maybe, maybe)
timers = st.dictionaries(text, st.builds(Timer, st.integers(0, 4 * 10**12), causes), max_size=3)
cells = st.builds(Cell, st.none(), st.none() | st.binary(max_size=6000), timers, longs, longs, st.binary(max_size=64))


def plain(cell: Cell) -> dict[str, Any]:
    rows = []
    for name, timer in cell.timers.items():
        cause = timer.cause
        rows.append(
            {
                "name": name,
                "due": from_ms(timer.due),
                "cause_id": cause.id,
                "event_id": cause.event_id,
                "correlation_id": cause.correlation_id,
                "area_code": cause.area_code,
                "traceparent": cause.traceparent,
                "mode": cause.mode,
                "drill_id": cause.drill_id,
                "replay_id": cause.replay_id,
            }
        )
    return {
        "state": cell.raw,
        "timers": rows,
        "sequences": cell.sequences,
        "fences": cell.fences,
        "recent": cell.recent,
    }


def content(cell: Cell) -> tuple[Any, ...]:
    return cell.raw, cell.timers, cell.sequences, cell.fences, cell.recent


@given(cells)
def test_a_packed_cell_is_avro_and_comes_back(cell: Cell) -> None:
    value = pack(cell, PREFIX)
    if value is None:
        assert cell.is_empty()
        return
    assert value[:5] == PREFIX
    assert fastavro.schemaless_reader(io.BytesIO(value[5:]), SCHEMA, None) == plain(cell)
    assert content(unpack(value)) == content(cell)


@given(cells)
def test_what_another_avro_writer_wrote_is_read(cell: Cell) -> None:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, SCHEMA, plain(cell))
    assert content(unpack(PREFIX + body.getvalue())) == content(cell)


@given(st.binary(max_size=40))
def test_garbage_is_a_decode_error_or_a_cell(garbage: bytes) -> None:
    with contextlib.suppress(DecodeError):
        unpack(PREFIX + garbage)


def test_an_empty_cell_leaves_nothing() -> None:
    assert pack(Cell(), PREFIX) is None
    assert pack(Cell(sequences={"town.count": 3}), PREFIX) is not None


def test_marks_match_only_where_a_mark_begins() -> None:
    marks = [mark_of(f"event-{n}") for n in range(5)]
    recent = b"".join(marks)
    assert all(has_mark(recent, mark) for mark in marks)
    assert not has_mark(recent, mark_of("event-5"))
    assert not has_mark(recent, recent[3:11])
    assert has_mark(recent + recent[3:11], recent[3:11])


@pytest.mark.parametrize("cut", [6, 7, 9])
def test_a_cut_value_is_refused(cut: int) -> None:
    value = pack(Cell(raw=b"0123456789"), PREFIX)
    assert value is not None
    with pytest.raises(DecodeError, match="BAD_STATE"):
        unpack(value[:cut])
