"""Latency through a chain of stream services, each a process of its own: written until read_committed sees it."""

import json
import secrets
import subprocess
import sys
import threading
import time
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from tests.load.stream import engines, workload
from tests.load.stream.records import Step, codec

_KEYS = 1000
_CODEC = codec()


def measure(bench: engines.Bench, hops: int, rate: float, seconds: float) -> dict[str, Any]:
    """Return percentiles in milliseconds of events that pass `hops` services at `rate` events a second."""
    run = secrets.token_hex(3)
    names = [f"bench-hop-{run}-{number}" for number in range(hops + 1)]
    wires = [f"{bench.settings.tier}.{name}.v1" for name in names]
    workload.topics(bench.settings.bootstrap, wires)
    bench.console.print(f"{hops} hops at {rate:.0f} events/s ...")
    processes = [
        subprocess.Popen([sys.executable, "-m", "tests.load.stream.hop", _options(bench, names[number : number + 2])])
        for number in range(hops)
    ]
    try:
        times = _through(bench, wires, rate, seconds)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
    times.sort()
    return {
        "hops": hops,
        "rate": rate,
        "events": len(times),
        "p50_ms": round(times[len(times) // 2], 1),
        "p99_ms": round(times[int(len(times) * 0.99)], 1),
        "max_ms": round(times[-1], 1),
    }


def _options(bench: engines.Bench, names: list[str]) -> str:
    settings = bench.settings.model_copy(update={"data_dir": bench.settings.data_dir / "stream-bench" / names[0]})
    return json.dumps({"settings": settings.model_dump(mode="json"), "source": names[0], "target": names[1]})


def _through(bench: engines.Bench, wires: list[str], rate: float, seconds: float) -> list[float]:
    """Send at an even pace and return the milliseconds of every event after the first quarter of the time."""
    consumer = Consumer(
        {
            "bootstrap.servers": bench.settings.bootstrap,
            "group.id": wires[-1],
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.assign([TopicPartition(wires[-1], number, OFFSET_END) for number in range(workload.PARTITIONS)])
    producer = Producer(
        {"bootstrap.servers": bench.settings.bootstrap, "linger.ms": 0, "partitioner": "murmur2_random"}
    )
    _warm_up(producer, consumer, wires[0])
    sent: dict[int, float] = {}
    total = int(rate * seconds)
    sender = threading.Thread(target=_send, args=(producer, wires[0], rate, total, sent), daemon=True)
    began = time.perf_counter()
    sender.start()
    times: list[float] = []
    seen = 0
    while seen < total and time.perf_counter() < began + seconds + 30:
        for message in consumer.consume(500, 0.02):
            at = time.perf_counter()
            step = _CODEC.decode(message.value()) if message.error() is None else None
            number = int(step.number) if isinstance(step, Step) else -1
            if number < 0:
                continue
            seen += 1
            if number >= total // 4:
                times.append((at - sent[number]) * 1000)
    consumer.close()
    if seen < total:
        raise RuntimeError(f"{total - seen} of {total} events did not come through")
    return times


def _send(producer: Producer, topic: str, rate: float, total: int, sent: dict[int, float]) -> None:
    began = time.perf_counter()
    for number in range(total):
        ahead = began + number / rate - time.perf_counter()
        if ahead > 0.002:
            producer.poll(0)
            time.sleep(ahead)
        sent[number] = time.perf_counter()
        _produce(producer, topic, number)
    producer.flush()


def _warm_up(producer: Producer, consumer: Consumer, topic: str) -> None:
    """Send events with negative numbers until one of every key has come out at the other end."""
    deadline = time.monotonic() + 60
    arrived: set[bytes] = set()
    while len(arrived) < workload.PARTITIONS and time.monotonic() < deadline:
        for number in range(100):
            _produce(producer, topic, -number - 1)
        for message in consumer.consume(500, 1.0):
            arrived.add(str(message.partition()).encode())
    while consumer.consume(500, 1.0):
        pass


def _produce(producer: Producer, topic: str, number: int) -> None:
    key = workload.key_of(number % _KEYS)
    value = _CODEC.encode(topic, Step(key, str(number)))
    producer.produce(topic, value, key, headers=workload.headers(number & 0xFFFFFFFF))
