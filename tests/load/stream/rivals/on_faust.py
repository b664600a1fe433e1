"""The benchmark's work on stock Faust, exactly once by its own setting: `python -m` it."""

import asyncio
import json
import os
import sys
from io import BytesIO
from typing import Any

import fastavro
import faust

from tests.load.stream import workload


def main() -> None:
    """Run until the wanted events are handled; print figures."""
    options = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {options["core"]})
    app = faust.App(
        options["service"],
        broker="kafka://" + options["bootstrap"],
        store="memory://",
        datadir=options["data"],
        topic_partitions=workload.PARTITIONS,
        processing_guarantee="exactly_once",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    source = app.topic(options["source"], value_type=bytes, value_serializer="raw", key_serializer="raw")
    out = app.topic(options["out"], value_serializer="raw", key_serializer="raw", partitions=workload.PARTITIONS)
    sums = app.Table("sums", default=None, partitions=workload.PARTITIONS)
    watch = workload.Stopwatch(options["events"])

    @app.agent(source)
    async def add(stream: Any) -> None:
        done = 0
        async for event in stream.events():
            body = BytesIO(event.value)
            body.seek(5)
            reading: Any = fastavro.schemaless_reader(body, workload.PARSED, None)
            event_id = event.headers["ce_id"]
            key, value = reading["sensor_id"], reading["value"]
            was = sums.get(key)
            count, total = (was[0] + 1, was[2] + value) if was else (1, value)
            sums[key] = [count, value, total, reading["seq"], reading["ts"]]
            if value > workload.LIMIT:
                text = json.dumps({"sensor": key, "value": value, "n": count, "cause": str(event_id)})
                await out.send(key=key.encode(), value=text.encode())
            done += 1
            if watch.seen(done):
                print(json.dumps(watch.result()), flush=True)
                os._exit(0)

    worker = faust.Worker(app, loglevel="ERROR", redirect_stdouts=False, loop=asyncio.new_event_loop())
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
