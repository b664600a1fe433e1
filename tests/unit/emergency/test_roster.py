"""Post to person at a moment, for any moment and any roster."""

from datetime import UTC, datetime, time, timedelta

import pytest
from emergency_service.domain.area import Area, Areas
from emergency_service.domain.policy import SHANGHAI
from emergency_service.domain.roster import Person, PostEntry, Roster, Shift, problems_of, uncovered
from emergency_service.reference import References
from hypothesis import given
from hypothesis import strategies as st

AREAS = Areas((Area("990199", "测试区"), Area("990199001", "测试街道", "990199")))
PEOPLE = tuple(Person(name, name) for name in ("a", "b", "c", "d"))
OFFICER = PostEntry("DUTY_OFFICER", "990199", person="d")
moments = st.integers(0, 365 * 1440).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, 1, hour, minute, tzinfo=SHANGHAI)


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Shift, ...]:
    """Sound shifts of one post: cut the day at distinct minutes, leave some of the pieces empty."""
    cuts = sorted(draw(st.sets(st.integers(0, 1439), min_size=2, max_size=6)))
    times = [time(minute // 60, minute % 60) for minute in cuts]
    pieces = list(zip(times, times[1:] + times[:1], strict=True))
    holders = draw(st.lists(st.sampled_from(["a", "b", None]), min_size=len(pieces), max_size=len(pieces)))
    return tuple(Shift(who, start, end) for (start, end), who in zip(pieces, holders, strict=True) if who is not None)


@given(shifts=shifts(), moment=moments, deputy=st.sampled_from(["c", None]))
def test_somebody_always_answers(shifts: tuple[Shift, ...], moment: datetime, deputy: str | None) -> None:
    entry = PostEntry("FLOOD_DUTY", "990199", shifts=shifts, deputy=deputy) if shifts else OFFICER
    entries = (entry, OFFICER) if shifts else (OFFICER,)
    assert problems_of(AREAS, PEOPLE, entries) == []
    duty = Roster(AREAS, PEOPLE, entries).on_duty(entry.post, "990199", moment)
    holding = [shift for shift in shifts if shift.holds(moment.astimezone(SHANGHAI).time())]
    assert len(holding) <= 1
    if holding:
        assert duty.person is not None
        assert (duty.person.id, duty.gap) == (holding[0].person, False)
    elif shifts:
        assert duty.gap
        assert (duty.person.id if duty.person else None) == deputy
    people = [person for person in (duty.person, duty.deputy, duty.superior) if person is not None]
    assert len(people) == len(set(people))


@given(shifts=shifts())
def test_the_uncovered_time_is_what_no_shift_holds(shifts: tuple[Shift, ...]) -> None:
    if shifts:
        minutes = [time(minute // 60, minute % 60) for minute in range(1440)]
        empty = sum(1 for minute in minutes if not any(shift.holds(minute) for shift in shifts))
        assert uncovered(PostEntry("FLOOD_DUTY", "990199", shifts=shifts)) == timedelta(minutes=empty)


@given(code=st.sampled_from(["990199", "990199001", "990199001007", "990777"]), moment=moments)
def test_a_post_that_nobody_has_goes_to_the_duty_officer(code: str, moment: datetime) -> None:
    duty = Roster(AREAS, PEOPLE, (OFFICER,)).on_duty("EXPERT", code, moment)
    assert duty.person == PEOPLE[3]
    assert duty.gap


@pytest.mark.parametrize(
    ("moment", "person"),
    [(at(8), "a"), (at(19, 59), "a"), (at(20), "b"), (at(7, 59), "b"), (at(0), "b")],
    ids=["start", "last-minute", "hand-over", "before-morning", "midnight"],
)
def test_the_shift_begins_at_its_start_and_ends_before_its_end(moment: datetime, person: str) -> None:
    entry = PostEntry("FLOOD_DUTY", "990199", shifts=(Shift("a", time(8), time(20)), Shift("b", time(20), time(8))))
    duty = Roster(AREAS, PEOPLE, (entry, OFFICER)).on_duty("FLOOD_DUTY", "990199", moment)
    assert duty.person is not None
    assert duty.person.id == person
    assert not duty.gap


def test_without_shift_and_deputy_the_superior_answers() -> None:
    entry = PostEntry("FLOOD_DUTY", "990199", shifts=(Shift("a", time(8), time(20)),), leader="c")
    duty = Roster(AREAS, PEOPLE, (entry, OFFICER)).on_duty("FLOOD_DUTY", "990199", at(21))
    assert (duty.person, duty.deputy, duty.superior, duty.gap) == (PEOPLE[2], None, None, True)


def test_the_nearest_duty_leader_is_the_superior_where_none_is_named() -> None:
    leader = PostEntry("DUTY_LEADER", "990199", person="b")
    entry = PostEntry("GRID_WORKER", "990199001", person="a")
    duty = Roster(AREAS, PEOPLE, (leader, entry, OFFICER)).on_duty("GRID_WORKER", "990199001", at(12))
    assert (duty.person, duty.superior) == (PEOPLE[0], PEOPLE[1])


def test_the_same_post_of_the_area_above_stands_in() -> None:
    clerk = PostEntry("DEPT_CLERK", "990199", person="a")
    duty = Roster(AREAS, PEOPLE, (clerk, OFFICER)).on_duty("DEPT_CLERK", "990199001", at(12))
    assert (duty.person, duty.gap, duty.area) == (PEOPLE[0], True, "990199001")


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (PostEntry("FLOOD_DUTI", "990199", person="a"), "FLOOD_DUTI of 990199: no such post"),
        (PostEntry("FLOOD_DUTY", "990100", person="a"), "FLOOD_DUTY of 990100: no such area"),
        (PostEntry("FLOOD_DUTY", "990199"), "FLOOD_DUTY of 990199: give either person (always) or shifts"),
        (PostEntry("FLOOD_DUTY", "990199", person="x"), "FLOOD_DUTY of 990199: person x is not among the persons"),
        (
            PostEntry("FLOOD_DUTY", "990199", shifts=(Shift("a", time(8), time(20)), Shift("b", time(19), time(8)))),
            "FLOOD_DUTY of 990199: two shifts overlap",
        ),
        (OFFICER, "DUTY_OFFICER of 990199 is written more than once"),
    ],
    ids=["post", "area", "nobody", "person", "overlap", "twice"],
)
def test_each_mistake_is_one_sentence(entry: PostEntry, sentence: str) -> None:
    assert problems_of(AREAS, PEOPLE, (entry, OFFICER)) == [sentence]


def test_the_district_needs_a_duty_officer_round_the_clock() -> None:
    assert problems_of(AREAS, PEOPLE, ()) == ["990199 (测试区) has no DUTY_OFFICER: somebody must always be told"]
    half = PostEntry("DUTY_OFFICER", "990199", shifts=(Shift("a", time(8), time(20)),))
    assert "neither deputy nor leader" in problems_of(AREAS, PEOPLE, (half,))[0]


def test_the_duty_officer_answers_for_a_missing_post_but_does_not_decide(references: References) -> None:
    roster = references.roster
    assert roster.holders("DUTY_LEADER", "990199", at(12)) == ("leader", "vice")
    assert roster.holders("EXPERT", "990199", at(12)) == ()
