"""Table: the cells of one state in one partition. Committed cells below, the open transaction's cells above them.

Nothing reaches the store before the transaction is committed: `changes` hands out what to write, `committed` is called
when Kafka has it, `aborted` when it does not.
"""

from collections.abc import Iterator
from typing import Protocol

from liandong_contracts.base import Record

from liandong.stream.envelope import Cell, cell_of, envelope_of
from liandong.stream.timers import Entry, Schedule

Change = tuple[bytes, bytes | None]


class Codec(Protocol):
    """Records to framed bytes and back."""

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record for a topic (name on the wire)."""
        ...

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes. Raises DecodeError or Unavailable."""
        ...


class CellStore(Protocol):
    """Where committed envelopes lie: RocksDB in production, a dictionary in tests."""

    def get(self, key: bytes) -> bytes | None:
        """Return the packed envelope of a key."""
        ...

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys and packed envelopes."""
        ...


class Table:
    """Cells of one state in one partition. `cache_size` bounds the decoded committed cells that are kept.

    They are kept in two generations: what is not written while the younger one fills up is forgotten with the older.
    """

    def __init__(
        self,
        store: CellStore,
        codec: Codec,
        changelog: str,
        *,
        timed: bool,
        cache_size: int = 100_000,
        timers_kept: int = 200_000,
    ) -> None:
        self.store = store
        self.schedule = Schedule(timers_kept)
        self._codec = codec
        self._changelog = changelog
        self._timed = timed
        self._cache_size = cache_size
        self._cache: dict[str, Cell] = {}
        self._older: dict[str, Cell] = {}
        self._dirty: dict[str, Cell] = {}
        self._fired: list[Entry] = []

    def activate(self) -> None:
        """Rebuild the schedule from the store; call once after the store has been restored."""
        if self._timed:
            self.schedule.rebuild(self._armed())

    def _armed(self) -> Iterator[Entry]:
        for key, value in self.store.items():
            for name, timer in cell_of(self._codec.decode(value)).timers.items():
                yield timer.due, key.decode(), name

    def refill(self) -> None:
        """Read the next timers from the store when few are left in memory; call it between transactions only."""
        if self.schedule.is_low:
            self.schedule.refill(self._armed())

    def get(self, key: str) -> Cell:
        """Return the cell of a key as this transaction sees it; an empty one when there is none."""
        return self._dirty.get(key) or self._cache.get(key) or self._older.get(key) or self._load(key)

    def _load(self, key: str) -> Cell:
        value = self.store.get(key.encode())
        if value is None:
            return Cell()
        cell = cell_of(self._codec.decode(value))
        if cell.raw is not None:
            cell.state = self._codec.decode(cell.raw)
        self._cache[key] = cell
        return cell

    def put(self, key: str, cell: Cell) -> None:
        """Set the cell of a key in this transaction."""
        self._dirty[key] = cell

    def pop_due(self, now_ms: int) -> tuple[str, str, int] | None:
        """Take the next timer that really is due: (key, name, due). Stale and moved entries are dealt with here."""
        while (entry := self.schedule.pop(now_ms)) is not None:
            self._fired.append(entry)  # also the stale ones: cancelled or moved by this transaction, which may abort
            _, key, name = entry
            timer = self.get(key).timers.get(name)
            if timer is not None and timer.due <= now_ms:
                return key, name, timer.due
            if timer is not None:
                self.schedule.arm(key, name, timer.due)
        return None

    def put_back(self, key: str, name: str, due: int) -> None:
        """Let a timer that was taken come up again: it could not be handled now."""
        self.schedule.arm(key, name, due)

    @property
    def touched(self) -> bool:
        """Say whether this transaction changed a cell or took a timer."""
        return bool(self._dirty or self._fired)

    def changes(self) -> list[Change]:
        """Return one (key, packed envelope or None) for each key changed in this transaction."""
        encode, changelog = self._codec.encode, self._changelog
        return [
            (key.encode(), None if (envelope := envelope_of(cell)) is None else encode(changelog, envelope))
            for key, cell in self._dirty.items()
        ]

    def committed(self) -> None:
        """The transaction holds: its cells become the committed ones."""
        if self._timed:
            arm = self.schedule.arm
            for key, cell in self._dirty.items():
                for name, timer in cell.timers.items():
                    arm(key, name, timer.due)
        self._cache.update(self._dirty)  # with cells that are empty now: the store is not asked for them
        self._dirty = {}
        self._fired = []
        if len(self._cache) > self._cache_size // 2:
            self._older, self._cache = self._cache, {}

    def aborted(self) -> None:
        """The transaction does not hold: forget its cells, put its timers back."""
        self._dirty = {}
        for due, key, name in self._fired:
            self.schedule.arm(key, name, due)
        self._fired = []
