"""From a Kafka message to an event, a skip, or a dead letter's reason; and when dead letters are too many."""

from typing import Any

import pytest
from liandong.errors import DecodeError
from liandong.event import Event, headers_of
from liandong.stream.deadletters import FailureLimit, letter_of
from liandong.stream.intake import Intake
from liandong.stream.topology import topology_of
from liandong.stream.transactions import FatalError
from liandong.testing.memory import MemoryCodec

from .town import READING, T0, Counted, Reading, make

WIRE = READING.wire("district")
CODEC = MemoryCodec([Reading, Counted])
READING_M1 = Reading("m1", "a1", 2.0)


class Message:
    """As much of a Kafka message as the engine asks for."""

    def __init__(self, value: bytes | None, key: bytes | None = b"m1", headers: Any = None) -> None:
        self._value, self._key, self._headers = value, key, headers

    def topic(self) -> str:
        return WIRE

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> Any:
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_942_315_200_000

    def error(self) -> None:
        return None


def headers() -> list[tuple[str, bytes]]:
    event = Event(data=READING_M1, id="e1", type="town.Reading", source="/t/t", time=T0, key="m1", sequence=4)
    return headers_of(event)


def read(message: Message) -> Any:
    return Intake(CODEC, topology_of(make()), {WIRE: READING.name}).read(message, WIRE)


def test_an_event_with_its_place_and_plan() -> None:
    plan, event = read(Message(CODEC.encode(WIRE, READING_M1), headers=headers()))
    assert plan.topic.name == "town.reading"
    assert len(plan.steps) == 2
    assert (event.data, event.id, event.sequence) == (READING_M1, "e1", 4)
    assert (event.topic, event.partition, event.offset) == (WIRE, 3, 7)


def test_what_nobody_handles_is_not_decoded() -> None:
    assert read(Message(None)) is None
    undecodable = CODEC.encode(WIRE, Counted("m1", 1))[:5] + b"\xc1 never decoded"
    assert read(Message(undecodable)) is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message(b""), "BAD_FRAMING"),
        (Message(b"garbage"), "BAD_FRAMING"),
        (Message(CODEC.encode(WIRE, READING_M1)[:9], headers=headers()), "UNDECODABLE"),
        (Message(CODEC.encode(WIRE, READING_M1)), "BAD_ENVELOPE"),
        (Message(CODEC.encode(WIRE, READING_M1), headers=[("ce_id", None)]), "BAD_ENVELOPE"),
        (Message(CODEC.encode(WIRE, READING_M1), key=b"m2", headers=headers()), "BAD_ENVELOPE"),
        (Message(CODEC.encode(WIRE, READING_M1), key=None, headers=headers()), "BAD_ENVELOPE"),
    ],
)
def test_what_no_reader_can_use_says_why(message: Message, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(message)
    assert caught.value.reason == reason


def test_a_dead_letter_keeps_the_headers_and_says_why_and_where() -> None:
    message = Message(b"garbage", headers=[("ce_id", b"e1"), ("dl_reason", b"OLD"), ("odd", None)])
    letter = dict(letter_of(message, "town", "BAD_FRAMING", "x" * 900))
    assert (letter["ce_id"], letter["odd"], letter["dl_reason"]) == (b"e1", b"", b"BAD_FRAMING")
    assert (letter["dl_topic"], letter["dl_partition"], letter["dl_offset"]) == (WIRE.encode(), b"3", b"7")
    assert (letter["dl_service"], len(letter["dl_error"])) == (b"town", 500)


def test_failures_in_a_row_stop_the_service() -> None:
    limit = FailureLimit(in_a_row=5, share=0.5)
    for handled in (0, 0, 0, 0, 1, 1, 1, 1):
        limit.failed(handled, ValueError("x"))
    with pytest.raises(FatalError, match="5 times in a row"):
        limit.failed(1, ValueError("x"))


def test_too_large_a_share_of_failures_stops_the_service() -> None:
    limit = FailureLimit(in_a_row=50, share=0.5)
    for n in range(99):
        limit.failed(n * 2 // 3, ValueError("x"))
    with pytest.raises(FatalError, match="share"):
        limit.failed(66, ValueError("x"))


def test_scattered_failures_do_not_stop_the_service() -> None:
    limit = FailureLimit(in_a_row=5, share=0.5)
    for n in range(1000):
        limit.failed(n * 3, ValueError("x"))
