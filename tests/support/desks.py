"""The emergency and dispatch processes on a real broker, with a flood service that knows one spot. For integration."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast

import grpc
import httpx
from confluent_kafka import Consumer, Producer
from liandong.event import Event, Headers, event_from, headers_of
from liandong.ids import event_id
from liandong.local.ports import FreePorts
from liandong.settings import Settings
from liandong.wire import TopicSpec, codec_of, ensure_topics
from liandong_contracts import topics
from liandong_contracts.base import Record, Topic
from liandong_contracts.rpc import flood_pb2, flood_pb2_grpc

ROOT = Path(__file__).parents[2]
READY_S = 60.0
T = TypeVar("T")
_TOPICS = (
    topics.EMERGENCY_PROPOSAL,
    topics.EMERGENCY_RESPONSE,
    topics.EMERGENCY_TASK,
    topics.EMERGENCY_NOTICE,
    topics.FLOOD_SPOT,
    topics.FLOOD_SPOT_CATALOGUE,
    topics.DISPATCH_REPORT,
    topics.PLATFORM_AUDIT_REQUEST,
    topics.DISPATCH_CASE,
)


def eventually(probe: Callable[[], T | None], what: str, within_s: float = READY_S) -> T:
    """Return the first result of `probe` that is not None or False; fail after the deadline."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = probe()
        if found is not None and found is not False:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


class OneSpot(flood_pb2_grpc.FloodQueryServicer):
    """A flood service that knows one spot."""

    def __init__(self, spot_id: str) -> None:
        self._spot_id = spot_id

    def MatchSpot(self, request: flood_pb2.MatchSpotRequest, context: grpc.ServicerContext) -> flood_pb2.MatchSpotReply:
        return flood_pb2.MatchSpotReply(spot_id=self._spot_id, name="测试下穿隧道", distance_m=5, catalogued=True)


class Desks:
    """Both processes in one world; `emergency` and `dispatch` are their gRPC channels."""

    def __init__(self, settings: Settings, spot_id: str) -> None:
        self._settings = settings
        self._codec = codec_of(settings)
        free = FreePorts()
        self._ports = {name: (free(), free()) for name in ("emergency", "dispatch")}
        self._flood = grpc.server(futures.ThreadPoolExecutor(4))
        flood_pb2_grpc.add_FloodQueryServicer_to_server(OneSpot(spot_id), self._flood)
        self._flood_port = self._flood.add_insecure_port(f"127.0.0.1:{free()}")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._producer = Producer({"bootstrap.servers": settings.bootstrap})
        self._count = 0
        self._readers = count()
        self.emergency = self._channel("emergency")
        self.dispatch = self._channel("dispatch")

    def _channel(self, name: str) -> grpc.Channel:
        address = f"127.0.0.1:{self._ports[name][0]}"
        return grpc.insecure_channel(address, options=[("grpc.max_reconnect_backoff_ms", 200)])

    def __enter__(self) -> Self:
        specs = [TopicSpec(self.wire(each), each.partitions[self._settings.tier]) for each in _TOPICS]
        ensure_topics(self._settings.bootstrap, specs)
        self._flood.start()
        for name in self._ports:
            self.start(name)
        for name in self._ports:
            self.wait_ready(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.emergency.close()
        self.dispatch.close()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(20)
        self._flood.stop(0)

    def wire(self, topic: Topic) -> str:
        """Return a topic's name in this world."""
        return topic.wire(self._settings.tier, self._settings.world)

    def start(self, name: str) -> None:
        """Start a process."""
        grpc_port, ops_port = self._ports[name]
        peers = {each: f"127.0.0.1:{ports[0]}" for each, ports in self._ports.items()}
        shared = self._settings
        mine = {
            "LIANDONG_WORLD": shared.world,
            "LIANDONG_BOOTSTRAP": shared.bootstrap,
            "LIANDONG_REGISTRY_URL": shared.registry_url,
            "LIANDONG_DATA_DIR": str(shared.data_dir / name),
            "LIANDONG_REFERENCE_DIR": str(shared.reference_dir),
            "LIANDONG_KEK_DIR": str(shared.kek_dir),
            "LIANDONG_GRPC_PORT": str(grpc_port),
            "LIANDONG_OPS_PORT": str(ops_port),
            "LIANDONG_PEERS": json.dumps(peers | {"flood": f"127.0.0.1:{self._flood_port}"}),
        }
        python_path = os.pathsep.join(sys.path)
        environment = os.environ | mine | {"PYTHONPATH": python_path}
        self._processes[name] = subprocess.Popen([sys.executable, "-m", f"{name}_service"], env=environment, cwd=ROOT)

    def wait_ready(self, name: str) -> None:
        """Wait until a process says that it is ready."""

        def ready() -> bool:
            assert self._processes[name].poll() is None, f"{name} ended with status {self._processes[name].returncode}"
            try:
                return httpx.get(f"http://127.0.0.1:{self._ports[name][1]}/health", timeout=2).status_code == 200
            except httpx.TransportError:
                return False

        eventually(ready, f"{name} is ready")

    def kill(self, name: str) -> None:
        """Send SIGKILL to a process and start it again at once."""
        process = self._processes[name]
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        self.start(name)

    def put(self, topic: Topic, record: Record, at: datetime, sequence: int | None = None) -> None:
        """Publish an event as its owner would."""
        self._count += 1
        key, wire = topic.key_of(record), self.wire(topic)
        event: Event[Record] = Event(
            data=record,
            id=event_id(f"test/{self._settings.world}", record.FULL_NAME, self._count),
            type=record.FULL_NAME,
            source="/test",
            time=at,
            key=key,
            sequence=sequence,
        )
        value = self._codec.encode(wire, record)
        self._producer.produce(wire, value, key.encode(), headers=[*headers_of(event)])
        assert self._producer.flush(20) == 0

    def read(self, topic: Topic, enough: Callable[[list[Event[Record]]], bool]) -> list[Event[Record]]:
        """Return the committed events of a topic from its beginning, once there are enough."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._settings.bootstrap,
                "group.id": f"{self._settings.world}.reader-{next(self._readers)}",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([self.wire(topic)])
        found: list[Event[Record]] = []

        def poll() -> bool:
            for message in consumer.consume(500, 0.2):
                assert message.error() is None
                record = self._codec.decode(message.value())
                found.append(
                    event_from(record, cast(Headers, message.headers()), topic=topic.name, offset=message.offset() or 0)
                )
            return enough(found)

        try:
            eventually(poll, f"enough events on {topic.name}")
        finally:
            consumer.close()
        return found


def sequences_are_whole(events: Sequence[Event[Record]]) -> bool:
    """Say whether each key's events carry 1, 2, 3 … in their order on the topic: nothing lost, doubled, overtaken."""
    last: dict[str, int] = {}
    for event in events:
        if event.sequence != last.get(event.key, 0) + 1:
            return False
        last[event.key] = event.sequence
    return True
