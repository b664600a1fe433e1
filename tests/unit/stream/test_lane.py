"""The lane in C does the same as the engine in Python, or leaves no trace."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from liandong.clock import ManualClock
from liandong.errors import DecodeError
from liandong.event import Event, Headers
from liandong.settings import Settings
from liandong.stream import KEEP, Context, Out, Outcome, StreamService
from liandong.stream.intake import Intake
from liandong.stream.lane import Lane, is_built
from liandong.stream.outputs import Node
from liandong.stream.processor import Processor
from liandong.stream.tables import Table
from liandong.stream.topology import topology_of
from liandong.telemetry.tracing import Tracing
from liandong.testing.memory import DictStore, MemoryCodec
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import StateEnvelope

NOW = datetime(2031, 7, 20, 12, 0, tzinfo=UTC)
WIRE = "district.lane.reading.v1"
CHAIN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"

pytestmark = pytest.mark.skipif(not is_built(), reason="liandong-native was not built")


class Value(Record, frozen=True):
    FULL_NAME = "lane.Value"
    key: str
    what: str


class Kept(Record, frozen=True):
    FULL_NAME = "lane.Kept"
    heard: str


READING = Topic("lane.reading", "evidence", "lane", ("key",), (Value,), {"district": 1})
HEARD = Topic("lane.heard", "fact", "lane", ("key",), (Value,), {"district": 1})


class Message:
    """A record as the client of Kafka hands it over."""

    def __init__(self, offset: int, key: bytes | None, value: bytes | None, headers: Headers | None, at: int) -> None:
        self._fields = offset, key, value, headers, at

    def topic(self) -> str:
        return WIRE

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._fields[0]

    def key(self) -> bytes | None:
        return self._fields[1]

    def value(self) -> bytes | None:
        return self._fields[2]

    def headers(self) -> Headers | None:
        return self._fields[3]

    def timestamp(self) -> tuple[int, int]:
        return 1, self._fields[4]

    def error(self) -> None:
        return None


class Engine:
    """One partition of the service, with the lane or without."""

    def __init__(self, *, in_c: bool) -> None:
        self.events: list[Event[Any]] = []
        self.usual = 0
        self.codec = MemoryCodec([Value, Kept, StateEnvelope])
        self.store = DictStore()
        self.table = Table(self.store, self.codec, "kept", timed=False, cache_size=5)
        service, clock, settings = self._service(), ManualClock(NOW), Settings(world="test")
        lane = Lane(self.codec, clock, {"kept": "kept"}, "refs") if in_c else None
        self._intake = Intake(self.codec, topology_of(service), {WIRE: "lane.reading"}, lane)
        node, tracing = Node("district", "", "990101"), Tracing("lane", settings)
        self._processor = Processor(service, self.codec, node, clock, tracing, {"kept": "kept"}, "refs")
        self._take: Callable[..., bool] = lane.take if lane is not None else lambda *_: False

    def _service(self) -> StreamService:
        service = StreamService("lane")
        kept = service.state(Kept, name="kept")

        @service.on(READING, Value, state=kept)
        def hear(event: Event[Value], was: Kept | None, ctx: Context) -> Outcome[Kept]:
            assert (ctx.now, ctx.refs) == (NOW, "refs")
            assert ctx.new_id("x", "990101")
            what = event.data.what
            heard = f"{getattr(was, 'heard', '')}{what}"[-40:]
            if what == "fail":
                raise ValueError("as asked")
            if what == "record":
                ctx.record_chain()
            outcomes: dict[str, Outcome[Kept]] = {
                "keep": Outcome(),
                "same": Outcome(was),
                "drop": Outcome(None),
                "other": Outcome(event.data),  # type: ignore[arg-type] # not the class that was declared
                "late": Outcome(Kept(heard), late=2),
                "emit": Outcome(Kept(heard), [Out(HEARD, event.data)]),
                "large": Outcome(Kept("x" * 1_000_000)),
                "broken": Outcome(Kept(5)),  # type: ignore[arg-type] # a mistake that only encoding finds
            }
            self.events.append(event)
            return outcomes.get(what, Outcome(Kept(heard)))

        return service

    def take(self, message: Message) -> str:
        """Return what became of a message."""
        if self._take(message, WIRE, [self.table]):
            self.usual += 1
            return "0 seen, 0 late, []"
        try:
            read = self._intake.read(message, WIRE)
            if read is None:
                return "skipped"
            effect = self._processor.on_event(read[0], read[1], [self.table])
        except DecodeError as error:
            return f"{error.reason}: {error.detail}"
        except ValueError as error:
            return repr(error)
        effect.apply()
        return f"{effect.fenced} seen, {effect.late} late, {effect.outputs}"

    def commit(self) -> None:
        """End a transaction."""
        self.store.apply(self.table.changes())
        self.table.committed()


def messages(count: int, seed: int) -> Sequence[Message]:
    """Return messages of every kind, most of them usual, some of them again."""
    chance, codec, found = random.Random(seed), MemoryCodec([Value, Kept, StateEnvelope]), []
    whats = [
        "a",
        "b",
        "c",
        "d",
        "e",
        "fail",
        "keep",
        "same",
        "drop",
        "other",
        "late",
        "emit",
        "large",
        "broken",
        "record",
    ]
    for offset in range(count):
        key = f"钥匙{chance.randrange(9)}"
        headers: Headers = [("ce_id", b"%040d" % chance.randrange(count * 2)), ("ce_type", b"t"), ("ce_source", b"/s")]
        extras: list[tuple[str, bytes]] = [
            ("ce_sequence", b"%d" % (offset // 2)),
            ("ce_sequence", chance.choice([b" 7", b"x", b"", b"99999999999999999999", b"-1"])),
            ("ce_time", chance.choice([b"2031-07-20T11:59:58Z", b"2031-07-20T11:59:58.125Z", b"2031-02-30T00:00:00Z"])),
            ("ce_time", chance.choice([b"2031-07-20T11:59:58+08:00", b"2031-07-20 11:59", b"2031-07-20T11:59:58.1Z"])),
            ("ce_subject", chance.choice([key.encode(), b"another"])),
            ("ce_hops", b"3"),
            ("ce_areacode", "东区".encode()),
            ("ce_areacode", b"\xff"),
            ("ce_correlationid", b""),
            ("traceparent", (CHAIN + chance.choice("0123")).encode()),
            ("ce_id", b"x" * chance.randrange(400)),
            ("unknown", b"?"),
        ]
        headers += chance.sample(extras, chance.choice([0, 0, 1, 2, 4]))
        value: bytes | None = codec.encode(WIRE, Value(key, chance.choice(whats[:5] * 5 + whats)))
        if chance.random() < 0.05:
            value = chance.choice([None, b"", b"\0\0\0\0\0?", codec.encode(WIRE, Kept("?"))])
        raw_key = chance.choice([None, b"\xff"]) if chance.random() < 0.03 else key.encode()
        at = chance.choice([0, 1_790_000_000_123])
        found.append(Message(offset, raw_key, value, headers if chance.random() > 0.03 else None, at))
        if chance.random() < 0.1:
            found.append(found[-1])
    return found


@pytest.mark.parametrize("seed", range(8))
def test_the_lane_does_what_python_does(seed: int) -> None:
    fast, slow = Engine(in_c=True), Engine(in_c=False)
    sent = messages(1500, seed)
    for number, message in enumerate(sent):
        assert fast.take(message) == slow.take(message)
        if number % 97 == 0:
            assert fast.table.changes() == slow.table.changes()
            fast.commit()
            slow.commit()
    assert fast.table.changes() == slow.table.changes()
    assert dict(fast.store.items()) == dict(slow.store.items())
    assert len(sent) // 6 < fast.usual < len(sent)
    assert {repr(event) for event in fast.events} == {repr(event) for event in slow.events}


def test_a_value_that_is_kept_changes_nothing() -> None:
    assert KEEP is Outcome().state
    engine = Engine(in_c=True)
    value = engine.codec.encode(WIRE, Value("k", "keep"))
    headers: Headers = [("ce_id", b"1"), ("ce_type", b"t"), ("ce_source", b"/s")]
    for _ in range(3):
        engine.take(Message(1, b"k", value, headers, 1_790_000_000_000))
    assert engine.usual == 2  # the first one is for Python, which learns what the value's schema is
    assert engine.table.changes() == []
