"""Part: everything this process knows about partition p of a group of topics and states. No Kafka calls."""

from enum import Enum

from liandong.stream.held import Lot
from liandong.stream.store import Store
from liandong.stream.tables import Table

At = tuple[str, int]  # topic on the wire, partition


class Phase(Enum):
    """How far a part is."""

    WAITING = "waiting"  # some of its topics' partitions are not (yet) assigned here
    RESTORING = "restoring"  # its stores are catching up with their changelogs
    RUNNING = "running"


class Part:
    """Partition `number` of group `group`. It runs only while this number of *all* its topics is assigned here.

    `positions`: next offset to take, by topic; `committed`: the same as of the last commit; `marks`: what goes with
    them; `is_known`: the group has committed one before. `lot`: its held records, known when the letters topic has
    been read up to `letters_end`. `open` says whether messages may be taken: the part runs and does not wait for a
    dependency.
    """

    __slots__ = (
        "assigned",
        "changelogs",
        "committed",
        "group",
        "held_until",
        "is_known",
        "letters_end",
        "lot",
        "marks",
        "number",
        "open",
        "phase",
        "positions",
        "stores",
        "tables",
        "topics",
    )

    def __init__(self, group: int, number: int, topics: frozenset[str], changelogs: tuple[str, ...]) -> None:
        self.group = group
        self.number = number
        self.topics = topics
        self.changelogs = changelogs
        self.assigned: set[str] = set()
        self.positions: dict[str, int] = {}
        self.committed: dict[str, int] = {}
        self.marks: dict[str, str] = {}
        self.is_known = False
        self.letters_end = 0
        self.lot: Lot  # from the activation on
        self.tables: list[Table] = []
        self.stores: list[Store] = []
        self.phase = Phase.WAITING
        self.open = False
        self.held_until = 0.0

    @property
    def is_complete(self) -> bool:
        """Say whether all inputs are assigned here."""
        return self.assigned == self.topics

    @property
    def inputs(self) -> list[At]:
        """Return its assigned (topic, partition) pairs."""
        return [(topic, self.number) for topic in sorted(self.assigned)]

    @property
    def touched(self) -> bool:
        """Say whether there is something to commit."""
        return self.positions != self.committed or self.lot.touched or any(table.touched for table in self.tables)

    def advance(self, topic: str, offset: int) -> None:
        """Take note of the end of a partition: only transaction markers lie between the position and `offset`."""
        if self.open and offset > self.positions[topic]:
            self.positions[topic] = offset

    def commit_done(self) -> None:
        """The transaction holds and the stores have it."""
        for table in self.tables:
            table.committed()
        self.lot.committed()
        self.committed = dict(self.positions)

    def roll_back(self) -> None:
        """The transaction was aborted: forget what it did."""
        for table in self.tables:
            table.aborted()
        self.lot.aborted()
        self.positions = dict(self.committed)

    def close(self) -> None:
        """Give up the stores; the part may come back later."""
        self.phase = Phase.WAITING
        self.open = False
        for store in self.stores:
            store.close()
        self.stores, self.tables = [], []
