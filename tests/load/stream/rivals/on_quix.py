"""The benchmark's work on Quix Streams, exactly once: `python tests/load/stream/rivals/on_quix.py JSON ROOT`.

It runs in an environment of its own (`requirements.lock` beside this), so it may import nothing but the workload.
"""

import json
import os
import sys
from io import BytesIO
from typing import Any

sys.path.insert(0, sys.argv[2] + "/tests/load/stream")

import fastavro
import workload  # type: ignore[import-not-found]  # not by its package, whose other modules need the kit
from quixstreams import Application  # type: ignore[import-not-found]  # lives in an environment of its own


def main() -> None:
    """Run until the wanted events are handled; print figures."""
    options = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {options["core"]})
    app = Application(
        broker_address=options["bootstrap"],
        consumer_group=options["service"],
        auto_offset_reset="earliest",
        loglevel="WARNING",
        state_dir=options["data"],
        commit_every=0,
        commit_interval=options["interval_s"],
        processing_guarantee="exactly-once",
        topic_create_timeout=60,
        consumer_extra_config={"queued.min.messages": 200_000, "fetch.queue.backoff.ms": 0},
        producer_extra_config={"linger.ms": 20},
    )
    watch = workload.Stopwatch(options["events"])
    done = 0

    def decode(value: bytes) -> Any:
        body = BytesIO(value)
        body.seek(5)
        return fastavro.schemaless_reader(body, workload.PARSED, None)

    def add(reading: Any, key: Any, timestamp: int, headers: Any, state: Any) -> Any:
        nonlocal done
        done += 1
        if watch.seen(done):
            print(json.dumps(watch.result()), flush=True)
            os._exit(0)
        event_id = headers[0][1]
        was, value = state.get("s"), reading["value"]
        count, total = (was[0] + 1, was[2] + value) if was else (1, value)
        state.set("s", [count, value, total, reading["seq"], reading["ts"]])
        if value > workload.LIMIT:
            text = {"sensor": reading["sensor_id"], "value": value, "n": count, "cause": event_id.decode()}
            return json.dumps(text).encode()
        return None

    source = app.topic(options["source"], value_deserializer="bytes", key_deserializer="str")
    out = app.topic(options["out"], value_serializer="bytes", key_serializer="str")
    flow = app.dataframe(source).apply(decode).apply(add, stateful=True, metadata=True)
    flow[flow.apply(lambda text: text is not None)].to_topic(out)
    app.run()


if __name__ == "__main__":
    main()
