"""The benchmark's service on the product's engine: `python -m tests.load.stream.ours JSON`. One process, one core."""

import gc
import json
import os
import resource
import sys
import threading
import time
from enum import StrEnum
from typing import Any

from liandong.errors import DecodeError
from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Out, Outcome, StreamService
from liandong.stream.build import build_engine
from liandong.stream.tuning import Tuning
from liandong.wire.bodies import body_of, own_body
from liandong.wire.compiled import READ_ERRORS, Body
from liandong_contracts.base import Record, Topic
from liandong_contracts.kit import StateEnvelope

from tests.load.stream import workload


class Kind(StrEnum):
    AIR = "AIR"
    NOISE = "NOISE"
    TRAFFIC = "TRAFFIC"
    WATER = "WATER"


class Reading(Record, frozen=True):
    FULL_NAME = "bench.Reading"
    sensor_id: str
    district: str
    kind: Kind
    ts: int
    seq: int
    value: float
    lat: float
    lon: float
    battery: float | None
    ok: bool


class Sums(Record, frozen=True):
    FULL_NAME = "bench.Sums"
    count: int
    last: float
    total: float
    seq: int
    ts: int


class High(Record, frozen=True):
    FULL_NAME = "bench.High"
    sensor_id: str
    value: float
    count: int


def _schema(record: type[Record], fields: dict[str, str]) -> dict[str, Any]:
    listed = [{"name": name, "type": kind} for name, kind in fields.items()]
    return {"type": "record", "name": record.FULL_NAME, "fields": listed}


SCHEMAS: dict[type[Record], dict[str, Any]] = {
    Reading: workload.SCHEMA | {"name": Reading.FULL_NAME},
    Sums: _schema(Sums, {"count": "long", "last": "double", "total": "double", "seq": "long", "ts": "long"}),
    High: _schema(High, {"sensor_id": "string", "value": "double", "count": "long"}),
}
EIGHT = {"district": workload.PARTITIONS}
HIGH = Topic("bench.high", "fact", "bench", ("sensor_id",), (High,), EIGHT)


class BenchCodec:
    """The kit's readers and writers for the benchmark's records, under fixed schema ids instead of a registry's."""

    def __init__(self) -> None:
        self._writers: dict[type[Record], tuple[bytes, Body]] = {}
        self._readers: dict[bytes, tuple[type[Record], Body]] = {}
        records: list[type[Record]] = [Reading, Sums, High, StateEnvelope]
        for number, record in enumerate(records, 1):
            body = body_of(record, ours=SCHEMAS[record]) if record in SCHEMAS else own_body(record)
            prefix = b"\0" + number.to_bytes(4, "big")
            self._writers[record] = (prefix, body)
            self._readers[prefix] = (record, body)

    def encode(self, topic: str, record: Record) -> bytes:
        """Return the framed bytes of a record."""
        prefix, body = self._writers[type(record)]
        return body.encode(record, prefix)

    def decode(self, value: bytes) -> Record:
        """Return the record of framed bytes."""
        record: Record
        try:
            record = self._readers[value[:5]][1].decode(value, 5)
        except (KeyError, *READ_ERRORS) as error:
            raise DecodeError("UNDECODABLE", repr(error), value) from error
        return record

    def type_of(self, value: bytes) -> type[Record] | None:
        """Return the record type of framed bytes."""
        return self._readers[value[:5]][0]


def service(name: str, source: Topic) -> StreamService:
    """Return the service under test."""
    bench = StreamService(name)
    sums = bench.state(Sums, name="sums")

    @bench.on(source, Reading, state=sums)
    def add(event: Event[Reading], was: Sums | None, ctx: Context) -> Outcome[Sums]:
        reading = event.data
        count, total = (was.count + 1, was.total) if was is not None else (1, 0.0)
        now = Sums(count, reading.value, total + reading.value, reading.seq, reading.ts)
        if reading.value > workload.LIMIT:
            return Outcome(now, [Out(HIGH, High(reading.sensor_id, reading.value, count))])
        return Outcome(now)

    return bench


def main() -> None:
    """Run until the wanted events are committed (or, with `restore`, until the stores are complete); print figures."""
    options = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {options["core"]})
    settings = Settings.model_validate(options["settings"])
    source = Topic(options["source"], "fact", "bench-feeder", ("sensor_id",), (Reading,), EIGHT)
    tuning = Tuning(**options.get("tuning", {}))
    began = time.perf_counter(), time.process_time()
    engine = build_engine(service(options["service"], source), settings, BenchCodec(), tuning=tuning)
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
    """Wait until every part runs."""
    while not engine.health().ready:
        time.sleep(0.01)
    figures["wall_s"] = round(time.perf_counter() - began[0], 2)
    figures["cpu_s"] = round(time.process_time() - began[1], 2)
    stop.set()


if __name__ == "__main__":
    main()
