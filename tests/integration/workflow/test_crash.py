"""Kill -9 at random and at chosen moments: every input applied once, every output published once, in order."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

import pytest

from tests.support.workflow_crash import Count, Inputs, Worker, create_topics, until

ROUNDS = int(os.environ.get("LIANDONG_TEST_ROUNDS", "3"))
FAIL_POINTS = (
    "before_sql_commit",
    "after_sql_commit",
    "timer_claimed",
    "before_publish",
    "inside_kafka_transaction",
    "after_kafka_commit",
    "before_clean",
    "after_clean",
)
Make = Callable[[str], Worker]


@pytest.fixture
def inputs(kafka: Any, world: str) -> Iterator[Inputs]:
    create_topics(kafka.bootstrap, world)
    inputs = Inputs(kafka.bootstrap, world, rate=60, seed=7)
    inputs.start()
    yield inputs
    inputs.finish()


@pytest.fixture
def worker(kafka: Any, world: str, tmp_path: Path, free_port: int) -> Iterator[Make]:
    made: list[Worker] = []

    def make(source: str) -> Worker:
        settings = {"workflow_source": source, "workflow_session_s": 6, "world": world, "ops_port": free_port}
        made.append(Worker(tmp_path, bootstrap=kafka.bootstrap, **settings))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def finish(worker: Worker, inputs: Inputs) -> None:
    """Let the worker do what is left, and stop it in order."""
    inputs.finish()
    total = len(inputs.ids)
    until("everything is applied", lambda: worker.settled() == (total, total, 0) or worker.ended() is not None)
    assert worker.ended() is None, worker.log()[-3000:]
    status, seconds = worker.terminate()
    assert (status, seconds < 5) == (0, True), worker.log()[-3000:]


def test_kill_at_every_step(inputs: Inputs, worker: Make, kafka: Any, world: str) -> None:
    one, random = worker("aiokafka"), Random(7)
    for point in FAIL_POINTS:
        one.start(point, random.randrange(2, 12))
        until(f"{point} is reached", lambda: one.ended() is not None)
        assert one.ended() == -SIGKILL, one.log()[-3000:]
    one.start()
    finish(one, inputs)
    assert Count(kafka.bootstrap, world, one, inputs).wrong() == {}


@pytest.mark.parametrize("source", ["faust", "aiokafka"])
def test_kill_at_random(source: str, inputs: Inputs, worker: Make, kafka: Any, world: str) -> None:
    one, random = worker(source), Random(source)
    for _ in range(ROUNDS):
        one.start()
        one.until_applied(one.counts()[0] + random.randrange(1, 120))
        one.kill()
    one.start()
    until("the worker is back", one.ready)
    kafka.kill_broker()
    before = one.counts()[0]
    until("it goes on after the broker's death", lambda: one.settled()[0] > before or one.ended() is not None)
    if one.ended() is not None:  # then the supervisor's turn has come
        one.start()
    finish(one, inputs)
    assert Count(kafka.bootstrap, world, one, inputs).wrong() == {}
