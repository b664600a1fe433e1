"""`python -m tests.load [CASE]`: runs one benchmark; without a case it lists them."""

import sys
from collections.abc import Callable
from importlib import import_module

CASES = {
    "codec": "a record to bytes and back: in C, in Python, against fastavro, dataclasses and faust.Record (1 minute)",
    "pipeline": "2,000 gauges on 200 SL 651 connections at 200, 1,000, 2,000 reports/s: frame in → spot event read",
    "frames": "cityframes: frames and readings decoded per CPU-second, per protocol",
    "stream": "the stream engine against Kafka Streams, Quix Streams and Faust; restore; latency of one hop and four",
}


def main(arguments: list[str]) -> int:
    """Run the named case with the remaining arguments; list the cases when none is named."""
    if not arguments or arguments[0] not in CASES:
        for name, text in CASES.items():
            print(f"  {name:<12} {text}")
        if arguments:
            print(f"No benchmark is called {arguments[0]}; see the list above.", file=sys.stderr)
        return 2 if arguments else 0
    run: Callable[[list[str]], int] = import_module(f"tests.load.{arguments[0]}").main
    return run(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
