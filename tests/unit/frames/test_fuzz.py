"""Fuzzing of every decoder and framer. A bounded share here; `make test-fuzz` runs a million cases.

A case is a tape of bytes that says which frames are taken and how they are changed: one draw, so that a million of them
take minutes, and a failing tape still shrinks.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from cityframes import FrameError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.frames.damage import SUBJECTS, Subject, whole

EACH = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
TAPES = st.binary(min_size=8, max_size=48)
STEPS = (1, 3, 20, 200, 2000)


def changed(raw: bytes, tape: Iterator[int], times: int) -> bytes:
    """Return the bytes with pieces replaced, put in, cut out or doubled."""
    for _ in range(times):
        at = (next(tape, 0) << 8 | next(tape, 0)) % (len(raw) + 1)
        how, size, seed = next(tape, 0) & 3, next(tape, 0) & 7, next(tape, 0)
        if how == 0:
            raw = raw[:at] + bytes([seed]) * size + raw[at + size :]
        elif how == 1:
            raw = raw[:at] + bytes([seed]) * size + raw[at:]
        elif how == 2:
            raw = raw[:at] + raw[at + size :]
        else:
            raw = raw[:at] + raw[max(0, at - size * 4) : at] + raw[at:]
    return raw


@EACH
@given(text=TAPES)
def test_decoders(subject: Subject, text: bytes) -> None:
    """Contents changed behind a right check sum, and changed frames."""
    tape = iter(text)
    raw = subject.frames[next(tape) % len(subject.frames)]
    how = next(tape)
    if how & 1:
        whole(subject, changed(raw, tape, how >> 1 & 3))
    else:
        whole(subject, subject.seal(changed(subject.inside(raw), tape, 1 + (how >> 1 & 7))))


@EACH
@given(text=TAPES)
def test_framers(subject: Subject, text: bytes) -> None:
    """Streams of whole and changed frames in pieces of any size: every byte is accounted for, nothing stays behind."""
    tape = iter(text)
    good = [raw + subject.tail for raw in subject.frames if not isinstance(subject.decode(raw), FrameError)]
    stream = b"".join(
        changed(good[one % len(good)], tape, one >> 4 & 3) for one in (next(tape, 0) for _ in range(next(tape) & 3))
    )
    framer = subject.framer()
    results: list[Any] = []
    at = 0
    while at < len(stream):
        step = STEPS[next(tape, 4) % 5]
        results += framer.feed(stream[at : at + step])
        at += step
    results += framer.flush()
    assert framer.waiting == 0
    assert sum(len(one.raw) for one in results) == len(stream)
    last = good[text[0] % len(good)]
    assert [one.raw for one in framer.feed(last) if not isinstance(one, FrameError)] == [last]
