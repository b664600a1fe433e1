"""The flood process in a world of its own: fed like sensing feeds it, asked over gRPC, killed, read back."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
from confluent_kafka import Consumer, Producer, TopicPartition
from google.protobuf.timestamp_pb2 import Timestamp
from liandong.clock import real_now
from liandong.errors import DecodeError
from liandong.event import Event, event_from, headers_of
from liandong.ids import event_id
from liandong.local.settings import inherited
from liandong.refs import publish
from liandong.settings import Settings
from liandong.wire import codec_of, register_all
from liandong_contracts import topics
from liandong_contracts.base import Record, Topic
from liandong_contracts.common import DeviceKind, Quality
from liandong_contracts.rpc import flood_pb2_grpc as rpc
from liandong_contracts.sensing import DeviceState, Measurement, ReadingObserved

T = TypeVar("T")


def until(what: str, done: Callable[[], T | None], seconds: float = 40.0) -> T:
    """Wait for a truthy answer; the test fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        if answer := done():
            return answer
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


class RunningFlood:
    """`python -m flood_service` with a real broker and registry."""

    def __init__(self, settings: Settings, devices: list[DeviceState], log: Path) -> None:
        self.settings = settings
        self.codec = codec_of(settings)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._sequences: dict[str, int] = {}
        self._producer = Producer({"bootstrap.servers": settings.bootstrap, "partitioner": "murmur2_random"})
        register_all(settings)
        publish(settings, self.codec, topics.SENSING_DEVICE_STATE, devices)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        channel = grpc.insecure_channel(f"127.0.0.1:{self._port}")
        self.query = rpc.FloodQueryStub(channel)
        self.command = rpc.FloodCommandStub(channel)

    def start(self) -> None:
        """Start the process."""
        fields = self.settings.model_dump(mode="json", exclude_none=True, exclude={"peers"})
        fields |= {"grpc_port": self._port, "ops_port": 0}
        environment = inherited() | {f"LIANDONG_{name.upper()}": str(value) for name, value in fields.items()}
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "flood_service"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> int:
        """Send a signal to the process and return its exit code."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        return self._process.wait(15)

    def stop(self) -> None:
        """End the process whatever its state, and say what it said."""
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)
        sys.stdout.write(self._log.read_text(errors="replace")[-4000:])

    def answered(self, call: Callable[[], T]) -> T:
        """Return the answer of a call, asked again while the process is not there yet."""

        def once() -> T | None:
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    return None
                raise

        return until("an answer", once)

    def observed(self, device_id: str, at: datetime, metric: str, value: float, unit: str) -> None:
        """Publish one judged reading."""
        sequence = self._sequences[device_id] = self._sequences.get(device_id, 0) + 1
        measurement = Measurement(metric=metric, value=value, unit=unit, observed_at=at, quality=Quality.GOOD)
        record = ReadingObserved(
            device_id=device_id,
            kind=DeviceKind.WATERLOG,
            measurements=(measurement,),
            received_at=real_now(),
            frame_ref="test",
        )
        event = Event(
            data=record,
            id=event_id("test", f"{device_id}{metric}", sequence),
            type=record.FULL_NAME,
            source="/test/sensing",
            time=at,
            key=device_id,
            sequence=sequence,
            area_code="990101001001",
        )
        wire = self._wire(topics.SENSING_READING)
        value_bytes = self.codec.encode(wire, record)
        self._producer.produce(wire, value_bytes, device_id.encode(), headers=list(headers_of(event)))
        assert self._producer.flush(30) == 0

    def events(self, topic: Topic, record: type[Record]) -> list[Event[Any]]:
        """Return the committed events of one type on a topic so far."""
        wire = self._wire(topic)
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "group.id": "check",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        found = []
        try:
            for number in range(topic.partitions[self.settings.tier]):
                place = TopicPartition(wire, number, 0)
                _, end = consumer.get_watermark_offsets(place, timeout=10)
                consumer.assign([place])
                found += self._until(consumer, end)
        finally:
            consumer.close()
        return [event for event in found if isinstance(event.data, record)]

    def _until(self, consumer: Consumer, end: int) -> list[Event[Any]]:
        found: list[Event[Any]] = []
        deadline = time.monotonic() + 20
        while consumer.position(consumer.assignment())[0].offset < end and time.monotonic() < deadline:
            if end == 0:
                break
            for message in consumer.consume(500, 0.1):
                if message.error() is None:
                    found.append(self._event(message))
        return found

    def _event(self, message: Any) -> Event[Any]:
        try:
            return event_from(self.codec.decode(message.value()), message.headers())
        except DecodeError as error:
            raise AssertionError(f"{message.topic()}: {error}") from error

    def _wire(self, topic: Topic) -> str:
        return topic.wire(self.settings.tier, self.settings.world)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
