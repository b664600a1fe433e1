"""The work that every engine of the stream benchmark does, and the bytes of its input. It knows no engine.

Input: a reading of ten fields, 72 bytes of Avro behind the five bytes of Confluent framing, with three CloudEvents
headers. State of a key: count, last value, sum, last sequence and time. Output: a JSON line for values above 98, which
are 2 % of all.
"""

import json
import random
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

PARTITIONS = 8
LIMIT = 98.0
PREFIX = b"\0\0\0\0\3"  # the id that `records.codec` gives to a reading
SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent / "avro" / "bench.Reading.avsc").read_text("utf-8"))
PARSED = fastavro.parse_schema(SCHEMA)


def topics(bootstrap: str, names: list[str], config: dict[str, str] | None = None) -> None:
    """Create topics with as many partitions as every engine gets."""
    admin = AdminClient({"bootstrap.servers": bootstrap})  # must live until the answers are there
    made = admin.create_topics([NewTopic(name, PARTITIONS, 1, config=config or {}) for name in names])
    for future in made.values():
        try:
            future.result(30)
        except KafkaException as error:  # from an earlier run on the same broker
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def headers(number: int) -> list[tuple[str, str | bytes | None]]:
    """Return the three headers of the reading `number`."""
    return [("ce_id", b"%016x" % number), ("ce_type", b"bench.Reading"), ("ce_source", b"/990101/bench")]


def key_of(number: int) -> str:
    """Return the key with a number."""
    return f"rotterdam-air-s{number:07d}"


def readings(count: int, keys: int, *, each: bool = False, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Yield key and value of each reading: keys by chance, or `each` in turn."""
    chance = random.Random(seed)
    for number in range(count):
        key = key_of(number % keys if each else chance.randrange(keys))
        body = BytesIO()
        body.write(PREFIX)
        record = {
            "sensor_id": key,
            "district": f"d{number % 40:02d}",
            "kind": "AIR",
            "ts": 1_790_000_000_000 + number,
            "seq": number,
            "value": chance.uniform(0, 100),
            "lat": 52.1,
            "lon": 4.3,
            "battery": 3.3,
            "ok": True,
        }
        fastavro.schemaless_writer(body, PARSED, record)
        yield key, body.getvalue()


def fill(bootstrap: str, topic: str, values: Iterator[tuple[str, bytes]], *, with_headers: bool = True) -> int:
    """Write readings to a topic; return how many."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
            "batch.num.messages": 10_000,
            "partitioner": "murmur2_random",
        }
    )
    count = 0
    for count, (key, value) in enumerate(values, 1):
        while True:
            try:
                producer.produce(topic, value, key, headers=headers(count) if with_headers else None)
                break
            except BufferError:
                producer.poll(0.1)
        if count % 10_000 == 0:
            producer.poll(0)
    producer.flush()
    return count


class Stopwatch:
    """Wall and processor time of this process from the first event to the last, and the same for the second half."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._marks: list[tuple[int, float, float]] = []

    def mark(self, done: int) -> None:
        """Note that `done` events have been handled so far; call it at the start, about half-way and at the end."""
        self._marks.append((done, time.perf_counter(), time.process_time()))

    def seen(self, done: int) -> bool:
        """Note what matters of a running count; True when everything is done."""
        due = (1, self._wanted // 2, self._wanted)
        if len(self._marks) < len(due) and done >= due[len(self._marks)]:
            self.mark(done)
        return done >= self._wanted

    def result(self) -> dict[str, float]:
        """Return events per second and per processor second, of all and of the second half."""
        (n0, w0, c0), (n1, _, c1), (n2, w2, c2) = self._marks
        return {
            "events": n2,
            "cpu_s": round(c2 - c0, 2),
            "per_s": round((n2 - n0) / (w2 - w0)),
            "per_cpu_s": round((n2 - n0) / (c2 - c0)),
            "warm_per_cpu_s": round((n2 - n1) / (c2 - c1)),
        }
