"""View: a local copy of one compacted topic, kept up to date by a thread of its own. It never writes.

For a state of a stream service it shows what is inside the envelopes of the changelog. Values are decoded when they are
first asked for. It says how old it may be; whoever answers queries from it passes that on.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, cast

from confluent_kafka import KafkaException
from liandong_contracts.base import Record, Topic

from liandong.errors import DecodeError, LiandongError, Unavailable
from liandong.refs.reader import Row, TopicReader
from liandong.settings import Settings
from liandong.stream.api import State
from liandong.stream.envelope import cell_of

log = logging.getLogger(__name__)
R = TypeVar("R", bound=Record)

_WAIT_S = 0.2
_VERIFY_EVERY_S = 1.0
_RETRY_S = 0.5


class Decoder(Protocol):
    """What a view needs of a codec."""

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        ...


class View(Generic[R]):
    """The last record of each key of a topic. `topic` is its name on the wire.

    `ready` becomes true once everything is there that was in the topic when the view started, and stays true.
    `on_change` is called on the view's thread with each key that was written or deleted.
    """

    def __init__(
        self,
        settings: Settings,
        source: Topic | State[R],
        codec: Decoder,
        *,
        on_change: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._on_change = on_change
        self._is_state = isinstance(source, State)
        self.topic = source.wire(settings) if isinstance(source, State) else source.wire(settings.tier, settings.world)
        self._items: dict[str, bytes | R] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._fresh_at: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to copy; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"view {self.topic}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what is there stays readable."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    @property
    def ready(self) -> bool:
        """Say whether the copy is complete."""
        return self._ready.is_set()

    def wait_ready(self, seconds: float) -> None:
        """Wait until the copy is complete. Raises Unavailable after `seconds`."""
        if not self._ready.wait(seconds):
            raise Unavailable(f"{self.topic} is not yet copied after {seconds:.0f} s")

    @property
    def age_s(self) -> float:
        """Return for how many seconds the copy may have been out of date; infinite before it is first complete."""
        return float("inf") if self._fresh_at is None else time.monotonic() - self._fresh_at

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: str) -> R | None:
        """Return the record of a key."""
        item = self._items.get(key)
        return self._decoded(key, item) if isinstance(item, bytes) else item

    def keys(self) -> list[str]:
        """Return all keys."""
        return list(self._items)

    def values(self) -> list[R]:
        """Return all records, in no particular order."""
        return [record for key in list(self._items) if (record := self.get(key)) is not None]

    def _decoded(self, key: str, value: bytes) -> R | None:
        try:
            record = self._decode(value)
        except DecodeError as error:
            log.error("%s: the record of %s cannot be read and counts as missing: %s", self.topic, key, error)
            record = None
        with self._lock:
            if self._items.get(key) is value:
                if record is None:
                    del self._items[key]
                else:
                    self._items[key] = record
        return record

    def _decode(self, value: bytes) -> R | None:
        record = self._codec.decode(value)
        if self._is_state:
            raw = cell_of(record).raw
            if raw is None:
                return None
            record = self._codec.decode(raw)
        return cast("R", record)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Unavailable as error:
                log.warning("view of %s waits: %s", self.topic, error)
            except (KafkaException, LiandongError):
                log.exception("view of %s starts over", self.topic)
            self._stop.wait(_RETRY_S)

    def _follow(self) -> None:
        reader = TopicReader(self._settings, self.topic)
        seen: set[str] | None = set()  # keys of this pass: what is not there any more after a new start must go
        try:
            reader.begin()
            asked, verified = time.monotonic(), 0.0
            ends = reader.ends()
            while not self._stop.is_set():
                for row in reader.read(_WAIT_S):
                    self._take(row)
                    if seen is not None:
                        seen.add(row.key)
                if time.monotonic() - verified < (_VERIFY_EVERY_S if self.ready else 0):
                    continue
                verified = time.monotonic()
                if self.ready:
                    asked, ends = verified, reader.ends()
                if reader.has_reached(ends):
                    if seen is not None:
                        self._drop_except(seen)
                        seen = None
                    self._fresh_at = asked  # what was written after the question is not in the answer
                    self._ready.set()
        finally:
            reader.close()

    def _take(self, row: Row) -> None:
        with self._lock:
            if row.value is None:
                self._items.pop(row.key, None)
            else:
                self._items[row.key] = row.value
        if self._on_change is not None:
            self._on_change(row.key)

    def _drop_except(self, keys: set[str]) -> None:
        with self._lock:
            gone = [key for key in self._items if key not in keys]
            for key in gone:
                del self._items[key]
        if self._on_change is not None:
            for key in gone:
                self._on_change(key)


def start_views(refs: Any) -> list[View[Any]]:
    """Start the views that are (attributes of, values of, or items of) `refs`, and return them."""
    if isinstance(refs, View):
        found: list[Any] = [refs]
    elif isinstance(refs, dict):
        found = list(refs.values())
    elif isinstance(refs, list | tuple):
        found = list(refs)
    else:
        found = list(getattr(refs, "__dict__", {}).values())
    views = [view for view in found if isinstance(view, View)]
    for view in views:
        view.start()
    return views
