"""The benchmark's service on the product's engine: `python -m tests.load.stream.ours JSON`. One process, one core."""

import gc
import json
import os
import resource
import sys
import threading
import time
from typing import Any

from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Out, Outcome, StreamService
from liandong.stream.build import build_engine
from liandong.stream.tuning import Tuning
from liandong_contracts.base import Topic

from tests.load.stream import records, workload


def service(name: str, source: Topic) -> StreamService:
    """Return the service under test."""
    bench = StreamService(name)
    sums = bench.state(records.Sums, name="sums")

    @bench.on(source, records.Reading, state=sums)
    def add(event: Event[records.Reading], was: records.Sums | None, ctx: Context) -> Outcome[records.Sums]:
        reading = event.data
        count, total = (was.count + 1, was.total) if was is not None else (1, 0.0)
        now = records.Sums(count, reading.value, total + reading.value, reading.seq, reading.ts)
        if reading.value > workload.LIMIT:
            return Outcome(now, [Out(records.HIGH, records.High(reading.sensor_id, reading.value, count))])
        return Outcome(now)

    return bench


def main() -> None:
    """Run until the wanted events are committed (or, with `restore`, until the stores are complete); print figures."""
    options = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {options["core"]})
    settings = Settings.model_validate(options["settings"])
    source = Topic(options["source"], "fact", "bench-feeder", ("sensor_id",), (records.Reading,), records.EIGHT)
    tuning = Tuning(**options.get("tuning", {}))
    began = time.perf_counter(), time.process_time()
    engine = build_engine(service(options["service"], source), settings, records.codec(), tuning=tuning)
    stop = threading.Event()
    figures: dict[str, float] = {}
    watch = threading.Thread(
        target=_restored if options.get("restore") else _counted,
        args=(engine, options["events"], began, figures, stop),
        daemon=True,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    watch.start()
    engine.run(stop)
    watch.join()
    figures["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps(figures), flush=True)


def _counted(engine: Any, wanted: int, began: object, figures: dict[str, float], stop: threading.Event) -> None:
    """Follow the count of committed events, which the engine hands over once a transaction."""
    from liandong.stream.metrics import EVENTS

    counter = EVENTS.labels(engine.service)
    watch = workload.Stopwatch(wanted)
    while not watch.seen(int(counter._value.get())):
        time.sleep(0.002)
    figures.update(watch.result())
    stop.set()


def _restored(
    engine: Any, wanted: int, began: tuple[float, float], figures: dict[str, float], stop: threading.Event
) -> None:
    """Wait until every part runs; the group's first answer may be that there is none for this member."""
    everything = f"{workload.PARTITIONS} partitions"
    while (health := engine.health()).detail != everything or not health.ready:
        time.sleep(0.01)
    figures["wall_s"] = round(time.perf_counter() - began[0], 2)
    figures["cpu_s"] = round(time.process_time() - began[1], 2)
    stop.set()


if __name__ == "__main__":
    main()
