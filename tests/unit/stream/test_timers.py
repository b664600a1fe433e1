"""The schedule of timers, alone and below a table."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liandong.stream.causes import Cause
from liandong.stream.envelope import Cell, Timer
from liandong.stream.tables import Table
from liandong.stream.timers import Schedule, from_ms, to_ms
from liandong.testing.memory import DictStore, MemoryCodec

CAUSE = Cause("c", "c", "c")


def test_times_are_whole_milliseconds() -> None:
    at = datetime(2031, 7, 20, 12, 0, 0, 123_999, tzinfo=UTC)
    assert from_ms(to_ms(at)) == at.replace(microsecond=123_000)
    with pytest.raises(ValueError, match="no time zone"):
        to_ms(datetime(2031, 7, 20))  # noqa: DTZ001


def test_a_timer_pushed_back_a_thousand_times_has_one_entry() -> None:
    schedule = Schedule()
    for due in range(1000, 2000):
        schedule.arm("k", "quiet", due)
    assert len(schedule) == 1
    assert schedule.pop(999) is None
    assert schedule.pop(1000) == (1000, "k", "quiet")


def test_an_earlier_time_comes_up_first() -> None:
    schedule = Schedule()
    schedule.arm("k", "quiet", 2000)
    schedule.arm("k", "quiet", 1000)
    assert schedule.pop(5000) == (1000, "k", "quiet")
    assert schedule.pop(5000) is None


def test_only_the_next_timers_are_kept_and_the_rest_is_read_when_few_are_left() -> None:
    store, codec = DictStore(), MemoryCodec()
    table = Table(store, codec, "changelog", timed=True, timers_kept=8)
    for number in range(50):
        table.put(f"k{number}", Cell(timers={"t": Timer(1000 + number // 3, CAUSE)}))
    store.apply(table.changes())
    table.committed()
    table.activate()
    fired = []
    for now in range(990, 1020):
        while (due := table.pop_due(now)) is not None:
            assert len(table.schedule) <= 9
            assert due[2] == now
            fired.append(due[0])
            table.put(due[0], Cell(timers={"t": Timer(1019, CAUSE)} if due[0] == "k4" and due[2] < 1019 else {}))
            store.apply(table.changes())
            table.committed()
            table.refill()
    assert sorted(fired) == sorted([f"k{number}" for number in range(50)] + ["k4"])


def table_of(cells: dict[str, Cell]) -> Table:
    store = DictStore()
    table = Table(store, MemoryCodec(), "changelog", timed=True)
    for key, cell in cells.items():
        table.put(key, cell)
    store.apply(table.changes())
    table.committed()
    return table


def test_an_aborted_transaction_puts_its_timers_back() -> None:
    table = table_of({"k": Cell(timers={"quiet": Timer(1000, CAUSE)})})
    assert table.pop_due(1000) == ("k", "quiet", 1000)
    assert table.pop_due(1000) is None
    table.put("k", Cell())
    table.aborted()
    assert table.pop_due(1000) == ("k", "quiet", 1000)


def test_a_timer_cancelled_in_an_aborted_transaction_fires_later() -> None:
    table = table_of({"k": Cell(timers={"quiet": Timer(1000, CAUSE)})})
    table.put("k", Cell())
    assert table.pop_due(1000) is None
    table.aborted()
    assert table.pop_due(1000) == ("k", "quiet", 1000)


def test_an_armed_timer_waits_for_the_commit() -> None:
    table = table_of({})
    table.put("k", Cell(timers={"quiet": Timer(1000, CAUSE)}))
    assert table.pop_due(1000) is None
    table.committed()
    assert table.pop_due(1000) == ("k", "quiet", 1000)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.none() | st.integers(0, 50),
            st.sampled_from(["commit", "abort", "stay", "fire"]),
            st.integers(0, 50),
        ),
        max_size=60,
    )
)
def test_each_timer_fires_exactly_when_its_envelope_says(steps: list[tuple[str, int | None, str, int]]) -> None:
    store, codec = DictStore(), MemoryCodec()
    table = Table(store, codec, "changelog", timed=True)
    model: dict[str, int] = {}
    draft: dict[str, int] = {}
    for key, due, end, now in steps:
        timers = {} if due is None else {"t": Timer(due, CAUSE)}
        table.put(key, Cell(timers=timers, sequences={"kept": 1}))
        draft.pop(key, None)
        if due is not None:
            draft[key] = due
        if end == "commit":
            store.apply(table.changes())
            table.committed()
            model = dict(draft)
        elif end == "abort":
            table.aborted()
            draft = dict(model)
        elif end == "fire":
            store.apply(table.changes())
            table.committed()
            model = dict(draft)
            fired = {}
            while (found := table.pop_due(now)) is not None:
                fired[found[0]] = found[2]
                table.put(found[0], Cell(sequences={"kept": 1}))
            store.apply(table.changes())
            table.committed()
            assert fired == {key: due for key, due in model.items() if due <= now}
            draft = model = {key: due for key, due in model.items() if due > now}
            draft = dict(model)
    fresh = Table(store, codec, "changelog", timed=True)
    fresh.activate()
    assert len(fresh.schedule) == len(model)
