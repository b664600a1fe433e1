"""A lot of held records: order for each key, rollback, bounds."""

from datetime import UTC, datetime

from liandong.stream.held import HeldMessage, Lot, place_of
from liandong.testing.memory import MemoryCodec
from liandong_contracts.kit import HeldRecord

PARKING = frozenset({"t"})


def message(offset: int, key: bytes | None = b"k", topic: str = "t") -> HeldMessage:
    at = datetime(2031, 7, 20, tzinfo=UTC)
    return HeldMessage(HeldRecord(topic=topic, partition=0, offset=offset, timestamp=at, key=key, value=b"v"))


def lot(*records: HeldRecord, room: int = 100, kept: int = 100) -> Lot:
    return Lot(records, MemoryCodec(), "letters", PARKING, room=room, kept=kept)


def again(known: Lot) -> Lot:
    """Return the lot that another instance reads from the changes of this transaction."""
    codec = MemoryCodec([HeldRecord])
    decoded = [codec.decode(value) for _, value in known.changes() if value is not None]
    return lot(*[one for one in decoded if isinstance(one, HeldRecord)])


def test_what_waits_is_free_in_order_when_the_letter_is_gone() -> None:
    mine = lot()
    mine.bury(message(1), "HANDLER_FAILED")
    for offset in (2, 3):
        assert mine.holds("t", b"k")
        mine.park(message(offset))
    assert not mine.holds("t", b"other")
    assert mine.next_free(10) == []
    other = again(mine)
    assert (other.waiting, [place_of(one) for one in other.letters]) == (2, [("t", 0, 1)])
    other.release(("t", 0, 1))
    assert [one.offset for one in other.next_free(10)] == [2, 3]
    assert [one.offset for one in other.next_free(1)] == [2]
    other.bury(message(2), "HANDLER_FAILED")  # it fails in its turn: the next waits behind it
    assert other.next_free(10) == []
    assert not other.is_first(HeldRecord(topic="t", partition=0, offset=3, timestamp=datetime.now(UTC), key=b"k"))
    other.release(("t", 0, 2))
    other.release(("t", 0, 3))
    assert not other.holds("t", b"k")


def test_an_aborted_transaction_leaves_no_trace() -> None:
    mine = lot()
    mine.bury(message(1), "HANDLER_FAILED")
    mine.committed()
    mine.park(message(2))
    mine.release(("t", 0, 1))
    mine.settle(("t", 0, 1), 5)
    mine.aborted()
    assert (mine.waiting, len(mine.letters), mine.touched) == (0, 1, False)
    assert mine.holds("t", b"k")
    assert not mine.is_settled(("t", 0, 1), 5)


def test_an_order_is_carried_out_once() -> None:
    mine = lot()
    mine.settle(("t", 0, 1), 5)
    assert mine.changes() == [(b"order|t|0|1", None)]
    mine.committed()
    assert mine.is_settled(("t", 0, 1), 5)
    assert not mine.is_settled(("t", 0, 1), 6)


def test_nothing_waits_behind_a_record_without_a_key_or_of_a_topic_that_goes_on() -> None:
    mine = lot()
    mine.bury(message(1, None), "BAD_FRAMING")
    mine.bury(message(1, b"k", "other"), "BAD_FRAMING")
    assert not mine.holds("t", None)
    assert not mine.holds("other", b"k")
    assert len(mine.letters) == 2


def test_both_kinds_are_bounded() -> None:
    mine = lot(room=3, kept=5)
    mine.bury(message(0), "HANDLER_FAILED")
    for offset in range(1, 4):
        assert not mine.is_full
        mine.park(message(offset))
    assert mine.is_full
    for offset in range(20):
        mine.bury(message(offset, b"x", "other"), "HANDLER_FAILED")
    assert len(mine.letters) == 2
    assert mine.letter(("t", 0, 0)) is not None  # what others wait behind is never given up
