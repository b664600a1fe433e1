"""Isolation finds the one unit that Kafka refuses, whatever its place, and lets the rest through."""

from hypothesis import given
from hypothesis import strategies as st
from liandong.stream.isolation import Isolation, Unit


def unit(number: int) -> Unit:
    return Unit("event", "t", 0, number)


@given(st.integers(1, 400), st.sets(st.integers(0, 399), max_size=3), st.integers(5, 500))
def test_the_refused_units_are_buried_and_all_others_go_through(count: int, bad: set[int], batch: int) -> None:
    isolation = Isolation(largest=500)
    through: list[int] = []
    buried: list[int] = []
    at = rounds = 0
    while at < count:
        rounds += 1
        assert rounds < 200
        size, taken, dead = 0, list[int](), list[int]()
        for number in range(at, min(count, at + batch)):
            if isolation.is_full(size):
                break
            size += 1
            if isolation.is_active and isolation.condemned(unit(number)):
                dead.append(number)
            else:
                taken.append(number)
        if bad & set(taken):
            isolation.refused(size, None, "too large")
        else:
            at, through, buried = at + size, through + taken, buried + dead
            if isolation.is_active:
                isolation.committed()
    assert buried == sorted(bad & set(range(count)))
    assert through == [number for number in range(count) if number not in bad]


def test_a_unit_that_is_known_is_condemned_at_once() -> None:
    isolation = Isolation(largest=500)
    isolation.refused(300, unit(7), "topic gone")
    assert (isolation.limit, isolation.condemned(unit(7)), isolation.condemned(unit(8))) == (1, "topic gone", None)


def test_an_abort_without_a_refusal_makes_nothing_smaller() -> None:
    isolation = Isolation(largest=500)
    isolation.aborted(100)
    assert (isolation.limit, isolation.is_active) == (None, True)
    isolation.committed()
    assert not isolation.is_active


def test_transactions_that_are_aborted_again_and_again_get_smaller_and_condemn_nobody() -> None:
    isolation = Isolation(largest=500)
    for _ in range(5):
        isolation.condemned(unit(1))
        isolation.aborted(min(100, isolation.limit or 100))
    assert isolation.limit == 1
    isolation.aborted(1)
    assert isolation.condemned(unit(1)) is None
    for _ in range(9):
        isolation.committed()
    assert not isolation.is_active
    assert not isolation.is_full(400)
