"""`make bench CASE=stream`: the stream engine against Kafka Streams, Quix Streams and Faust, one broker, one run.

Throughput: every engine drains the same topic on one core, in turn, three times; figures are events per processor
second of the engine's process. Then restoring a million keys from the changelog, with the memory that they take, and
the latency of one hop and of four at 2,000 events a second. Read ratios, not absolute figures.
"""

import argparse
import json
import os
import platform
import secrets
import statistics
import sys
from pathlib import Path
from typing import Any

from liandong.clock import real_now
from liandong.local.client import LocalStack
from rich.console import Console
from rich.table import Table

from tests.load.stream import engines, hops, workload

KEYS = 20_000
COMMIT_MS = 100  # of every engine: what our `latency_ms` is for the others


def main(arguments: list[str]) -> int:
    """Run the benchmark; prints tables and one line of JSON."""
    parser = argparse.ArgumentParser(prog="make bench CASE=stream", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="readings to drain")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--engines", default=",".join(engines.ALL), help="which, by comma")
    parser.add_argument("--parts", default="throughput,restore,latency", help="which parts, by comma")
    parser.add_argument("--seconds", type=float, default=20, help="length of each latency measurement")
    parser.add_argument("--home", type=Path, default=Path(".liandong/bench"), help="home of the benchmark's own stack")
    options = parser.parse_args(arguments)
    parts = options.parts.split(",")
    console = Console()
    stack = LocalStack(options.home, None, tethered=True)
    result: dict[str, Any] = {
        "case": "stream",
        "date": f"{real_now():%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "events": options.events,
    }
    try:
        console.print("starting Kafka and the registry ...")
        stack.up(services=False)
        bench = engines.Bench(stack, console, (os.cpu_count() or 1) - 1)
        if "throughput" in parts:
            result["throughput"] = throughput(bench, options)
        if "restore" in parts:
            result["restore"] = restore(bench, options.events)
        if "latency" in parts:
            result["latency"] = [hops.measure(bench, count, 2000.0, options.seconds) for count in (1, 4)]
    finally:
        stack.down()
    show(console, result)
    print(json.dumps(result), flush=True)
    return 0


def throughput(bench: engines.Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Return per engine the runs and the median of events per processor second."""
    source = f"bench-in-{secrets.token_hex(3)}"
    wire = bench.source(source, workload.readings(options.events, KEYS))
    names = [name for name in options.engines.split(",") if bench.can(name)]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for repeat in range(options.repeats):
        for name in names:
            figures = bench.run(name, source, wire, options.events, COMMIT_MS)
            runs[name].append(figures)
            bench.console.print(f"run {repeat + 1}, {name}: {figures['per_cpu_s']:,.0f} events per processor second")
    median = {name: statistics.median(run["per_cpu_s"] for run in found) for name, found in runs.items()}
    return {"runs": runs, "median_per_cpu_s": median}


def restore(bench: engines.Bench, keys: int) -> dict[str, Any]:
    """Return how long a wiped store of as many keys takes to come back, and what memory the process had."""
    source = f"bench-keys-{secrets.token_hex(3)}"
    wire = bench.source(source, workload.readings(keys, keys, each=True))
    service = f"bench-{secrets.token_hex(3)}"
    filled = bench.ours(source, keys, COMMIT_MS, service)
    bench.wipe(service)
    figures = bench.ours(source, keys, COMMIT_MS, service, restore=True)
    kept = bench.ours(source, keys, COMMIT_MS, service, restore=True)
    return {"keys": keys, "topic": wire, "filled": filled, "wiped": figures, "kept": kept}


def show(console: Console, result: dict[str, Any]) -> None:
    """Print what was measured."""
    if "throughput" in result:
        table = Table("engine", "events / processor second", "second half", "events/s", "ratio")
        median = result["throughput"]["median_per_cpu_s"]
        mine = median.get("liandong") or 1
        for name, runs in result["throughput"]["runs"].items():
            warm = statistics.median(run["warm_per_cpu_s"] for run in runs)
            wall = statistics.median(run["per_s"] for run in runs)
            table.add_row(name, f"{median[name]:,.0f}", f"{warm:,.0f}", f"{wall:,.0f}", f"{mine / median[name]:.2f}")
        console.print(table)
    if "restore" in result:
        table = Table("restore", "seconds", "processor seconds", "memory MiB")
        for name in ("wiped", "kept"):
            row = result["restore"][name]
            table.add_row(f"{result['restore']['keys']:,} keys, disk {name}", *(str(row[f]) for f in row))
        console.print(table)
    if "latency" in result:
        table = Table("hops", "events/s", "p50 ms", "p99 ms", "max ms")
        for row in result["latency"]:
            table.add_row(*(str(row[field]) for field in ("hops", "rate", "p50_ms", "p99_ms", "max_ms")))
        console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
