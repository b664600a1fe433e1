"""The local store: what is kept across openings, and when it cannot be trusted."""

from datetime import timedelta
from pathlib import Path

import pytest
from liandong.clock import real_now
from liandong.stream import store as stores
from liandong.stream.store import Store, open_store


def opened(path: Path, topic_id: str = "t1", end: int = 100) -> Store:
    return open_store(path, topic_id, end, write_buffer_bytes=1 << 20, block_cache_bytes=1 << 20)


def written(path: Path, next_offset: int = 7, topic_id: str = "t1") -> None:
    store = opened(path, topic_id)
    store.apply([(b"k", b"value"), (b"gone", b"x")], next_offset - 1)
    store.apply([(b"gone", None)], next_offset)
    store.close()


def test_values_and_the_checkpoint_are_kept(tmp_path: Path) -> None:
    written(tmp_path / "s")
    store = opened(tmp_path / "s")
    assert (list(store.items()), store.next_offset, store.topic_id) == ([(b"k", b"value")], 7, "t1")
    assert store.get(b"k") == b"value"
    assert not store.is_empty
    assert store.size > 0
    store.close()


def is_fresh(store: Store) -> bool:
    fresh = store.is_empty and store.next_offset == 0
    store.close()
    return fresh


def test_a_store_of_a_topic_that_was_made_anew_is_wiped(tmp_path: Path) -> None:
    written(tmp_path / "s")
    assert is_fresh(opened(tmp_path / "s", "t2"))


def test_a_store_ahead_of_its_changelog_is_wiped(tmp_path: Path) -> None:
    written(tmp_path / "s", next_offset=101)
    assert is_fresh(opened(tmp_path / "s"))


def test_a_store_older_than_tombstones_are_kept_is_wiped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was deleted meanwhile would come to life again."""
    written(tmp_path / "s")
    monkeypatch.setattr(stores, "real_now", lambda: real_now() + timedelta(hours=21))
    assert is_fresh(opened(tmp_path / "s"))


def test_a_damaged_store_is_wiped(tmp_path: Path) -> None:
    written(tmp_path / "s")
    for manifest in (tmp_path / "s").glob("MANIFEST*"):
        manifest.write_bytes(b"damage" * 100)
    assert is_fresh(opened(tmp_path / "s"))
