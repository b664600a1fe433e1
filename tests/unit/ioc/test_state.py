"""A page takes up where it left: what it gets after any break equals what a fresh page gets."""

import random
from collections import defaultdict
from typing import Any

import pytest
from ioc_service.view.state import FURTHEST, Position, Snapshot, State

from tests.support.console_district import START
from tests.support.console_storm import Storm, tell

Copy = dict[str, dict[str, Any]]


def apply(copy: Copy, found: Snapshot) -> Copy:
    """What the page's script does with a message."""
    result: Copy = defaultdict(dict) if found.whole else copy
    for table, rows in found.tables.items():
        for row in rows:
            if row.get("open") is False:
                result[table].pop(row["key"], None)
            else:
                result[table][row["key"]] = row
    return result


@pytest.mark.parametrize("seed", range(5))
def test_any_sequence_of_breaks_ends_in_the_same_state(storm: Storm, state: State, seed: int) -> None:
    chance = random.Random(seed)
    copies: list[tuple[Copy, Position | None]] = [(defaultdict(dict), None)]
    put = storm.put

    def and_look(*args: Any, **more: Any) -> None:
        put(*args, **more)
        if chance.random() < 0.3:
            copy, seen = copies[0]
            found = state.since(seen, storm.now)
            copies[0] = (apply(copy, found), found.position)

    storm.put = and_look  # type: ignore[method-assign]
    tell(storm)
    copy, seen = copies[0]
    resumed = apply(copy, state.since(seen, storm.now))
    fresh = apply(defaultdict(dict), state.since(None, storm.now))
    assert {name: rows for name, rows in resumed.items() if rows} == dict(fresh)


def test_nothing_new_is_nothing_sent_but_the_registry(storm: Storm, state: State) -> None:
    tell(storm)
    here = state.position()
    assert set(state.since(here, storm.now).tables) == {"registry"}


@pytest.mark.parametrize("seen", [Position("other-life", 3), Position("", 10**9), None])
def test_an_unknown_position_gets_everything(storm: Storm, state: State, seen: Position | None) -> None:
    tell(storm)
    assert state.since(seen, storm.now).whole


def test_a_position_ahead_or_far_behind_gets_everything(storm: Storm, state: State) -> None:
    tell(storm)
    here = state.position()
    assert state.since(Position(here.epoch, here.rev + 1), storm.now).whole
    assert not state.since(Position(here.epoch, here.rev - 1), storm.now).whole
    assert here.rev < FURTHEST


def test_an_empty_console_has_a_position(state: State) -> None:
    assert state.since(None, START).position == Position("empty", 0)


@pytest.mark.parametrize("text", ["", "x", "-3", "a-", "a-b", "a-1e3", "a-" + "9" * 40, "a-１"])
def test_a_broken_last_event_id_is_no_position(text: str) -> None:
    assert Position.parse(text) is None


def test_a_position_survives_its_text() -> None:
    position = Position("4f-2", 17)
    assert Position.parse(str(position)) == position
