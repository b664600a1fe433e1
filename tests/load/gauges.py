"""The load generator of `pipeline`, a process of its own: gauges that send SL 651 frames over a few shared connections.

It writes one line of JSON a crossing frame to standard output: device, observed minute, real time of the last byte.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta

import msgspec
from cityframes.sl651 import encode
from cityframes.sl651.frame import AROUND, declared_size

_QUIET_CM, _DEEP_CM = 5.0, 31.0
_DEPTH_ELEMENT = 0x39
_FUNCTION = 0x32
_CLASS = 0x48


class Load(msgspec.Struct, frozen=True):
    """What to send: `stages` of (reports a second, seconds); one report in `crossing_every` crosses a threshold.

    The world's clock shows `origin` at real time `real` and runs `clock_rate` times faster.
    """

    port: int
    stations: list[str]
    connections: int
    stages: list[tuple[float, float]]
    crossing_every: int
    origin: float
    real: float
    clock_rate: float


class Sender:
    """Sends on schedule, whatever the answers; counts them."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._writers: list[asyncio.StreamWriter] = []
        self.sent = 0
        self.answered = 0
        self._last: dict[str, datetime] = {}

    async def run(self) -> None:
        """Connect, send all stages, wait for the last answers, print a summary."""
        counters: list[asyncio.Task[None]] = []
        for _ in range(self._load.connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._load.port)
            self._writers.append(writer)
            counters.append(asyncio.create_task(self._count(reader)))
        for stage, (rate, seconds) in enumerate(self._load.stages):
            await self._stage(stage, rate, seconds)
        deadline = time.monotonic() + 20
        while self.answered < self.sent and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for counter in counters:
            counter.cancel()
        self._print(summary=True, sent=self.sent, answered=self.answered, cpu_s=time.process_time())

    async def _stage(self, stage: int, rate: float, seconds: float) -> None:
        begin, cpu, before = time.monotonic(), time.process_time(), self.sent
        number, total = 0, int(rate * seconds)
        while number < total:
            due = int((time.monotonic() - begin) * rate) + 1
            while number < min(due, total):
                self._send(stage)
                number += 1
            await asyncio.sleep(0.001)
        took = time.monotonic() - begin
        self._print(stage=stage, rate=(self.sent - before) / took, cpu_s=time.process_time() - cpu, end=time.time())

    def _send(self, stage: int) -> None:
        load = self._load
        index = self.sent % len(load.stations)
        station = load.stations[index]
        now = datetime.fromtimestamp(load.origin + (time.time() - load.real) * load.clock_rate, UTC)
        observed = now.replace(second=0, microsecond=0)
        if self._last.get(station) == observed:  # the protocol tells minutes: the same minute would be the same reading
            observed += timedelta(minutes=1)
        self._last[station] = observed
        crossing = (self.sent // len(load.stations) + index) % load.crossing_every == 0  # each gauge in its turn
        cm = _DEEP_CM if crossing else _QUIET_CM
        body = encode.report_body(
            self.sent % 0xFFFF + 1, now, station, _CLASS, [(observed, [(_DEPTH_ELEMENT, cm / 100)])]
        )
        frame = encode.uplink(station=station, function=_FUNCTION, body=body)
        self._writers[index % load.connections].write(frame)
        self.sent += 1
        if crossing:
            self._print(stage=stage, station=station, observed=observed.timestamp(), at=time.time())

    async def _count(self, reader: asyncio.StreamReader) -> None:
        while True:
            head = await reader.readexactly(AROUND - 3)
            size = declared_size(head)
            if size is None:
                raise ValueError("not an answer")
            await reader.readexactly(size - len(head))
            self.answered += 1

    @staticmethod
    def _print(**line: object) -> None:
        sys.stdout.write(json.dumps(line) + "\n")


def main() -> None:
    """Read the load from standard input (JSON) and send it."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    asyncio.run(Sender(load).run())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
