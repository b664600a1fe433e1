"""The framer: whatever comes between, no good frame is lost, nothing raises, memory stays."""

import random

import pytest
from cityframes import ErrorKind, FrameError, sl651
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.frames.samples import PUBLISHED, TIMED, broken, report

GOOD = [report(serial=number) for number in range(1, 6)] + [TIMED]


def frames(results: list[sl651.Frame | FrameError]) -> list[bytes]:
    return [one.raw for one in results if isinstance(one, sl651.Frame)]


def errors(results: list[sl651.Frame | FrameError]) -> list[ErrorKind]:
    return [one.kind for one in results if isinstance(one, FrameError)]


def test_byte_by_byte_and_all_at_once() -> None:
    stream = b"".join(PUBLISHED)
    whole = sl651.Framer().feed(stream)
    framer = sl651.Framer()
    single = [one for byte in stream for one in framer.feed(bytes([byte]))]
    assert frames(whole) == frames(single) == PUBLISHED
    assert framer.waiting == 0


def test_bad_check_sum_then_good() -> None:
    found = sl651.Framer().feed(broken(GOOD[0]) + GOOD[1])
    assert errors(found) == [ErrorKind.BAD_CHECKSUM]
    assert found[0].raw == broken(GOOD[0])
    assert frames(found) == [GOOD[1]]


@pytest.mark.parametrize("change", [-9, -1, 1, 5, 40, 200, 3000])
def test_wrong_length_then_good(change: int) -> None:
    raw = bytearray(GOOD[0])
    length = int.from_bytes(raw[11:13]) + change
    raw[11:13] = length.to_bytes(2)
    framer = sl651.Framer()
    found = framer.feed(bytes(raw)) + framer.feed(GOOD[1]) + framer.feed(GOOD[2])
    assert frames(found) == [GOOD[1], GOOD[2]]
    assert ErrorKind.BAD_LENGTH in errors(found)
    assert b"".join(one.raw for one in found) == bytes(raw) + GOOD[1] + GOOD[2], "original bytes are kept"


def test_half_frame_then_good_on_the_same_connection() -> None:
    framer = sl651.Framer()
    assert framer.feed(GOOD[0][:25]) == []
    assert framer.waiting == 25
    found = framer.feed(GOOD[1])
    assert frames(found) == [GOOD[1]]
    assert errors(found) == [ErrorKind.BAD_LENGTH]


def test_half_frame_then_silence() -> None:
    framer = sl651.Framer()
    framer.feed(b"hello" + GOOD[0][:25])
    found = framer.flush()
    assert errors(found) == [ErrorKind.GARBAGE, ErrorKind.BAD_LENGTH]
    assert [one.raw for one in found] == [b"hello", GOOD[0][:25]]
    assert framer.waiting == 0
    assert frames(framer.feed(GOOD[1])) == [GOOD[1]]


def test_garbage_between_is_reported_once_with_its_bytes() -> None:
    framer = sl651.Framer()
    found = framer.feed(b"AT+CSQ\r\n") + framer.feed(b"OK\r\n") + framer.feed(GOOD[0] + b"~~~" + GOOD[1])
    assert frames(found) == [GOOD[0], GOOD[1]]
    assert errors(found) == [ErrorKind.GARBAGE, ErrorKind.GARBAGE]
    assert found[0].raw == b"AT+CSQ\r\nOK\r\n"


@pytest.mark.parametrize("filler", [b"\x00", b"A", b"\x7e", b"\x7e\x7e\x01"])
def test_ten_megabytes_without_a_frame_do_not_grow_memory(filler: bytes) -> None:
    size = (10 << 20) // (20 if b"\x7e" in filler else 1)
    block = (filler * (1 << 16))[: 1 << 16]
    framer = sl651.Framer()
    refused = 0
    for _ in range(size >> 16):
        results = framer.feed(block)
        refused += len(results)
        assert framer.waiting < 1 << 17
        assert all(len(one.raw) <= 4096 for one in results)
    found = framer.feed(GOOD[0])
    assert frames(found) == [GOOD[0]]
    assert 0 < refused + len(errors(found)) < 1000


def test_a_frame_is_found_inside_a_broken_one() -> None:
    cut = GOOD[0][:40]
    framer = sl651.Framer()
    results = [one for piece in (cut, cut, GOOD[1][:30], GOOD[1][30:]) for one in framer.feed(piece)]
    assert frames(results) == [GOOD[1]]


JUNK = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([broken(one) for one in GOOD]),
    st.sampled_from(GOOD).flatmap(lambda one: st.integers(1, len(one) - 1).map(lambda size: one[:size])),
    st.sampled_from([b"\x7e", b"\x7e\x7e", b"\x7e\x7e\x7e", b"\r\n"]),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(JUNK, st.sampled_from(GOOD)), max_size=6), st.randoms(use_true_random=False))
def test_no_junk_ever_hides_a_good_frame(parts: list[tuple[bytes, bytes]], chance: random.Random) -> None:
    stream = b"".join(junk + good for junk, good in parts)
    framer = sl651.Framer()
    results: list[sl651.Frame | FrameError] = []
    at = 0
    while at < len(stream):
        step = chance.randint(1, 90)
        results += framer.feed(stream[at : at + step])
        at += step
    results += framer.flush()
    found = frames(results)
    for _, good in parts:
        assert good in found, "a good frame was lost"
        found = found[found.index(good) + 1 :]
    assert sum(len(one.raw) for one in results) == len(stream), "every byte is accounted for"


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_random_bytes_never_raise(chunks: list[bytes]) -> None:
    framer = sl651.Framer()
    for chunk in chunks:
        for one in framer.feed(chunk):
            if isinstance(one, sl651.Frame):
                sl651.read(one)
    framer.flush()
    assert framer.waiting == 0
