"""A small fictional service that tests kill, and the arithmetic that tells whether it lost or doubled anything.

Every item is counted under its key, shared out to a bin (another key, through an internal topic), and reported by a
timer: each timer's report says how many items came since the last, so the reports of a key add up to its items.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from liandong.event import Event
from liandong.stream import Context, Due, Out, Outcome, StreamService
from liandong.testing.memory import MemoryCodec
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import HeldRecord, LetterOrder, StateEnvelope


class Item(Record, frozen=True):
    FULL_NAME = "mill.Item"
    key: str
    number: int
    bin: str


class Tally(Record, frozen=True):
    FULL_NAME = "mill.Tally"
    count: int
    total: int
    pending: int
    reports: int


class Tallied(Record, frozen=True):
    FULL_NAME = "mill.Tallied"
    key: str
    number: int
    count: int


class Reported(Record, frozen=True):
    FULL_NAME = "mill.Reported"
    key: str
    report: int
    items: int


class Share(Record, frozen=True):
    FULL_NAME = "mill.Share"
    bin: str
    number: int
    note: str = ""


class Bin(Record, frozen=True):
    FULL_NAME = "mill.Bin"
    count: int
    total: int


class Binned(Record, frozen=True):
    FULL_NAME = "mill.Binned"
    bin: str
    count: int
    note: str = ""


class Knots(Record, frozen=True):
    FULL_NAME = "mill.Knots"
    numbers: tuple[int, ...]


BROKEN: set[int] = set()
"""Numbers on which the handler of KNOT fails, in this process."""
MENDED: set[int] = set()
"""Negative numbers on which the handler of ITEM no longer fails, in this process."""

RECORDS: tuple[type[Record], ...] = (
    Item,
    Tally,
    Tallied,
    Reported,
    Share,
    Bin,
    Binned,
    Knots,
    StateEnvelope,
    HeldRecord,
    LetterOrder,
)
FOUR = {"district": 4}
TWO = {"district": 2}
ITEM = Topic("mill.item", "fact", "feeder", ("key",), (Item,), FOUR)
KNOT = Topic("mill.knot", "fact", "feeder", ("key",), (Item,), FOUR, park=True)
TALLY = Topic("mill.tally", "fact", "mill", ("key",), (Tallied, Reported), FOUR)
SHARE = Topic("mill.share", "evidence", "mill", ("bin",), (Share,), TWO)
BINNED = Topic("mill.binned", "fact", "mill", ("bin",), (Binned,), TWO)
TOPICS = (ITEM, KNOT, TALLY, SHARE, BINNED)


def codec() -> MemoryCodec:
    """Return a codec that all processes of a test agree on."""
    return MemoryCodec(RECORDS)


def make(delay: timedelta = timedelta(milliseconds=400)) -> StreamService:
    """Return the service; its timers report `delay` after the first unreported item."""
    mill = StreamService("mill")
    tallies = mill.state(Tally, name="tally")
    bins = mill.state(Bin, name="bin")

    @mill.on(ITEM, Item, state=tallies)
    def tally(event: Event[Item], state: Tally | None, ctx: Context) -> Outcome[Tally]:
        if event.data.number < 0 and event.data.number not in MENDED:
            raise RuntimeError("handler bug")
        was = state or Tally(0, 0, 0, 0)
        if event.data.number == 0:
            return Outcome(Tally(was.count, was.total, 0, was.reports), timers={"report": None})
        now = Tally(was.count + 1, was.total + event.data.number, was.pending + 1, was.reports)
        first = was.pending == 0 or now.count % 7 == 0
        timers = {"report": ctx.now + delay} if first else {}
        return Outcome(now, [Out(TALLY, Tallied(event.data.key, event.data.number, now.count))], timers)

    @mill.rekey(ITEM, Item)
    def share(event: Event[Item], ctx: Context) -> Sequence[Out]:
        return [Out(SHARE, Share(event.data.bin, event.data.number))] if event.data.bin else []

    @mill.on(SHARE, Share, state=bins)
    def add(event: Event[Share], state: Bin | None, ctx: Context) -> Outcome[Bin]:
        was = state or Bin(0, 0)
        now = Bin(was.count + 1, was.total + event.data.number)
        return Outcome(now, [Out(BINNED, Binned(event.data.bin, now.count, event.data.note))])

    @mill.timer(tallies, "report")
    def report(due: Due, state: Tally | None, ctx: Context) -> Outcome[Tally]:
        was = state or Tally(0, 0, 0, 0)
        now = Tally(was.count, was.total, 0, was.reports + 1)
        return Outcome(now, [Out(TALLY, Reported(due.key, now.reports, was.pending))])

    knots = mill.state(Knots, name="knot")

    @mill.on(KNOT, Item, state=knots)
    def knot(event: Event[Item], state: Knots | None, ctx: Context) -> Outcome[Knots]:
        if event.data.number in BROKEN:
            raise RuntimeError("handler bug")
        numbers = (*(state.numbers if state else ()), event.data.number)
        return Outcome(Knots(numbers), [Out(TALLY, Tallied(event.data.key, event.data.number, len(numbers)))])

    return mill


class Expected:
    """What must come out for the items that were fed, each exactly once and in order for each key."""

    def __init__(self) -> None:
        self.by_key: dict[str, list[int]] = defaultdict(list)
        self.bins: dict[str, list[int]] = defaultdict(list)
        self.bad = 0

    def item(self, item: Item) -> None:
        """Note a good item, in the order of its partition."""
        self.by_key[item.key].append(item.number)
        if item.bin:
            self.bins[item.bin].append(item.number)

    @property
    def items(self) -> int:
        """Return how many good items there are."""
        return sum(map(len, self.by_key.values()))

    @property
    def shares(self) -> int:
        """Return how many of them have a bin."""
        return sum(map(len, self.bins.values()))

    def faults(self, published: list[Event[Any]], tallies: dict[str, Tally], bins: dict[str, Bin]) -> list[str]:
        """Return what is wrong with the published events and the final states; empty when all is exact."""
        faults = [f"id {i} was published {n} times" for i, n in Counter(e.id for e in published).items() if n > 1]
        got: dict[str, list[Tallied]] = defaultdict(list)
        reports: dict[str, list[Reported]] = defaultdict(list)
        binned: dict[str, list[int]] = defaultdict(list)
        sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
        for event in published:
            if isinstance(event.data, Tallied):
                got[event.key].append(event.data)
            elif isinstance(event.data, Reported):
                reports[event.key].append(event.data)
            elif isinstance(event.data, Binned):
                binned[event.key].append(event.data.count)
            if event.sequence is not None:
                sequences[event.topic, event.key].append(event.sequence)
        for at, given in sequences.items():
            if given != list(range(1, len(given) + 1)):
                faults.append(f"sequences of {at} are {given[:20]}")
        for key, numbers in self.by_key.items():
            faults += self._key_faults(key, numbers, got[key], reports[key], tallies.get(key))
        for name, numbers in self.bins.items():
            if binned[name] != list(range(1, len(numbers) + 1)):
                faults.append(f"bin {name}: {len(numbers)} items, counts {binned[name][-5:]}")
            if bins.get(name) != Bin(len(numbers), sum(numbers)):
                faults.append(f"bin {name}: state {bins.get(name)} for {len(numbers)} items")
        return faults

    def _key_faults(
        self, key: str, numbers: list[int], got: list[Tallied], reports: list[Reported], state: Tally | None
    ) -> list[str]:
        faults = []
        if [one.number for one in got] != numbers:
            lost, extra = set(numbers) - {g.number for g in got}, len(got) - len({g.number for g in got})
            faults.append(f"key {key}: {len(numbers)} items, {len(got)} outputs, {len(lost)} lost, {extra} doubled")
        if [one.count for one in got] != list(range(1, len(numbers) + 1)):
            faults.append(f"key {key}: counts {[one.count for one in got][:20]}")
        if [one.report for one in reports] != list(range(1, len(reports) + 1)):
            faults.append(f"key {key}: reports {[one.report for one in reports][:20]}")
        if sum(one.items for one in reports) != len(numbers):
            faults.append(f"key {key}: reports cover {sum(one.items for one in reports)} of {len(numbers)} items")
        if state != Tally(len(numbers), sum(numbers), 0, len(reports)):
            faults.append(f"key {key}: state {state}, {len(numbers)} items, {len(reports)} reports")
        return faults
