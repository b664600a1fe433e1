"""The duty roster: which person holds a post of an area at a moment, and who stands behind them.

Nobody on duty → the deputy → the superior, and the gap is said. It sends nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

from liandong_contracts.emergency import NoticeChannel

from emergency_service.domain.area import Areas
from emergency_service.domain.policy import DUTY_LEADER, DUTY_OFFICER, POSTS, SHANGHAI, TOP_POSTS

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Person:
    """A person who can be called; channels in the person's order of preference."""

    id: str
    name: str
    channels: tuple[NoticeChannel, ...] = (NoticeChannel.APP,)


@dataclass(frozen=True, slots=True)
class Shift:
    """A person's hours by time of day in Asia/Shanghai; an end not after the start is on the next day."""

    person: str
    start: time
    end: time

    def holds(self, at: time) -> bool:
        """Say whether the shift covers a time of day; the start belongs to it, the end does not."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


@dataclass(frozen=True, slots=True)
class PostEntry:
    """A post of an area: one `person` always, or `shifts`; `deputy` and `leader` stand behind."""

    post: str
    area: str
    person: str | None = None
    shifts: tuple[Shift, ...] = ()
    deputy: str | None = None
    leader: str | None = None

    def on_shift(self, at: datetime) -> str | None:
        """Return the id of the person on duty at a moment, None in a gap."""
        if self.person is not None:
            return self.person
        local = at.astimezone(SHANGHAI).time()
        return next((shift.person for shift in self.shifts if shift.holds(local)), None)

    def people(self) -> set[str]:
        """Return the ids of everybody named by this entry."""
        named = {self.person, self.deputy, self.leader, *(shift.person for shift in self.shifts)}
        return {person for person in named if person is not None}


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers for a post at a moment. `gap`: the roster had nobody on duty for exactly this post and area."""

    post: str
    area: str
    person: Person | None
    deputy: Person | None = None
    superior: Person | None = None
    gap: bool = False


class Roster:
    """Persons and posts of a district; checked with `problems_of` before use."""

    def __init__(self, areas: Areas, persons: tuple[Person, ...], posts: tuple[PostEntry, ...]) -> None:
        self._areas = areas
        self._persons = {person.id: person for person in persons}
        self._posts = {(entry.post, entry.area): entry for entry in posts}

    def person(self, person_id: str) -> Person | None:
        """Return a person by id."""
        return self._persons.get(person_id)

    def has(self, post: str, area: str) -> bool:
        """Say whether the post of exactly this area is in the roster."""
        return (post, area) in self._posts

    def on_duty(self, post: str, area: str, at: datetime) -> Duty:
        """Return who answers for a post: on shift, else deputy, else superior, else the same post of an area above,
        else the duty officer. Without a sound roster `person` may be None."""
        entry = self._posts.get((post, area))
        if entry is not None:
            return self._duty_of(entry, at)
        above = next((e for e in self._above(post, area) if e.area != area), None)
        stand_in = above or next(self._above(DUTY_OFFICER, area), None)
        if stand_in is None:
            return Duty(post, area, None, gap=True)
        duty = self._duty_of(stand_in, at)
        return Duty(post, area, duty.person, duty.deputy, duty.superior, gap=True)

    def duty_officer(self, area: str, at: datetime) -> Person | None:
        """Return the duty officer of the nearest area with one."""
        entry = next(self._above(DUTY_OFFICER, area), None)
        return self._duty_of(entry, at).person if entry else None

    def holders(self, post: str, area: str, at: datetime) -> tuple[str, ...]:
        """Return the ids of those who may decide for a post now: on duty, deputy, and the superior named for it.

        A post that neither the area nor one above it has is held by nobody: the duty officer answers for it but does
        not decide for it.
        """
        entry = next(self._above(post, area), None)
        if entry is None:
            return ()
        named = (entry.on_shift(at), entry.deputy, entry.leader)
        return tuple(dict.fromkeys(person for person in named if person is not None))

    def shown(self, person_id: str) -> str:
        """Return a person's name for people, the id where the name is not known."""
        person = self._persons.get(person_id)
        return person.name if person else person_id

    def _above(self, post: str, area: str) -> Iterator[PostEntry]:
        found = (self._posts.get((post, step.code)) for step in self._areas.upward(area))
        return (entry for entry in found if entry is not None)

    def _duty_of(self, entry: PostEntry, at: datetime) -> Duty:
        first = self._find(entry.on_shift(at))
        deputy = self._find(entry.deputy)
        superior = self._find(self._superior_of(entry, at))
        person = first or deputy or superior
        return Duty(
            entry.post,
            entry.area,
            person,
            deputy if deputy != person else None,
            superior if superior not in (person, deputy) else None,
            gap=first is None,
        )

    def _find(self, person_id: str | None) -> Person | None:
        return self._persons.get(person_id) if person_id is not None else None

    def _superior_of(self, entry: PostEntry, at: datetime) -> str | None:
        if entry.leader is not None:
            return entry.leader
        if entry.post in TOP_POSTS:
            return None
        leaders = (e.on_shift(at) or e.deputy for e in self._above(DUTY_LEADER, entry.area))
        return next((leader for leader in leaders if leader is not None), None)


def problems_of(areas: Areas, persons: tuple[Person, ...], posts: tuple[PostEntry, ...]) -> list[str]:
    """Return one sentence per mistake in a roster; empty when it is sound."""
    ids = [person.id for person in persons]
    known = set(ids)
    found = [f"person {i} is written more than once" for i in sorted(known) if ids.count(i) > 1]
    found += [f"person {p.id} ({p.name}) has no channel to be called by" for p in persons if not p.channels]
    places = [(entry.post, entry.area) for entry in posts]
    doubled = sorted(place for place in set(places) if places.count(place) > 1)
    found += [f"{post} of {area} is written more than once" for post, area in doubled]
    for entry in posts:
        found += [f"{entry.post} of {entry.area}: {text}" for text in _entry_problems(entry, areas, known)]
    if (DUTY_OFFICER, areas.root.code) not in places:
        found.append(f"{areas.root.code} ({areas.root.name}) has no {DUTY_OFFICER}: somebody must always be told")
    return found


def uncovered(entry: PostEntry) -> timedelta:
    """Return how much of a day nobody of the post is on duty."""
    if entry.person is not None:
        return timedelta(0)
    return timedelta(seconds=_DAY_S - sum(end - start for shift in entry.shifts for start, end in _spans(shift)))


def _entry_problems(entry: PostEntry, areas: Areas, known: set[str]) -> Iterable[str]:
    if entry.post not in POSTS:
        yield "no such post"
    if entry.area not in areas:
        yield "no such area"
    if (entry.person is None) == (not entry.shifts):
        yield "give either person (always) or shifts"
    for person in sorted(entry.people() - known):
        yield f"person {person} is not among the persons"
    spans = sorted(span for shift in entry.shifts for span in _spans(shift))
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        yield "two shifts overlap"
    stands_in = entry.deputy or entry.leader
    if entry.post == DUTY_OFFICER and entry.area == areas.root.code and uncovered(entry) and not stands_in:
        yield "nobody is on duty for a part of the day and there is neither deputy nor leader"


def _spans(shift: Shift) -> list[tuple[int, int]]:
    """Return the seconds of the day that a shift covers, split at midnight."""
    start, end = (t.hour * 3600 + t.minute * 60 + t.second for t in (shift.start, shift.end))
    return [(start, end)] if start < end else [(start, _DAY_S), (0, end)] if end else [(start, _DAY_S)]
