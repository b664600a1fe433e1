"""One service of the latency chain: counts the key and passes the event on. `python -m tests.load.stream.hop JSON`."""

import json
import sys
from typing import Any

from liandong.errors import DecodeError
from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Out, Outcome, StreamService
from liandong.stream.run import run_service
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import StateEnvelope

from tests.load.stream.records import EIGHT, codec


class Step(Record, frozen=True):
    FULL_NAME = "bench.Step"
    key: str
    number: str


class Passed(Record, frozen=True):
    FULL_NAME = "bench.Passed"
    count: int


class HopCodec:
    """Eight digits for an event, msgpack for the count, the kit's Avro for the envelope."""

    def __init__(self) -> None:
        self._envelopes = codec()

    def encode(self, topic: str, record: Record) -> bytes:
        """Return framed bytes."""
        if isinstance(record, Step):
            return b"\0\0\0\0\1" + record.number.encode()
        if isinstance(record, Passed):
            return b"\0\0\0\0\2" + str(record.count).encode()
        return self._envelopes.encode(topic, record)

    def decode(self, value: bytes) -> Record:
        """Return the record."""
        kind = self.type_of(value)
        if kind is Step:
            return Step("", value[5:].decode())
        if kind is Passed:
            return Passed(int(value[5:]))
        return self._envelopes.decode(value)

    def type_of(self, value: bytes) -> type[Record] | None:
        """Return the record type."""
        kinds: dict[bytes, type[Record]] = {b"\1": Step, b"\2": Passed, b"\4": StateEnvelope}
        if value[4:5] not in kinds:
            raise DecodeError("BAD_FRAMING", repr(value[:5]))
        return kinds[value[4:5]]


def main() -> None:
    """Run until SIGTERM."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    source = Topic(options["source"], "fact", "bench-feeder", ("key",), (Step,), EIGHT)
    target = Topic(options["target"], "fact", options["target"], ("key",), (Step,), EIGHT)
    hop = StreamService(options["source"])
    passed = hop.state(Passed, name="passed")

    @hop.on(source, Step, state=passed)
    def step(event: Event[Step], was: Passed | None, ctx: Context) -> Outcome[Passed]:
        out = Step(event.key, event.data.number)
        return Outcome(Passed(was.count + 1 if was else 1), [Out(target, out)])

    run_service(hop, Settings.model_validate(options["settings"]), codec=HopCodec())


if __name__ == "__main__":
    main()
