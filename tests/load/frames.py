"""Frames decoded per CPU-second and protocol: out of a stream, with check sum, contents and readings. No network.

Usage: `make bench CASE=frames [ARGS='--seconds 5 --profile']`. The last line is JSON.
"""

import argparse
import cProfile
import json
import pstats
import sys
import time
from collections.abc import Callable
from typing import Any

from cityframes import FrameError, gb26875, hj212, sl651, szy206

from tests.unit.frames import packets, samples

_AT_ONCE = 32  # frames in one piece of the stream

SUBJECTS: dict[str, tuple[Any, bytes]] = {
    "HJ 212, 136 characters, 3 values": (hj212, packets.OLD.encode() + b"\r\n"),
    "HJ 212, 453 characters, 12 values": (hj212, packets.AIR.encode() + b"\r\n"),
    "SL 651, 60 bytes, 4 values": (sl651, samples.TIMED),
    "SL 651, 54 bytes, 12 values": (sl651, samples.SERIES),
    "SZY 206, 31 bytes, 2 values": (szy206, packets.METER),
    "GB/T 26875.3, 39 bytes, 1 value": (gb26875, packets.STATE),
    "GB/T 26875.3, 78 bytes, 1 value, text": (gb26875, packets.COMPONENT),
}


def work(module: Any, raw: bytes) -> Callable[[], int]:
    """Return what is measured: a piece of a stream through framer and decoder; it returns the readings."""
    framer, piece = module.Framer(), raw * _AT_ONCE

    def once() -> int:
        readings = 0
        for frame in framer.feed(piece):
            message = module.read(frame)
            if isinstance(message, FrameError):
                raise RuntimeError(message.detail)
            readings += len(message.readings)
        return readings

    return once


def measure(once: Callable[[], int], seconds: float) -> tuple[int, int]:
    """Return frames and readings per CPU-second."""
    once()
    begin = time.process_time()
    rounds = readings = 0
    while (used := time.process_time() - begin) < seconds:
        readings += once()
        rounds += 1
    return round(rounds * _AT_ONCE / used), round(readings / used)


def main(arguments: list[str]) -> int:
    """Measure each protocol and print the figures."""
    parser = argparse.ArgumentParser(prog="frames")
    parser.add_argument("--seconds", type=float, default=3.0, help="CPU seconds for each kind of frame")
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    chosen = parser.parse_args(arguments)
    figures = {}
    for name, (module, raw) in SUBJECTS.items():
        frames, readings = measure(work(module, raw), chosen.seconds)
        figures[name] = {"frames_per_cpu_s": frames, "readings_per_cpu_s": readings}
        print(f"{name:<40} {frames:>9,} frames/CPU s {readings:>9,} readings/CPU s", flush=True)
        if chosen.profile:
            profile = cProfile.Profile()
            profile.runcall(measure, work(module, raw), 1.0)
            pstats.Stats(profile).sort_stats("tottime").print_stats(8)
    print(json.dumps({"case": "frames", "python": sys.version.split()[0], "figures": figures}))
    return 0
