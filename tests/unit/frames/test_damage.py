"""Every truncation and every single-bit flip of every published frame ends in a clean refusal or a valid decode."""

import pytest
from cityframes import FrameError

from tests.unit.frames import samples
from tests.unit.frames.damage import SUBJECTS, Subject, whole

EACH = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)


@EACH
def test_every_truncation(subject: Subject) -> None:
    for raw in subject.frames:
        for size in range(len(raw)):
            found = subject.decode(raw[:size])
            assert isinstance(found, FrameError), (raw[:size], found)
            assert found.kind.value in ("BAD_LENGTH", "UNDECODABLE")


@EACH
def test_every_flipped_bit(subject: Subject) -> None:
    for raw in subject.frames:
        good = not isinstance(subject.decode(raw), FrameError)
        passed = 0
        for bit in range(len(raw) * 8):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            found = subject.decode(bytes(changed))
            passed += not isinstance(found, FrameError)
        if good and subject.name in ("sl651", "szy206", "gb26875"):
            assert passed == 0, "these check sums see every single bit"
        elif good:
            assert passed <= 4, "only the case of the check sum's letters may change"


@EACH
def test_every_flipped_bit_behind_a_right_check_sum(subject: Subject) -> None:
    for raw in subject.frames:
        inside = subject.inside(raw)
        for bit in range(len(inside) * 8):
            changed = bytearray(inside)
            changed[bit // 8] ^= 1 << bit % 8
            subject.decode(subject.seal(bytes(changed)))


@EACH
def test_every_truncation_behind_a_right_check_sum(subject: Subject) -> None:
    for raw in subject.frames:
        inside = subject.inside(raw)
        for size in range(len(inside)):
            subject.decode(subject.seal(inside[:size]))


@EACH
def test_the_command_line_prints_whatever_it_gets(subject: Subject) -> None:
    for raw in subject.frames:
        whole(subject, raw)
        for at in range(0, len(raw), 5):
            whole(subject, raw[:at] + bytes([raw[at] ^ 0xA5]) + raw[at + 1 :])


@EACH
def test_frames_come_out_of_a_stream_in_any_pieces(subject: Subject) -> None:
    frames = [raw + subject.tail for raw in subject.frames if not isinstance(subject.decode(raw), FrameError)]
    stream = b"".join(frames)
    for step in (1, 7, 1000, len(stream)):
        framer = subject.framer()
        found = [one for at in range(0, len(stream), step) for one in framer.feed(stream[at : at + step])]
        assert [one.raw for one in found] == frames
        assert framer.waiting == 0


@EACH
@pytest.mark.parametrize(
    "junk", [b"\x00\xff\x10", b"##", b"##9999", b"@@", b"~~", b"\x68", b"\x68\xff\x68", b"h\x01h\xc0"]
)
def test_no_junk_hides_the_next_frame(subject: Subject, junk: bytes) -> None:
    good = [raw + subject.tail for raw in subject.frames if not isinstance(subject.decode(raw), FrameError)]
    framer = subject.framer()
    results = framer.feed(junk + good[0] + junk * 3 + good[1] + junk) + framer.flush()
    assert [one.raw for one in results if not isinstance(one, FrameError)] == good[:2]
    assert sum(len(one.raw) for one in results) == len(good[0] + good[1]) + 5 * len(junk), "every byte is accounted for"


@EACH
def test_a_wrong_length_costs_one_frame(subject: Subject) -> None:
    good = next(raw for raw in subject.frames if not isinstance(subject.decode(raw), FrameError)) + subject.tail
    at = {"hj212": 5, "sl651": 12, "szy206": 1, "gb26875": 24}[subject.name]
    for change in (1, 2, 4, 8):
        wrong = bytearray(good)
        wrong[at] ^= change
        framer = subject.framer()
        results = framer.feed(bytes(wrong) + good * 40) + framer.flush()
        assert [one.raw for one in results if not isinstance(one, FrameError)] == [good] * 40
        assert any(isinstance(one, FrameError) for one in results)


@EACH
@pytest.mark.parametrize("filler", ["00", "start", "head"])
def test_two_megabytes_of_junk_do_not_grow_memory(subject: Subject, filler: str) -> None:
    head = subject.frames[0][:6]
    block = {"00": bytes(1 << 16), "start": head[:2] * (1 << 13), "head": head * 2000}[filler]
    framer = subject.framer()
    for _ in range((1 << 21) // len(block) if filler == "00" else 8):
        results = framer.feed(block)
        assert framer.waiting < 1 << 18
        assert all(len(one.raw) <= 4096 for one in results)
    good = next(raw for raw in subject.frames if not isinstance(subject.decode(raw), FrameError))
    good += subject.tail
    found = framer.feed(good * 60) + framer.flush()
    assert [one.raw for one in found if not isinstance(one, FrameError)][-1] == good


@EACH
def test_one_damaged_frame_is_one_refusal_with_all_its_bytes(subject: Subject) -> None:
    for raw in subject.frames:
        if isinstance(subject.decode(raw), FrameError):
            continue
        good = raw + subject.tail
        damaged = bytearray(good)
        damaged[{"hj212": len(raw) // 2, "sl651": 16, "szy206": 10, "gb26875": 13}[subject.name]] ^= 1
        results = subject.framer().feed(bytes(damaged) + good)
        assert [one.kind.value for one in results if isinstance(one, FrameError)] == ["BAD_CHECKSUM"]
        assert [one.raw for one in results] == [bytes(damaged), good]


@EACH
def test_a_run_of_broken_starts_is_few_refusals(subject: Subject) -> None:
    """Byte by byte too: each start is looked at once, however often the buffer moves on."""
    start = {"hj212": b"##9999", "sl651": samples.TIMED[:14], "szy206": b"h", "gb26875": b"@@"}[subject.name]
    stream = start * ((1 << 15) // len(start))
    for step in (1, len(stream)):
        framer = subject.framer()
        results = [one for at in range(0, len(stream), step) for one in framer.feed(stream[at : at + step])]
        results += framer.flush()
        assert len(results) <= 3
