"""Writes one section of docs/reference/benchmarks.md from the last line (JSON) of a benchmark's output given on
standard input: `make bench CASE=codec | python tools/benchmark_doc.py`. The other sections stay."""

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
_INTRODUCTION = """# Benchmarks

Measured figures, written by `make bench CASE=NAME | python tools/benchmark_doc.py`. Times on small shared machines
are noisy: compare figures of one run, and read processor seconds before latencies.
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


def codec(result: dict[str, Any]) -> str:
    """Return the section of the codec benchmark."""
    text = (
        f"{result['date']}, {result['machine']}. Processor time of one record, the least of three repeats in which all "
        "take turns; the ratio is to the Avro library alone, which stops at a dictionary. Ours and those with a class "
        "end at a typed record. With framing: as services call it, with magic byte, schema id and size limit.\n"
    )
    head = ["", "decode µs", "ratio", "encode µs", "ratio"]
    fields = ["name", "decode_us", "decode_ratio", "encode_us", "encode_ratio"]
    for case in result["cases"]:
        rows = [[row[field] for field in fields] for row in case["rows"]]
        text += f"\n{case['name']}:\n\n" + table(head, rows)
    return text


_RESTORE = ("wall_s", "cpu_s", "memory_mib")


def stream(result: dict[str, Any]) -> str:
    """Return the section of the stream benchmark; parts that were not run are left out."""
    text = (
        f"{result['date']}, {result['machine']}. Keyed 72-byte Avro readings with three CloudEvents headers, 20,000 "
        "keys, 8 partitions, an output for 2 % of them; every engine drains the same topic on one core, exactly once "
        "(Faust: at least once), state in a changelog.\n"
    )
    if "throughput" in result:
        text += "\n" + _throughput(result["throughput"])
    if "restore" in result:
        rows = [[name, *(result["restore"][name][f] for f in _RESTORE)] for name in ("wiped", "kept")]
        head = [f"restore, {result['restore']['keys']:,} keys, disk", "seconds", "processor seconds", "memory MiB"]
        text += "\n" + table(head, rows)
    if "latency" in result:
        fields = ["hops", "rate", "events", "p50_ms", "p99_ms", "max_ms"]
        rows = [[row[field] for field in fields] for row in result["latency"]]
        text += "\n" + table(["services passed", "events/s", "events", "p50 ms", "p99 ms", "max ms"], rows)
    return text


def _throughput(found: dict[str, Any]) -> str:
    median = found["median_per_cpu_s"]
    rows: list[list[object]] = []
    for name, runs in found["runs"].items():
        warm, wall = (statistics.median(run[field] for run in runs) for field in ("warm_per_cpu_s", "per_s"))
        ratio = median["liandong"] / median[name] if "liandong" in median else 1
        rows.append([name, len(runs), runs[0]["events"], *(f"{n:,.0f}" for n in (median[name], warm, wall))])
        rows[-1].append(f"{ratio:.2f}")
    head = ["engine", "runs", "events", "events / processor second", "second half", "events/s", "Liandong is faster by"]
    return table(head, rows)


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {"codec": codec, "pipeline": pipeline, "stream": stream}


def replaced(document: str, name: str, section: str) -> str:
    """Return the document with one section written anew, the sections in the order of their names."""
    parts = document.split("\n## ")[1:]
    found = {part.partition("\n")[0]: part.partition("\n")[2].strip("\n") for part in parts}
    found[name] = section.strip("\n")
    return _INTRODUCTION + "".join(f"\n## {name}\n\n{found[name]}\n" for name in sorted(found))


def main() -> int:
    """Read the benchmark's output and write its section; 2 when it is not a benchmark's."""
    lines = sys.stdin.read().splitlines()
    try:
        result = json.loads(lines[-1])
        section = SECTIONS[result["case"]](result)
    except (IndexError, ValueError, KeyError, TypeError) as error:
        print(f"The last line is not the result of {' or '.join(SECTIONS)}: {error!r}", file=sys.stderr)
        return 2
    TARGET.write_text(replaced(TARGET.read_text(encoding="utf-8"), result["case"], section), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
