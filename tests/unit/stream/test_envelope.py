"""The durable form of a cell."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong.errors import DecodeError
from liandong.stream.causes import Cause
from liandong.stream.envelope import Cell, Timer, cell_of, envelope_of, has_mark, mark_of
from liandong.stream.timers import from_ms
from liandong.wire import Codec, LocalIds
from liandong_contracts.kit import Timer as TimerRecord

text = st.text(max_size=12)
maybe = st.none() | text
longs = st.dictionaries(text, st.integers(-(2**63), 2**63 - 1), max_size=4)
causes = st.builds(Cause, text, text, text, maybe, maybe, maybe, maybe, maybe)
timers = st.dictionaries(text, st.builds(Timer, st.integers(0, 4 * 10**12), causes), max_size=3)
cells = st.builds(Cell, st.none(), st.none() | st.binary(max_size=6000), timers, longs, longs, st.binary(max_size=64))


def content(cell: Cell) -> tuple[Any, ...]:
    return cell.raw, cell.timers, cell.sequences, cell.fences, cell.recent


@settings(deadline=None)  # the first call compiles the codec
@given(cells)
def test_nothing_of_a_cell_is_lost_in_its_bytes(cell: Cell) -> None:
    envelope = envelope_of(cell)
    if envelope is None:
        assert cell.is_empty()
        return
    codec = Codec(LocalIds())
    assert content(cell_of(codec.decode(codec.encode("changelog", envelope)))) == content(cell)


def test_an_empty_cell_leaves_nothing() -> None:
    assert envelope_of(Cell()) is None
    assert envelope_of(Cell(sequences={"town.count": 3})) is not None


def test_only_envelopes_are_cells() -> None:
    with pytest.raises(DecodeError, match="BAD_STATE"):
        cell_of(TimerRecord(name="n", due=from_ms(0), cause_id="", event_id="", correlation_id=""))


def test_marks_match_only_where_a_mark_begins() -> None:
    marks = [mark_of(f"event-{n}") for n in range(5)]
    recent = b"".join(marks)
    assert all(has_mark(recent, mark) for mark in marks)
    assert not has_mark(recent, mark_of("event-5"))
    assert not has_mark(recent, recent[3:11])
    assert has_mark(recent + recent[3:11], recent[3:11])
