"""A tiny fictional service for tests of the engine: meters count, areas add up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from liandong.event import Event
from liandong.stream import KEEP, Context, Due, Out, Outcome, StreamService
from liandong_contracts.base import Record, Topic


class Reading(Record, frozen=True):
    FULL_NAME = "town.Reading"
    meter: str
    area: str
    value: float


class Reset(Record, frozen=True):
    FULL_NAME = "town.Reset"
    meter: str


class Count(Record, frozen=True):
    FULL_NAME = "town.Count"
    n: int
    total: float


class Counted(Record, frozen=True):
    FULL_NAME = "town.Counted"
    meter: str
    n: int


class Silent(Record, frozen=True):
    FULL_NAME = "town.Silent"
    meter: str
    n: int


class Share(Record, frozen=True):
    FULL_NAME = "town.Share"
    area: str
    value: float


class Area(Record, frozen=True):
    FULL_NAME = "town.Area"
    total: float


class AreaTotal(Record, frozen=True):
    FULL_NAME = "town.AreaTotal"
    area: str
    total: float


PARTS = {"district": 4, "city": 4, "community": 1}
ONE = {"district": 1, "city": 1, "community": 1}
READING = Topic("town.reading", "evidence", "meters", ("meter",), (Reading, Reset), PARTS)
COUNT = Topic("town.count", "fact", "town", ("meter",), (Counted, Silent), PARTS)
SHARE = Topic("town.share", "evidence", "town", ("area",), (Share,), ONE)
TOTAL = Topic("town.total", "fact", "town", ("area",), (AreaTotal,), ONE)

QUIET = timedelta(minutes=10)
T0 = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)


def make() -> StreamService:
    """Return a new instance of the service."""
    town = StreamService("town")
    counts = town.state(Count, name="count")
    areas = town.state(Area, name="area")

    @town.on(READING, Reading, state=counts)
    def count(event: Event[Reading], state: Count | None, ctx: Context) -> Outcome[Count]:
        if event.data.value < -900:
            raise RuntimeError("handler bug")
        if event.data.value == 0:
            return Outcome()
        n = (state.n if state else 0) + 1
        total = (state.total if state else 0.0) + event.data.value
        out = [Out(COUNT, Counted(event.data.meter, n))]
        return Outcome(Count(n, total), out, {"quiet": event.time + QUIET})

    @town.on(READING, Reset, state=counts)
    def reset(event: Event[Reset], state: Count | None, ctx: Context) -> Outcome[Count]:
        return Outcome(None, [], {"quiet": None})

    @town.rekey(READING, Reading)
    def share(event: Event[Reading], ctx: Context) -> list[Out]:
        return [Out(SHARE, Share(event.data.area, event.data.value))] if event.data.area else []

    @town.on(SHARE, Share, state=areas)
    def add(event: Event[Share], state: Area | None, ctx: Context) -> Outcome[Area]:
        total = (state.total if state else 0.0) + event.data.value
        return Outcome(Area(total), [Out(TOTAL, AreaTotal(event.data.area, total))])

    @town.timer(counts, "quiet")
    def quiet(due: Due, state: Count | None, ctx: Context) -> Outcome[Count]:
        n = state.n if state else 0
        return Outcome(KEEP, [Out(COUNT, Silent(due.key, n))])

    return town


def state_of(service: StreamService, name: str) -> Any:
    """Return a declared state by name."""
    return next(state for state in service.states if state.name == name)
