"""Kill -9 at random and at chosen moments: every input applied once, every output published once, in order."""

from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

import pytest

from tests.support.workflow_crash import Count, Inputs, Worker, create_topics, until

FAIL_POINTS = (
    "before_sql_commit",
    "after_sql_commit",
    "before_publish",
    "inside_kafka_transaction",
    "after_kafka_commit",
    "before_clean",
    "after_clean",
)


@pytest.mark.parametrize("source", ["faust", "aiokafka"])
def test_nothing_lost_nothing_doubled(source: str, kafka: Any, world: str, tmp_path: Path, free_port: int) -> None:
    create_topics(kafka.bootstrap, world)
    random = Random(7)
    worker = Worker(
        tmp_path,
        workflow_source=source,
        workflow_session_s=6,
        bootstrap=kafka.bootstrap,
        world=world,
        ops_port=free_port,
    )
    inputs = Inputs(kafka.bootstrap, world, rate=60, seed=7)
    inputs.start()
    try:
        for point in FAIL_POINTS:
            worker.start(point, random.randrange(2, 12))
            until(f"{point} is reached", lambda: worker.ended() is not None)
            assert worker.ended() == -SIGKILL, worker.log()[-3000:]
        for _ in range(4):
            worker.start()
            worker.until_applied(worker.counts()[0] + random.randrange(1, 90))
            worker.kill()
        worker.start()
        until("the worker is back", worker.ready)
        kafka.kill_broker()
        before = worker.counts()[0]
        until("it goes on after the broker's death", lambda: worker.counts()[0] > before or worker.ended() is not None)
        if worker.ended() is not None:
            worker.start()
        inputs.finish()
        total = len(inputs.ids)
        until("everything is applied", lambda: worker.counts() == (total, total, 0) or worker.ended() is not None)
        assert worker.ended() is None, worker.log()[-3000:]
        status, seconds = worker.terminate()
        assert status == 0
        assert seconds < 5
    finally:
        worker.kill()
    assert Count(kafka.bootstrap, world, worker, inputs).wrong() == {}
