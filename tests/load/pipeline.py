"""Frame in → spot event read: 2,000 gauges over 200 SL 651 connections, real processes, in a world of its own.

The world's clock runs 60 times, because SL 651 tells the time of observation in minutes only: a gauge that reports
every second then reports a new minute each time. Latency is real time: from the last byte written to the gateway's
socket until a read_committed consumer has WaterloggingDetected or WaterloggingUpdated of that spot and minute.
"""

import argparse
import json
import os
import platform
import secrets
import subprocess
import sys
import threading
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import msgspec
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from liandong.clock import real_now, write_scaled
from liandong.local.client import LocalStack
from liandong.local.messages import Addresses
from liandong.settings import Settings
from liandong.simulate.feed import Feed
from liandong.wire.codec import codec_of
from liandong_contracts import topics
from liandong_contracts.flood import WaterloggingDetected, WaterloggingUpdated
from rich.console import Console
from rich.table import Table

from tests.load.gauges import Load

GAUGES, CONNECTIONS, CROSSING_EVERY = 2000, 200, 100
RATES = (200.0, 1000.0, 2000.0)
CLOCK_RATE = 60.0
Crossing = tuple[str, float]  # station and observed minute, seconds since the epoch


class Reader(threading.Thread):
    """Reads the spot events of the world as they become visible and notes when; by spot and time of evidence."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="reader", daemon=True)
        self.seen: dict[Crossing, float] = {}
        self.gauge_of: dict[str, str] = {}
        self._codec = codec_of(settings)
        self._halt = threading.Event()
        topic = topics.FLOOD_SPOT
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap,
                "group.id": settings.scoped("bench"),
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        wire = topic.wire(settings.tier, settings.world)
        self._consumer.assign(
            [TopicPartition(wire, number, OFFSET_END) for number in range(topic.partitions[settings.tier])]
        )

    def run(self) -> None:
        """Poll until stopped."""
        while not self._halt.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error():
                continue
            at = time.time()
            record = self._codec.decode(message.value())
            if isinstance(record, WaterloggingDetected):
                self.gauge_of[record.spot_id] = record.source_id
            elif not isinstance(record, WaterloggingUpdated):
                continue
            self.seen.setdefault((self.gauge_of.get(record.spot_id, ""), record.at.timestamp()), at)
        self._consumer.close()

    def stop(self) -> None:
        """End the thread."""
        self._halt.set()
        self.join(5)


def main(arguments: list[str]) -> int:
    """Run the benchmark; prints a table and one line of JSON."""
    parser = argparse.ArgumentParser(prog="make bench CASE=pipeline", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="length of each stage")
    parser.add_argument("--warm-up", type=float, default=20, help="seconds at 200 reports/s before the first stage")
    parser.add_argument("--home", type=Path, default=Path(".liandong/bench"), help="home of the benchmark's own stack")
    options = parser.parse_args(arguments)
    stack = LocalStack(options.home, None, tethered=True)
    world = f"bench-{secrets.token_hex(2)}"
    clock = stack.layout.home / "data" / f"{world}-clock.json"
    clock.parent.mkdir(parents=True, exist_ok=True)
    origin = real_now().replace(second=0, microsecond=0) - timedelta(hours=1)
    write_scaled(clock, origin, CLOCK_RATE)
    started = json.loads(clock.read_text(encoding="utf-8"))
    console = Console()
    try:
        console.print("starting Kafka, registry and a world of services ...")
        stack.up(services=False)
        at = stack.world(world, {"LIANDONG_TRACE_RATIO": "0"}, clock)
        stations = register(at)
        result = run(stack, at, stations, started, options)
    finally:
        stack.down()
    show(console, result)
    print(json.dumps(result), flush=True)
    return 0


def register(at: Addresses) -> list[str]:
    """Register the gauges, each far from the others so that each has a spot of its own; return their stations."""
    stations = [f"0098{number:06d}" for number in range(1, GAUGES + 1)]
    entries: list[dict[str, object]] = [
        {
            "device_id": station,
            "native_id": station,
            "name": f"gauge {number}",
            "kind": "WATERLOG",
            "protocol": "SL651",
            "owner_dept": "bench",
            "area_code": "990101001001",
            "report_interval_s": 3600,
            "location": {"lon": 130 + number % 50 * 0.01, "lat": 25 + number // 50 * 0.01, "datum": "CGCS2000"},
            "metrics": [{"metric": "water_depth", "unit": "cm", "source": "39", "scale": 100.0}],
        }
        for number, station in enumerate(stations)
    ]
    Feed(f"http://{at.address('sensing-gateway', 'http')}").register(entries)
    return stations


def run(
    stack: LocalStack, at: Addresses, stations: list[str], clock: dict[str, float], options: argparse.Namespace
) -> dict[str, object]:
    """Send all stages from a process of its own and match what it sent with what was read."""
    stages = [(RATES[0], options.warm_up), *((rate, options.seconds) for rate in RATES)]
    load = Load(
        port=at.ports["sensing-gateway"]["sl651"],
        stations=stations,
        connections=CONNECTIONS,
        stages=stages,
        crossing_every=CROSSING_EVERY,
        origin=clock["shown"],
        real=clock["real"],
        clock_rate=CLOCK_RATE,
    )
    reader = Reader(stack.settings(at.world))
    reader.start()
    sender = subprocess.Popen(
        [sys.executable, "-m", "tests.load.gauges"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False
    )
    if sender.stdin is None or sender.stdout is None:
        raise RuntimeError("the load generator has no pipes")
    sender.stdin.write(msgspec.json.encode(load))
    sender.stdin.close()
    lines: list[dict[str, float]] = []
    stage_ends: list[dict[str, float]] = []
    usage = [cpu_of(stack, at.world)]
    memory: dict[str, int] = {}
    for raw in sender.stdout:
        line = json.loads(raw)
        lines.append(line)
        if "end" in line:
            stage_ends.append(line)
            usage.append(cpu_of(stack, at.world))
            print(f"stage {int(line['stage'])}: {line['rate']:.0f} reports/s sent", flush=True)
    sender.wait()
    sent: dict[int, dict[Crossing, float]] = defaultdict(dict)
    for line in lines:
        if "station" in line:
            sent[int(line["stage"])][str(line["station"]), line["observed"]] = line["at"]
    wait_for(reader, sent)
    for process in stack.status().processes:
        memory[process.name.rpartition("/")[2]] = (process.memory or 0) >> 20
    reader.stop()
    summary = next(line for line in lines if "answered" in line)
    return {
        "case": "pipeline",
        "date": f"{real_now():%Y-%m-%d}",
        "machine": f"{platform.machine()}, {cores()} cores, Python {platform.python_version()}",
        "gauges": GAUGES,
        "connections": CONNECTIONS,
        "reports_sent": summary["sent"],
        "reports_confirmed": summary["answered"],
        "stages": [
            stage_figures(number, end, sent[number], reader.seen, usage[number], usage[number + 1])
            for number, end in enumerate(stage_ends)
            if number > 0
        ],
        "memory_mib": memory,
    }


def wait_for(reader: Reader, sent: dict[int, dict[Crossing, float]]) -> None:
    """Wait until every crossing frame has led to an event, half a minute at most."""
    deadline = time.monotonic() + 30
    expected = {crossing for stage in sent.values() for crossing in stage}
    while not expected <= reader.seen.keys() and time.monotonic() < deadline:
        time.sleep(0.1)


def cpu_of(stack: LocalStack, world: str) -> dict[str, float]:
    """Return the processor seconds used so far, by process."""
    status = stack.status(fresh=False)
    mine = [process for process in status.processes if process.world in ("", world)]
    return {process.name.rpartition("/")[2]: process.cpu_s or 0.0 for process in mine}


def stage_figures(
    number: int,
    end: dict[str, float],
    sent: dict[Crossing, float],
    seen: dict[Crossing, float],
    before: dict[str, float],
    after: dict[str, float],
) -> dict[str, object]:
    """Return latency percentiles in milliseconds and processor seconds of one stage."""
    ordered = sorted((seen[crossing] - at) * 1000 for crossing, at in sent.items() if crossing in seen)
    cpu = {name: round(after[name] - before.get(name, 0.0), 1) for name in after}
    return {
        "rate": round(RATES[number - 1]),
        "sent_rate": round(end["rate"]),
        "crossings": len(sent),
        "events": len(ordered),
        "p50_ms": percentile(ordered, 0.50),
        "p99_ms": percentile(ordered, 0.99),
        "max_ms": round(ordered[-1], 1) if ordered else None,
        "cpu_s": cpu | {"load generator": round(end["cpu_s"], 1)},
    }


def percentile(ordered: list[float], share: float) -> float | None:
    """Return the value below which `share` of the ordered values lie."""
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def show(console: Console, result: dict[str, object]) -> None:
    """Print the figures as tables."""
    stages = result["stages"]
    if not isinstance(stages, list):
        raise TypeError("no stages were measured")
    table = Table("reports/s", "sent/s", "crossings", "events read", "p50 ms", "p99 ms", "max ms")
    for stage in stages:
        row = ("rate", "sent_rate", "crossings", "events", "p50_ms", "p99_ms", "max_ms")
        table.add_row(*(str(stage[field]) for field in row))
    console.print(table)
    usage = Table("CPU seconds a stage", *(str(stage["rate"]) for stage in stages), "memory MiB")
    memory = result["memory_mib"]
    for name in stages[0]["cpu_s"]:
        size = str(memory.get(name, "")) if isinstance(memory, dict) else ""
        usage.add_row(name, *(str(stage["cpu_s"].get(name, "")) for stage in stages), size)
    console.print(usage)
