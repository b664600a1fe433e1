"""The process that crash tests kill: `worker.py SETTINGS.json [FAIL_POINT PASS]`.

FAIL_POINT names a step of the engine; the process sends itself SIGKILL when it gets there for the PASS-th time.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import aiokafka.consumer.fetcher
import grpc
from liandong.wire import Codec, LocalIds
from liandong.workflow import WorkflowSettings, outbox, relay, run
from liandong.workflow.processor import Processor
from liandong.workflow.sources.base import Feed
from liandong.workflow.steps import TimerStep
from liandong_contracts.rpc.emergency_pb2 import AcknowledgeTaskRequest
from liandong_contracts.rpc.emergency_pb2_grpc import EmergencyCommandServicer, add_EmergencyCommandServicer_to_server

from tests.support import workflow_ledger as ledger


class FailPoint:
    """Counts passes and dies at the chosen one."""

    def __init__(self, passes: int) -> None:
        self._left = passes

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, before: Callable[[], None], after: Callable[[], None]) -> None:
    """Wrap a method of the engine."""
    inner = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before()
        result = inner(*args, **kwargs)
        after()
        return result

    setattr(owner, name, wrapped)


def lose(every: int) -> None:
    """Let the consumer lose one record in so many on the way to the engine."""
    inner, dice = Feed.put, Random(5)

    async def put(feed: Feed, deliveries: Any) -> None:
        await inner(feed, [delivery for delivery in deliveries if dice.random() > 1 / every])

    Feed.put = put  # type: ignore[method-assign,assignment]


def deafen(passes: int) -> None:
    """Let the fetch loop of the consumer die while the process lives on."""
    seen = iter(range(1, 2**62))
    inner = aiokafka.consumer.fetcher.Fetcher.fetched_records

    async def fetched_records(*args: Any, **kwargs: Any) -> Any:
        if next(seen) > passes:
            raise RuntimeError("the fetch loop dies")
        return await inner(*args, **kwargs)

    aiokafka.consumer.fetcher.Fetcher.fetched_records = fetched_records


def arm(name: str, passes: int) -> None:
    """Install one fail point."""
    die, nothing = FailPoint(passes), lambda: None
    if name == "before_sql_commit":
        around(Processor, "_check_failures", die, nothing)
    elif name == "after_sql_commit":
        around(Processor, "_committed", die, nothing)
    elif name == "timer_claimed":
        around(TimerStep, "run", die, nothing)
    elif name == "before_publish":
        around(relay.Relay, "_publish", die, nothing)
    elif name == "inside_kafka_transaction":
        around(relay.Relay, "_commit", die, nothing)
    elif name == "after_kafka_commit":
        around(relay.Relay, "_commit", nothing, die)
    elif name == "before_clean":
        around(run.Process, "_clean", die, nothing)
    elif name == "after_clean":
        around(outbox, "clean", nothing, die)
    elif name == "skip_records":
        lose(passes)
    elif name == "deaf":
        deafen(passes)
    else:
        raise SystemExit(f"no fail point {name}")


class Commands(EmergencyCommandServicer):
    """The thin servicer that services write too."""

    def AcknowledgeTask(self, request: AcknowledgeTaskRequest, context: grpc.ServicerContext) -> Any:
        """Run the command."""
        return ledger.service.execute(request, actor=request.person_id)


def main() -> None:
    settings = WorkflowSettings(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    if len(sys.argv) > 2:
        arm(sys.argv[2], int(sys.argv[3]))
    relay._CLEAN_EVERY_S = 0.5
    vars(run)["codec_of"] = lambda _settings: Codec(LocalIds())
    ledger.service.run(settings, grpc=[(add_EmergencyCommandServicer_to_server, Commands())])


if __name__ == "__main__":
    main()
