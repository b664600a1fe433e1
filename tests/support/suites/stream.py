"""The promises of a stream engine as tests to inherit: the memory harness and the engine on Kafka pass the same ones.

A Rig runs the mill (`tests.support.mill`) on one of them. The world's clock moves only when a test says so.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from liandong.event import Event
from liandong.ids import event_id
from liandong.stream.held import Place

from tests.support import mill

REPORT = timedelta(minutes=5)


class Rig(ABC):
    """A mill on some engine. Whatever is fed is settled (handled, feedback too) before a method returns."""

    @abstractmethod
    def feed(self, *events: tuple[Any, mill.Item, dict[str, Any]]) -> None:
        """Deliver (topic, item, attributes: id, sequence) in this order."""

    @abstractmethod
    def advance(self, by: timedelta) -> None:
        """Move the world's clock and let due timers fire."""

    @abstractmethod
    def lose(self) -> None:
        """End the process without a goodbye and start it again; what is not committed is lost."""

    @abstractmethod
    def wipe(self) -> None:
        """Do the same on a disk that has nothing."""

    @abstractmethod
    def published(self) -> list[Event[Any]]:
        """Return all published events, in order for each key."""

    @abstractmethod
    def states(self, name: str) -> dict[str, Any]:
        """Return all states of a name by key, as a restart would find them."""

    @abstractmethod
    def letters(self) -> Sequence[Place]:
        """Return the places of the open dead letters, oldest first."""

    @abstractmethod
    def waiting(self) -> int:
        """Return how many events wait behind dead letters."""

    @abstractmethod
    def order(self, place: Place, *, replay: bool) -> None:
        """Have a dead letter replayed or skipped, and wait until that is done."""

    def items(self, key: str, *numbers: int, bin: str = "b0") -> None:
        """Deliver items of one key, told apart by id."""
        self.feed(*((mill.ITEM, mill.Item(key, n, bin), {"id": f"{key}-{n}"}) for n in numbers))

    def numbers(self, key: str) -> list[int]:
        """Return the numbers that were published as tallied, of one key."""
        return [e.data.number for e in self.published() if isinstance(e.data, mill.Tallied) and e.key == key]

    def reports(self, key: str) -> list[tuple[int, int]]:
        """Return (report, items) of the reports of one key."""
        told = [e.data for e in self.published() if isinstance(e.data, mill.Reported) and e.key == key]
        return [(one.report, one.items) for one in told]


class StreamBehaviour:
    """Inherit and provide the fixture `rig`."""

    @pytest.fixture(autouse=True)
    def _whole(self) -> None:
        mill.BROKEN.clear()
        mill.MENDED.clear()

    def test_each_event_counts_once_and_in_order(self, rig: Rig) -> None:
        rig.items("k", *range(1, 20))
        rig.items("l", 1, 2, 3)
        assert rig.numbers("k") == list(range(1, 20))
        assert rig.states("tally")["k"].count == 19
        assert rig.states("tally")["l"].total == 6
        sequences = [e.sequence for e in rig.published() if e.key == "k" and isinstance(e.data, mill.Tallied)]
        assert sequences == list(range(1, 20))

    def test_what_was_seen_before_changes_nothing(self, rig: Rig) -> None:
        rig.items("k", 1, 2, 1, 2)
        third = mill.Item("k", 3, "b0")
        rig.feed(*[(mill.ITEM, third, {"id": f"x{n}", "sequence": 7 - n}) for n in range(3)])
        rig.lose()
        rig.items("k", 1, 2)
        rig.feed((mill.ITEM, third, {"id": "y", "sequence": 7}))
        assert rig.numbers("k") == [1, 2, 3]

    def test_an_internal_topic_feeds_another_key(self, rig: Rig) -> None:
        rig.items("k", 1, 2, bin="b1")
        rig.items("l", 5, bin="b1")
        assert rig.states("bin") == {"b1": mill.Bin(3, 8)}

    def test_ids_come_from_the_cause(self, rig: Rig) -> None:
        rig.items("k", 1)
        (told,) = [e for e in rig.published() if isinstance(e.data, mill.Tallied)]
        assert told.id == event_id("k-1", mill.Tallied.FULL_NAME, 0)
        assert (told.causation_id, told.correlation_id) == ("k-1", "k-1")

    def test_state_survives_a_lost_process_and_a_wiped_disk(self, rig: Rig) -> None:
        rig.items("k", 1, 2, 3)
        rig.lose()
        rig.items("k", 4)
        kept = rig.states("tally")
        rig.wipe()
        assert rig.states("tally") == kept
        rig.items("k", 5)
        assert rig.numbers("k") == [1, 2, 3, 4, 5]
        assert [e.data.count for e in rig.published() if isinstance(e.data, mill.Tallied)] == [1, 2, 3, 4, 5]

    def test_a_timer_fires_once_across_losses(self, rig: Rig) -> None:
        rig.items("k", 1, 2)
        rig.advance(REPORT - timedelta(seconds=1))
        assert rig.reports("k") == []
        rig.lose()
        rig.advance(timedelta(seconds=2))
        assert rig.reports("k") == [(1, 2)]
        rig.wipe()
        rig.advance(timedelta(hours=1))
        assert rig.reports("k") == [(1, 2)]

    def test_a_timer_survives_a_wiped_disk(self, rig: Rig) -> None:
        rig.items("k", 1, 2)
        rig.wipe()
        rig.advance(REPORT)
        assert rig.reports("k") == [(1, 2)]

    def test_a_moved_timer_fires_at_its_new_time_and_a_cancelled_one_never(self, rig: Rig) -> None:
        rig.items("moved", *range(1, 7))
        rig.items("gone", 1)
        rig.advance(timedelta(minutes=4))
        rig.items("moved", 7)  # every seventh item puts the report off
        rig.items("gone", 0)  # nought withdraws it
        rig.lose()
        rig.advance(timedelta(minutes=4))
        assert rig.reports("moved") == []
        rig.advance(timedelta(minutes=2))
        assert rig.reports("moved") == [(1, 7)]
        assert rig.reports("gone") == []

    def test_after_an_outage_every_late_timer_fires_once(self, rig: Rig) -> None:
        keys = [f"k{n}" for n in range(30)]
        rig.feed(*[(mill.ITEM, mill.Item(key, 1, "b0"), {"id": key}) for key in keys])
        rig.advance(timedelta(days=2))
        told = [event.data for event in rig.published() if isinstance(event.data, mill.Reported)]
        assert sorted((one.key, one.report, one.items) for one in told) == sorted((key, 1, 1) for key in keys)

    def test_a_clock_that_jumps_back_repeats_nothing(self, rig: Rig) -> None:
        rig.items("k", 1)
        rig.advance(REPORT)
        rig.advance(-timedelta(minutes=30))
        rig.items("k", 2)
        rig.lose()
        rig.advance(timedelta(minutes=4))
        assert rig.reports("k") == [(1, 1)]
        rig.advance(timedelta(minutes=1))
        assert rig.reports("k") == [(1, 1), (2, 1)]

    def test_a_failing_handler_leaves_one_dead_letter_and_the_key_goes_on(self, rig: Rig) -> None:
        rig.items("k", 1, -1, 2)
        rig.lose()
        rig.items("k", 3)
        assert rig.numbers("k") == [1, 2, 3]
        assert rig.states("tally")["k"].count == 3
        assert len(rig.letters()) == 1

    def test_where_a_topic_parks_later_events_of_the_key_wait(self, rig: Rig) -> None:
        mill.BROKEN.add(2)
        rig.feed(*[knot("k", n) for n in (1, 2, 3, 4)], knot("other", 1))
        assert (rig.numbers("k"), rig.numbers("other")) == ([1], [1])
        assert rig.waiting() == 2
        rig.lose()
        rig.feed(knot("k", 5))
        (letter,) = rig.letters()
        rig.order(letter, replay=True)
        assert (rig.letters(), rig.waiting(), rig.numbers("k")) == ([letter], 3, [1])
        mill.BROKEN.clear()
        rig.order(letter, replay=True)
        assert (rig.letters(), rig.waiting(), rig.numbers("k")) == ([], 0, [1, 2, 3, 4, 5])

    def test_a_skipped_letter_is_gone_and_what_waited_goes_on(self, rig: Rig) -> None:
        mill.BROKEN.update((2, 3))
        rig.feed(*[knot("k", n) for n in (1, 2, 3, 4)])
        rig.order(rig.letters()[0], replay=False)
        assert rig.numbers("k") == [1]  # the next one failed in its turn
        rig.order(rig.letters()[0], replay=False)
        rig.wipe()
        assert (rig.letters(), rig.waiting(), rig.numbers("k")) == ([], 0, [1, 4])

    def test_a_letter_whose_key_went_on_is_replayed_exactly_once(self, rig: Rig) -> None:
        """Its sequence was passed long ago, and it lies on the topic twice."""
        bad = mill.Item("k", -5, "b0")
        rig.feed(*[(mill.ITEM, bad, {"id": "bad", "sequence": 1})] * 2)
        rig.feed(*[(mill.ITEM, mill.Item("k", n, "b0"), {"id": f"g{n}", "sequence": n}) for n in (2, 3)])
        first, second = rig.letters()
        mill.MENDED.add(-5)
        rig.order(first, replay=True)
        rig.order(second, replay=True)
        assert rig.numbers("k") == [2, 3, -5]
        assert rig.letters() == []
        rig.feed((mill.ITEM, mill.Item("k", 4, "b0"), {"id": "g4", "sequence": 4}))
        assert rig.numbers("k") == [2, 3, -5, 4]


def knot(key: str, number: int) -> tuple[Any, mill.Item, dict[str, Any]]:
    """Return an item for the topic whose keys wait behind a dead letter."""
    return mill.KNOT, mill.Item(key, number, ""), {"id": f"{key}-{number}", "sequence": number}
