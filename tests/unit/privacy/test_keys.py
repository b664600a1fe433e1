"""Key-encryption keys in a folder, data keys on the way, and what is cut out of logs."""

import logging
import os
import stat
import threading
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liandong.errors import ConfigError
from liandong.privacy import scrub
from liandong.privacy.grants import all_key_writers, key_topic, key_writers, may_read, writers_of
from liandong.privacy.keks import KekFolder, generate, unwrap, wrap
from liandong.privacy.keyring import UNREADABLE_VALUES, Keyring, MemoryKeys
from liandong.privacy.sealed import Place, Sealed
from liandong.privacy.sealing import Sealing
from liandong.privacy.tokens import new_data_key, seal
from liandong.refs.subject_keys import KeyViews
from liandong.settings import Settings
from liandong.telemetry.logs import setup_logs
from liandong.testing.privacy import MemoryKeks
from liandong_contracts.kit import SubjectKey

NOW = datetime(2026, 7, 1, tzinfo=UTC)
PLACE = Place("liandong.dispatch.ReportReceived", "text", "r-1")


def kept(keks: Any, subject: str = "r-1") -> SubjectKey:
    return wrap(new_data_key(os.urandom), subject, keks, NOW, os.urandom)


def test_a_generated_key_is_for_its_user_only_and_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert [generate(folder, "k-1"), generate(folder, "k-1")] == [True, False]
    assert stat.S_IMODE((folder / "k-1").stat().st_mode) == 0o600
    assert KekFolder(folder).names() == ["k-1"]
    assert [path.name for path in folder.iterdir()] == ["k-1"]


def test_a_mounted_secret_is_read_and_the_newest_wraps(tmp_path: Path) -> None:
    now = [0.0]
    (tmp_path / "..data").mkdir()  # as Kubernetes mounts it
    (tmp_path / "k-1").write_bytes(b"1" * 32)
    keks = KekFolder(tmp_path, monotonic=lambda: now[0])
    old = kept(keks)
    (tmp_path / "k-2").write_bytes(b64encode(b"2" * 32) + b"\n")
    now[0] += 10
    assert (old.kek_id, kept(keks).kek_id) == ("k-1", "k-2")
    assert unwrap(old, keks)
    (tmp_path / "k-1").unlink()
    now[0] += 10
    assert unwrap(old, keks) is None


def test_a_wrong_key_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no key-encryption key in .*LIANDONG_KEK_DIR"):
        KekFolder(tmp_path).newest()
    (tmp_path / "short").write_bytes(b"abc")
    with pytest.raises(ConfigError, match="short: a key-encryption key is 32 random bytes"):
        KekFolder(tmp_path).newest()


@settings(deadline=None)
@given(st.sampled_from(["subject", "key_id", "kek_id", "wrapped"]), st.data())
def test_an_altered_key_record_does_not_unwrap(field: str, data: st.DataObject) -> None:
    keks = MemoryKeks()
    record = kept(keks)
    old = getattr(record, field)
    new = data.draw(
        st.binary(max_size=80) if field == "wrapped" else st.text(st.characters(codec="utf-8"), max_size=30)
    )
    altered = msgspec.structs.replace(record, **{field: new})
    assert unwrap(altered, keks) is None or new == old


@settings(deadline=None)
@given(st.text(st.characters(), min_size=1, max_size=30), st.data())
def test_whatever_a_token_is_reading_gives_the_value_or_the_mask(text: str, data: st.DataObject) -> None:
    keks, keys = MemoryKeks(), MemoryKeys()
    key = new_data_key(os.urandom)
    keys.add(wrap(key, "r-1", keks, NOW, os.urandom))
    ring = Keyring(keks, keys)
    token = seal(text, PLACE, key, os.urandom)
    assert ring.open(Sealed(token, PLACE)).reveal() == text
    broken = data.draw(st.text(st.characters(), max_size=90).filter(lambda t: t != token))
    cut = token[: data.draw(st.integers(0, len(token) - 1))]
    before = _unreadable()
    for bad in (Sealed(broken, PLACE), Sealed(cut, PLACE), Sealed(token, PLACE._replace(subject="r-2"))):
        clear = ring.open(bad)
        assert (clear.reveal(), clear.readable) == ("***", False)
    assert _unreadable() == before + 3


def _unreadable() -> float:
    return sum(
        sample.value
        for metric in UNREADABLE_VALUES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


class Copy:
    """A view that is filled by hand."""

    def __init__(self) -> None:
        self.items: dict[str, SubjectKey] = {}
        self.fresh_at = float("-inf")

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.fresh_at

    def get(self, key: str) -> SubjectKey | None:
        return self.items.get(key)


@pytest.fixture
def late() -> tuple[KeyViews, Copy]:
    views, copy = KeyViews(Settings(), codec=None, writers=(), patience_s=2), Copy()  # type: ignore[arg-type]
    views.views = {"dispatch": copy}  # type: ignore[dict-item]
    return views, copy


def test_a_key_that_comes_after_its_event_is_waited_for(late: tuple[KeyViews, Copy]) -> None:
    views, copy = late
    record = kept(MemoryKeks())

    def arrive() -> None:
        copy.items[f"r-1+{record.key_id}"] = record
        views._on_change(f"r-1+{record.key_id}")

    timer = threading.Timer(0.1, arrive)
    timer.start()
    assert views.find(PLACE, record.key_id) == record
    timer.join()


def test_a_key_is_erased_once_the_copy_is_newer_than_the_question(late: tuple[KeyViews, Copy]) -> None:
    views, copy = late

    def verify() -> None:
        copy.fresh_at = time.monotonic()

    timer = threading.Timer(0.1, verify)
    timer.start()
    began = time.monotonic()
    assert views.find(PLACE, "0" * 24) is None
    assert time.monotonic() - began < 1.5  # not the whole patience
    timer.join()
    copy.fresh_at = float("-inf")
    began = time.monotonic()
    assert views.find(PLACE, "0" * 24) is None  # known: nobody waits twice
    assert time.monotonic() - began < 1.5


def test_a_copy_that_hears_nothing_costs_the_patience_only() -> None:
    views = KeyViews(Settings(), codec=None, writers=(), patience_s=0.1)  # type: ignore[arg-type]
    views.views = {"dispatch": Copy()}  # type: ignore[dict-item]
    assert views.find(PLACE, "0" * 24) is None


def test_two_replicas_make_keys_of_one_subject_and_both_count() -> None:
    keks, keys = MemoryKeks(), MemoryKeys()
    one, two = Sealing(keks, NOW, os.urandom), Sealing(keks, NOW, os.urandom)
    values = [sealing._sealed("00000000009", PLACE) for sealing in (one, two)]
    made = [*one.fresh(), *two.fresh()]
    assert len({key_topic("dispatch").key_of(key) for key in made}) == 2, "compaction must keep both"
    for key in made:
        keys.add(key)
    assert [Keyring(keks, keys).open(value).reveal() for value in values] == ["00000000009"] * 2
    assert keys.erase("r-1") == 2
    assert [Keyring(keks, keys).open(value).reveal() for value in values] == ["***"] * 2


def test_grants_come_from_the_topic_files() -> None:
    assert may_read("dispatch", PLACE.record)
    assert not may_read("ioc", PLACE.record)
    assert writers_of(PLACE.record) == {"dispatch"}
    assert "dispatch" in all_key_writers()
    assert (key_writers("dispatch"), key_writers("ioc")) == (["dispatch"], [])


def test_logs_do_not_show_what_was_handled(capfd: pytest.CaptureFixture[str]) -> None:
    scrub.remember("示例市民己")
    scrub.remember("0000000\n0010")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        for as_json in (False, True):
            setup_logs("test", as_json=as_json)
            log = logging.getLogger("test")
            log.warning("called %s", "示例市民己")
            try:
                raise ValueError("no such number 0000000\n0010 of 示例市民己")
            except ValueError:
                log.exception("failed: %r", "0000000\n0010")
    finally:
        root.handlers[:], root.level = handlers, level
    printed = capfd.readouterr().err
    assert "called ***" in printed
    assert "no such number ***" in printed
    for form in ("示例市民己", "\\u793a", "0000000\n0010", "0000000\\n0010"):
        assert form not in printed


def test_the_scrubber_forgets_the_oldest_and_leaves_single_letters() -> None:
    scrub.remember("甲")
    assert scrub.scrubbed("甲") == "甲"
    scrub.remember("oldest-value")
    for number in range(600):
        scrub.remember(f"value-{number}-")
    assert scrub.scrubbed("oldest-value value-599-") == "oldest-value ***"
