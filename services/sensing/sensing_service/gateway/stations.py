"""TCP server of one device protocol: connections, their protections, and what each frame leads to.

A station is confirmed only after Kafka has its report. What is refused is published and not answered; the connection
stays, and the next good frame on it is taken. Limits count real seconds.
"""

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

from cityframes import ErrorKind, FrameError
from liandong_contracts.sensing import RejectReason

from sensing_service.gateway.dialects import Dialect, Options, Sl651
from sensing_service.gateway.intake import UNKNOWN_SENDER, Arrival, Intake, Refusal
from sensing_service.metrics import CONFIRMED, CONNECTIONS, REFUSED_CONNECTIONS

log = logging.getLogger(__name__)

_REASONS = {
    ErrorKind.BAD_CHECKSUM: RejectReason.BAD_CHECKSUM,
    ErrorKind.BAD_LENGTH: RejectReason.BAD_LENGTH,
    ErrorKind.BAD_TAIL: RejectReason.BAD_LENGTH,
    ErrorKind.UNDECODABLE: RejectReason.UNDECODABLE,
    ErrorKind.GARBAGE: RejectReason.UNDECODABLE,
}
_SL651 = partial(Sl651, Options())
_ERROR_COSTS = 5  # a refused stretch counts as so many frames of the allowance
_SWEEP_S = 1.0
_GARBAGE_S = 2.0  # silence after which bytes that began no frame are reported


class Limits(NamedTuple):
    """Protections of the server; see SensingSettings."""

    connections: int = 20_000
    per_source: int = 4_000
    idle_s: float = 600
    frame_s: float = 15
    proof_s: float = 180
    frames_per_s: float = 200
    burst: int = 1_000


class StationServer:
    """Accepts stations that speak one dialect. `open` returns the port really bound.

    `allow` lists networks that may connect (empty: all); ValueError for one that is none.
    """

    def __init__(
        self,
        intake: Intake,
        limits: Limits,
        dialect: Callable[[], Dialect] = _SL651,
        allow: Iterable[str] = (),
    ) -> None:
        self.intake = intake
        self.limits = limits
        self.dialect = dialect
        self._allowed = [ipaddress.ip_network(network) for network in allow]
        self.connections: set[StationConnection] = set()
        self.sources: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def open(self, host: str, port: int) -> int:
        """Begin to listen; OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: StationConnection(self), host, port, backlog=1024)
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and hang up; what was not confirmed is sent again by the stations."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.hang_up()

    def admits(self, source: str) -> str | None:
        """Return why a new connection is refused."""
        if self._allowed and not self._allows(source):
            return "address not allowed"
        if len(self.connections) >= self.limits.connections:
            return "too many connections"
        if self.sources[source] >= self.limits.per_source:
            return "too many connections from one address"
        return None

    def _allows(self, source: str) -> bool:
        try:
            address = ipaddress.ip_address(source)
        except ValueError:
            return False
        return any(address in network for network in self._allowed)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)
        now = loop.time()
        for connection in list(self.connections):
            connection.check(now)


class StationConnection(asyncio.Protocol):
    """One station's connection."""

    def __init__(self, server: StationServer) -> None:
        self._server = server
        self._intake = server.intake
        self._limits = server.limits
        self._dialect = server.dialect()
        self._framer = self._dialect.framer
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._source = self._name = ""
        self._opened = self._heard = self._loop.time()
        self._frame_since: float | None = None
        self._proved = self._admitted = self._paused = False
        self._allowance = float(self._limits.burst)
        self._counted = self._opened
        self._resuming: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the station or hang up."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername") or ("?", 0)
        self._source, self._name = str(peer[0]), f"tcp:{peer[0]}:{peer[1]}"
        why = self._server.admits(self._source)
        if why is not None:
            REFUSED_CONNECTIONS.labels(why).inc()
            self._transport.abort()
            return
        self._admitted = True
        self._server.connections.add(self)
        self._server.sources[self._source] += 1
        CONNECTIONS.inc()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report what was left unfinished."""
        if not self._admitted:
            return
        self._admitted = False
        self._server.connections.discard(self)
        self._server.sources[self._source] -= 1
        if not self._server.sources[self._source]:
            del self._server.sources[self._source]
        CONNECTIONS.dec()
        self._decided(self._framer.flush())

    def data_received(self, data: bytes) -> None:
        """Take bytes of the station."""
        if not self._admitted:
            return
        self._heard = self._loop.time()
        self._earn()
        self._decided(self._framer.feed(data))
        if not self._framer.waiting:
            self._frame_since = None
        elif self._frame_since is None:
            self._frame_since = self._heard
        if self._allowance < 0 or not self._intake.sink.has_room:
            self._pause()

    def check(self, now: float) -> None:
        """Enforce what depends on time; called every second."""
        silent = now - self._heard
        if self._frame_since is not None and not self._paused:
            partial_frame = self._framer.in_frame
            if now - self._frame_since > self._limits.frame_s or (not partial_frame and silent > _GARBAGE_S):
                self._frame_since = None
                self._decided(self._framer.flush())
        self._dialect.expire(now)
        if silent > self._limits.idle_s or (not self._proved and now - self._opened > self._limits.proof_s):
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _decided(self, results: list[Any]) -> None:
        for result in results:
            if isinstance(result, FrameError):
                self._allowance -= _ERROR_COSTS
                self._refuse(result)
            else:
                self._allowance -= 1
                self._proved = True
                self._frame_since = None
                self._frame(result)

    def _frame(self, frame: Any) -> None:
        """Take one frame whose check sum holds."""
        heard = self._dialect.hear(frame, self._intake.clock.now(), self._loop.time())
        if heard is None:
            return
        if isinstance(heard, FrameError):
            self._refuse(heard)
            return
        arrival = Arrival(self._dialect.wire, heard.native_id, self._name, heard.raw, heard.function_code)
        taken = heard.refusal or self._intake.take(arrival, heard.samples, heard.observed_at)
        alarms = self._intake.signal(arrival, heard.signals, taken)
        if isinstance(taken, Refusal):
            self._intake.refuse(arrival, taken)
            return
        kept: asyncio.Future[Any] = asyncio.gather(taken, *alarms) if alarms else taken
        if heard.answer is not None:
            kept.add_done_callback(partial(self._confirm, heard.native_id, heard.answer))
        else:
            kept.add_done_callback(_unanswered)

    def _confirm(self, sender: str, answer: Callable[[datetime], bytes], kept: "asyncio.Future[Any]") -> None:
        """Answer the station, now that Kafka has its report."""
        if kept.cancelled():
            return
        if (error := kept.exception()) is not None:
            log.error("station %s is not confirmed: %s", sender, error)
            return
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(answer(self._intake.clock.now()))
        CONFIRMED.inc()

    def _refuse(self, error: FrameError) -> None:
        arrival = Arrival(self._dialect.wire, error.station or UNKNOWN_SENDER, self._name, error.raw)
        self._intake.refuse(arrival, Refusal(_REASONS[error.kind], error.detail))

    def _pause(self) -> None:
        """Stop reading until Kafka has room and the allowance is earned again."""
        if self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = True
        self._transport.pause_reading()
        self._resuming = self._loop.create_task(self._resume())

    async def _resume(self) -> None:
        while self._allowance < 0:
            await asyncio.sleep(min(-self._allowance / self._limits.frames_per_s + 0.01, 1.0))
            self._earn()
        await self._intake.sink.room()
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _earn(self) -> None:
        now = self._loop.time()
        earned = (now - self._counted) * self._limits.frames_per_s
        self._counted = now
        self._allowance = min(self._limits.burst, self._allowance + earned)


def _unanswered(kept: "asyncio.Future[Any]") -> None:
    if not kept.cancelled() and (error := kept.exception()) is not None:
        log.error("a report without answer was not kept: %s", error)
