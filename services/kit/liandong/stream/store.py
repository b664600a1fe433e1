"""Store: RocksDB as a cache of a committed changelog partition. The changelog is the truth; a doubtful store is wiped.

Values are byte for byte the changelog's. The checkpoint (the changelog offset that comes next) is written in the batch
of the values: after a kill the store is some committed moment, never between two.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import cast

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from liandong.clock import real_now

_logger = logging.getLogger(__name__)

_CHECKPOINT = b"\0checkpoint"
_CELL = b"s"
_PLACE = Struct(">Qd")  # next changelog offset, time of writing; the topic's id follows
_OLDEST_S = 20 * 3600  # below the changelog's delete.retention.ms (24 h): later its tombstones may be gone

_shared_cache: list[Cache] = []


def _options(write_buffer_bytes: int, block_cache_bytes: int) -> Options:
    if not _shared_cache:
        _shared_cache.append(Cache(block_cache_bytes))
    tables = BlockBasedOptions()
    tables.set_block_cache(_shared_cache[0])
    tables.set_bloom_filter(10, False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(write_buffer_bytes)
    options.set_max_write_buffer_number(2)
    options.set_block_based_table_factory(tables)
    options.set_keep_log_file_num(2)
    return options


class Store:
    """Committed envelopes of one state in one partition. `next_offset`: the first changelog offset not yet in here."""

    def __init__(
        self, path: Path, *, write_buffer_bytes: int = 8 << 20, block_cache_bytes: int = 32 << 20, log: bool = True
    ) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._db = Rdict(str(path), options=_options(write_buffer_bytes, block_cache_bytes))
        if not log:
            unlogged = WriteOptions()
            unlogged.disable_wal = True  # type: ignore[method-assign,assignment]  # the stubs call the attribute a method
            self._db.set_write_options(unlogged)
        self.next_offset, self.written_at, self.topic_id = 0, real_now().timestamp(), ""
        raw = cast("bytes | None", self._db.get(_CHECKPOINT))
        if raw:
            self.next_offset, self.written_at = _PLACE.unpack(raw[: _PLACE.size])
            self.topic_id = raw[_PLACE.size :].decode()

    def get(self, key: bytes) -> bytes | None:
        """Return the packed envelope of a key."""
        value: bytes | None = self._db.get(_CELL + key)
        return value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return all keys and packed envelopes."""
        for key, value in cast("Iterator[tuple[bytes, bytes]]", self._db.items(from_key=_CELL)):
            yield key[1:], value

    @property
    def size(self) -> int:
        """Return its bytes as RocksDB estimates them."""
        names = "rocksdb.estimate-live-data-size", "rocksdb.cur-size-all-mem-tables"
        return sum(self._db.property_int_value(name) or 0 for name in names)

    @property
    def is_empty(self) -> bool:
        """Say whether it holds no key."""
        return next(self.items(), None) is None

    def apply(self, changes: Sequence[tuple[bytes, bytes | None]], next_offset: int) -> None:
        """Write committed changes and the checkpoint in one batch."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(_CELL + key)
            else:
                batch.put(_CELL + key, value)
        batch.put(_CHECKPOINT, _PLACE.pack(next_offset, real_now().timestamp()) + self.topic_id.encode())
        self._db.write(batch)
        self.next_offset = next_offset

    def close(self) -> None:
        """Close the files."""
        self._db.close()


def open_store(
    path: Path, topic_id: str, end: int, *, write_buffer_bytes: int, block_cache_bytes: int, log: bool = True
) -> Store:
    """Open a store, or an empty one where the old cannot be trusted.

    It is wiped when it is damaged, of another topic, ahead of the changelog's `end`, or older than tombstones are kept.
    """

    def fresh() -> Store:
        return Store(path, write_buffer_bytes=write_buffer_bytes, block_cache_bytes=block_cache_bytes, log=log)

    try:
        store = fresh()
        reason = _doubt(store, topic_id, end)
    except Exception as error:
        store, reason = None, f"it is damaged: {error}"
    if reason:
        _logger.warning("store %s is wiped and restored from its changelog: %s", path, reason)
        if store is not None:
            store.close()
        shutil.rmtree(path)
        store = fresh()
    assert store is not None
    store.topic_id = topic_id
    return store


def _doubt(store: Store, topic_id: str, end: int) -> str:
    if store.topic_id not in ("", topic_id):
        return "its changelog topic was created anew"
    if store.next_offset > end:
        return f"it is at offset {store.next_offset}, past the changelog's end {end}"
    age = real_now().timestamp() - store.written_at
    if age > _OLDEST_S:
        return f"it was last written {age / 3600:.0f} h ago"
    return ""
