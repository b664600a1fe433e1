"""Writes docs/reference/benchmarks.md from the last line (JSON) of a benchmark's output given on standard input."""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
_INTRODUCTION = """# Benchmarks

Measured figures, written by `make bench CASE=pipeline | python tools/benchmark_doc.py`. Times on small shared machines
are noisy: compare figures of one run, and read processor seconds before latencies.

## pipeline

"""


def table(head: list[str], rows: list[list[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def pipeline(result: dict[str, Any]) -> str:
    """Return the section of the pipeline benchmark."""
    stages = result["stages"]
    text = (
        f"{result['date']}, {result['machine']}, everything (broker, registry, services, load generator) on this one "
        f"machine. {result['gauges']:,} gauges on {result['connections']} SL 651 connections; one report in a hundred "
        "crosses a spot's threshold. Latency: last byte of the frame written until a read_committed consumer has the "
        f"spot's event. Reports sent {result['reports_sent']:,}, confirmed {result['reports_confirmed']:,}.\n\n"
    )
    fields = ["rate", "sent_rate", "crossings", "events", "p50_ms", "p99_ms", "max_ms"]
    head = ["reports/s", "sent/s", "crossings", "events read", "p50 ms", "p99 ms", "max ms"]
    text += table(head, [[stage[field] for field in fields] for stage in stages]) + "\n"
    names = [name for name in stages[0]["cpu_s"] if name != "topics"]
    head = ["processor seconds in each stage", *(f"{stage['rate']}/s" for stage in stages), "memory MiB"]
    rows = [[name, *(s["cpu_s"].get(name, "") for s in stages), result["memory_mib"].get(name, "")] for name in names]
    return text + table(head, rows)


def main() -> None:
    """Read the benchmark's output and write the document."""
    TARGET.write_text(_INTRODUCTION + pipeline(json.loads(sys.stdin.read().splitlines()[-1])), encoding="utf-8")


if __name__ == "__main__":
    main()
