"""Plays the rainstorm in a world of its own: the same processes, own topics and state, a clock that runs 30 times.

The only place of the demo that wires: devices to the gateway, people to gRPC, the ledger to the topics.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import Clock, ScaledClock, real_now, write_scaled
from liandong.event import Event
from liandong.ids import SHANGHAI, event_id
from liandong.local.client import LocalStack
from liandong.local.messages import Addresses as Stack
from liandong.telemetry.tracing import Tracing
from liandong.testing.otlp import SpanCollector
from liandong.wire.codec import codec_of
from liandong_contracts.base import Record
from liandong_contracts.dispatch import ReportReceived
from liandong_contracts.emergency import TaskAcknowledged, TaskAssigned
from liandong_contracts.rpc import flood_pb2, flood_pb2_grpc
from liandong_contracts.sensing import DeviceState

from tools.rainstorm import outcome, traces
from tools.rainstorm.devices import Addresses, Device, spoil
from tools.rainstorm.ledger import Figures, Ledger
from tools.rainstorm.people import People
from tools.rainstorm.scenario import BadFrame, Reading, Scenario, Signal, readings
from tools.rainstorm.story import Story
from tools.rainstorm.watch import Watch

log = logging.getLogger(__name__)
_SETTLE_S = 60.0
_STRANGER = "0088888888"  # a station that no registry knows
# chaos: which process dies at which minute of the storm; each once
_KILLS = (
    (15, "sensing-gateway"),
    (19, "sensing-judge"),
    (25, "flood"),
    (29, "dispatch"),
    (42, "emergency"),
    (50, "ioc"),
    (55, "registry"),
    (64, "kafka"),
)


class Night:
    """One performance. `play` returns the figures; what was expected and not seen is in `missed`."""

    def __init__(self, scenario: Scenario, stack: LocalStack, story: Story, *, chaos: bool, keep: bool) -> None:
        self.scenario = scenario
        self.stack = stack
        self.story = story
        self.ledger = Ledger()
        self.checks: dict[str, bool] = {}
        self.chains: dict[str, list[str]] = {}
        self.world = f"demo-{secrets.token_hex(2)}"
        self._chaos = chaos
        self._keep = keep
        self._clock_file = stack.layout.home / "data" / f"{self.world}-clock.json"
        self._collector = SpanCollector()

    @property
    def missed(self) -> list[str]:
        """Return the expectations that were not observed."""
        return [text for text, seen in self.checks.items() if not seen]

    def play(self) -> Figures:
        """Start the world, let the storm pass, judge what the topics showed, remove the world."""
        self._clock_file.parent.mkdir(parents=True, exist_ok=True)
        begin = real_now().astimezone(SHANGHAI).replace(hour=20, minute=0, second=0, microsecond=0)
        write_scaled(self._clock_file, begin - timedelta(minutes=5), 1)
        env = {"LIANDONG_OTLP_ENDPOINT": self._collector.endpoint, "LIANDONG_TRACE_RATIO": "1"}
        try:
            at = self.stack.world(self.world, env, self._clock_file)
            self.story.say(f"世界 {self.world} 已就绪，指挥页面：{at.console}", "bold")
            with self._company(at) as (people, tracing):
                self._pass_storm(at, begin, people)
                self._settle(tracing)
                self.checks = outcome.judge(self.ledger, self.scenario)
                return self.ledger.figures(trace_complete=self._trace_complete())
        finally:
            self._collector.stop()
            if not self._keep:
                self.stack.world_down(self.world, delete=True)
                self._clock_file.unlink(missing_ok=True)

    def _pass_storm(self, at: Stack, begin: datetime, people: People) -> None:
        """Let the storm pass; devices that nobody confirms are given up a while after its end."""
        longest = self.scenario.minutes * 60 / self.scenario.rate + _SETTLE_S

        async def bounded() -> None:
            async with asyncio.timeout(longest):
                await self._storm(at, begin, people)

        try:
            asyncio.run(bounded())
        except TimeoutError:
            self.ledger.problems.append("lost: the gateway did not confirm every report in time")

    @contextlib.contextmanager
    def _company(self, at: Stack) -> Iterator[tuple[People, Tracing]]:
        settings = self.stack.settings(self.world)
        traced = settings.model_copy(update={"otlp_endpoint": self._collector.endpoint, "trace_ratio": 1.0})
        tracing = Tracing("person", traced)
        clock = ScaledClock(self._clock_file)
        people = People(self.scenario, clock, tracing, at.peers)
        watch = Watch(settings, codec_of(settings), self._taker(people, clock))
        watch.start()
        watch.ready.wait(30)
        try:
            yield people, tracing
        finally:
            people.stop()
            watch.stop()

    def _taker(self, people: People, clock: Clock) -> Callable[[Event[Record], float], None]:
        def take(event: Event[Record], at: float) -> None:
            self.ledger.take(event, at)
            people.watch(event)
            self.story.tell(event, clock.now())

        return take

    # -- the storm -----------------------------------------------------------------------------------------------

    async def _storm(self, at: Stack, begin: datetime, people: People) -> None:
        devices = await self._devices(at)
        metrics = {device: one.state.metrics[0].metric for device, one in devices.items()}
        write_scaled(self._clock_file, begin, self.scenario.rate)
        started = time.monotonic()
        self.story.title(self.scenario.name)

        def real(minute: float) -> float:
            return started + minute * 60 / self.scenario.rate - time.monotonic()

        def now() -> datetime:
            return begin + timedelta(seconds=(time.monotonic() - started) * self.scenario.rate)

        async def later(minute: float, act: Callable[[], object]) -> None:
            await asyncio.sleep(max(0.0, real(minute)))
            result = await asyncio.to_thread(act)
            del result

        async def reading(one: Reading) -> None:
            await asyncio.sleep(max(0.0, real(one.send)))
            await devices[one.device].send(one, begin + timedelta(minutes=one.observed), now)

        async def bad(one: BadFrame) -> None:
            await asyncio.sleep(max(0.0, real(one.at + 0.5)))
            await devices[one.device].send_raw(self._bad_frame(devices[one.device], one, begin))

        spot = self._spot()
        async with asyncio.TaskGroup() as tasks:
            for one in readings(self.scenario, metrics):
                tasks.create_task(reading(one))
            for frame in self.scenario.bad_frames:
                tasks.create_task(bad(frame))
            for signal in self.scenario.warnings:
                tasks.create_task(later(signal.at, lambda signal=signal: self._warn(at, signal, begin)))  # type: ignore[misc]  # bound now
            for number in range(len(self.scenario.appeals.texts)):
                minute = self.scenario.appeals.first + number * self.scenario.appeals.every
                tasks.create_task(later(minute, lambda number=number: people.report(number, *spot)))  # type: ignore[misc]  # bound now
            for minute, name in _KILLS if self._chaos else ():
                tasks.create_task(later(minute, lambda name=name: self._kill(name)))  # type: ignore[misc]  # bound now
        await asyncio.gather(*(device.close() for device in devices.values()))

    async def _devices(self, at: Stack) -> dict[str, Device]:
        gateway = Addresses("127.0.0.1", at.ports["sensing-gateway"]["sl651"], at.ports["sensing-gateway"]["http"])
        deadline = time.monotonic() + 30
        while not self.ledger.of(DeviceState):
            if time.monotonic() > deadline:
                raise TimeoutError("the gateway published no device within 30 s; is there a devices.csv?")
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        states = {event.data.device_id: event.data for event in self.ledger.of(DeviceState)}
        return {device: Device(state, gateway, self._confirmed) for device, state in states.items()}

    def _confirmed(self, device: str, observed: datetime, left: float) -> None:
        self.ledger.sent.setdefault((device, observed), left)

    def _bad_frame(self, device: Device, bad: BadFrame, begin: datetime) -> bytes:
        observed = begin + timedelta(minutes=bad.at + (90 if bad.flaw == "future" else 0))
        frame = device.frame([(device.state.metrics[0].metric, 0.0)], observed, begin + timedelta(minutes=bad.at))
        if bad.flaw == "unknown_station":
            stranger = DeviceState.from_avro({**device.state.to_avro(), "native_id": _STRANGER})
            return Device(stranger, Addresses("", 0, 0), self._confirmed).frame(
                [(device.state.metrics[0].metric, 0.0)], observed, observed
            )
        return spoil(frame, bad.flaw)

    def _spot(self) -> tuple[float, float, str]:
        from liandong_contracts.flood import SpotEntry

        entries = {event.data.spot_id: event.data.location for event in self.ledger.of(SpotEntry)}
        place = entries[self.scenario.appeals.spot]
        return place.lon, place.lat, place.datum.value

    def _warn(self, at: Stack, signal: Signal, begin: datetime) -> None:
        effective, expires = Timestamp(), Timestamp()
        effective.FromDatetime(begin.astimezone(UTC) + timedelta(minutes=signal.at))
        expires.FromDatetime(begin.astimezone(UTC) + timedelta(hours=12))
        request = flood_pb2.SubmitWarningRequest(
            request_id=event_id(f"{self.world}-{signal.colour}", "SubmitWarning", 0),
            area_code=self.scenario.district,
            warning_id=f"DEMO-{signal.colour}",
            event_code="11B03",
            colour=signal.colour,
            action="ISSUE",
            effective=effective,
            expires=expires,
            issuer="示例气象台",
        )
        deadline = time.monotonic() + 60
        with grpc.insecure_channel(at.peers["flood"]) as channel:
            while time.monotonic() < deadline:
                try:
                    flood_pb2_grpc.FloodCommandStub(channel).SubmitWarning(request, timeout=5)
                except grpc.RpcError as error:
                    log.info("warning: %s, again", error.code())
                    time.sleep(0.5)
                else:
                    return

    def _kill(self, name: str) -> None:
        full = name if name in ("kafka", "registry") else f"{self.world}/{name}"
        pid = self.stack.kill(full)
        self.story.say(f"kill -9 {full}（{pid}）", "bold white on red")

    # -- after the storm -----------------------------------------------------------------------------------------

    def _settle(self, tracing: Tracing) -> None:
        """Wait until nothing is on the way any more: every task confirmed, every report a reading."""
        self.story.title("风雨过后")
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline and not self._settled():
            time.sleep(0.2)
        tracing.shutdown()

    def _settled(self) -> bool:
        tasks = len(self.ledger.of(TaskAssigned))
        done = len({event.data.task_id for event in self.ledger.of(TaskAcknowledged)})
        everybody = len(self.ledger.of(ReportReceived)) == len(self.scenario.appeals.texts)
        return tasks > 0 and tasks == done and everybody and not self.ledger.unread()

    def _trace_complete(self) -> bool:
        """Follow the traces of all confirmed tasks back to the gateway."""
        ids = {(event.traceparent or "-" * 60)[3:35] for event in self.ledger.of(TaskAcknowledged)}
        found = traces.wait_complete(self._collector, ids)
        self.chains = {trace_id: traces.services_on(path) for trace_id, path in found.items()}
        return bool(found) and all(traces.passes(path) for path in found.values())


def report(night: Night, figures: Figures) -> str:
    """Return the figures as the one line of JSON that ends the demo."""
    return json.dumps({field: getattr(figures, field) for field in figures.__struct_fields__})


def notes_of(home: Path) -> Path:
    """Return where the problems of a night are written for reading afterwards."""
    return home / "logs" / "demo-problems.txt"
