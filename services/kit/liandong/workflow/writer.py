"""The writer thread: takes what waits (events, commands, answers, due timers) and commits it in one transaction.

Nothing waits to fill a group: when idle an event is committed alone, under load up to 200 share one commit.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from liandong.errors import Fenced, Unavailable
from liandong.workflow import metrics
from liandong.workflow.inbox import InboxFenced
from liandong.workflow.model import Delivery, Partition
from liandong.workflow.processor import Processor
from liandong.workflow.steps import Step, settle

log = logging.getLogger(__name__)

T = TypeVar("T")
_IDLE_S = 0.5  # the shared clock may change its rate: look again this often
_BACK_OFF_S = (0.05, 2.0)
_ASK_AGAIN_S = 3.0


class Writer(threading.Thread):
    """Owns the `Processor`; everything else talks to it through this mailbox."""

    def __init__(self, processor: Processor, reseek: Callable[[Partition, int], None]) -> None:
        super().__init__(name="writer", daemon=True)
        self.processor = processor
        self.failure: BaseException | None = None
        self.trouble = ""
        self.on_room: Callable[[], None] = lambda: None
        self._reseek = reseek
        self._most = processor.binding.settings.workflow_group
        self._deliveries: deque[Delivery] = deque()
        self._steps: deque[Step] = deque()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._condition = threading.Condition()
        self._stopping = False
        self._asked: dict[Partition, tuple[int, float]] = {}
        self._looked = 0.0

    # ---- from any thread

    @property
    def waiting(self) -> int:
        """How many deliveries wait."""
        return len(self._deliveries)

    def offer(self, deliveries: Sequence[Delivery]) -> None:
        """Queue records; the source must not offer more while many wait."""
        with self._condition:
            self._deliveries.extend(deliveries)
            self._condition.notify()

    def submit(self, step: Step) -> None:
        """Queue a command or an answer. Raises Unavailable when the writer has stopped."""
        with self._condition:
            if self._stopping or self.failure is not None:
                raise Unavailable("the service is stopping")
            self._steps.append(step)
            self._condition.notify()

    def call(self, job: Callable[[], T]) -> Future[T]:
        """Run a job in this thread between two transactions."""
        future: Future[T] = Future()
        with self._condition:
            if self._stopping or self.failure is not None:
                raise Unavailable("the service is stopping")
            self._jobs.append((job, future))
            self._condition.notify()
        return future

    def stop(self) -> None:
        """Finish the commands that wait, then end; events that wait come again after the next start."""
        with self._condition:
            self._stopping = True
            self._condition.notify()

    # ---- the thread

    def run(self) -> None:
        """Work until stopped; a failure that is not the database's is kept in `failure` and ends the thread."""
        try:
            while self._turn():
                pass
        except BaseException as error:
            log.exception("the writer stops")
            self.failure = error
            self._refuse(error)

    def _turn(self) -> bool:
        with self._condition:
            self._condition.wait_for(self._has_work, self._patience())
            jobs, self._jobs = self._jobs, deque()
            steps = [self._steps.popleft() for _ in range(min(len(self._steps), self._most))]
            room = self._most - len(steps)
            stopping = self._stopping
            taken = 0 if stopping else min(len(self._deliveries), room)
            deliveries = [self._deliveries.popleft() for _ in range(taken)]
        for job, future in jobs:
            _run(job, future)
        if deliveries:
            self.on_room()
        self._look()
        if deliveries or steps or (self.processor.timers_due() and not stopping):
            self._process(deliveries, steps)
        return not (stopping and not self._steps and not self._jobs)

    def _look(self) -> None:
        """Learn twice a second what others have made due."""
        if time.monotonic() - self._looked < _IDLE_S:
            return
        try:
            self.processor.start()
            self._looked = time.monotonic()
        except DBAPIError as error:
            self.trouble = f"waiting for the database: {str(error)[:200]}"
            self._pause(_BACK_OFF_S[0])
        else:
            self.trouble = ""

    def _has_work(self) -> bool:
        return bool(self._deliveries or self._steps or self._jobs or self._stopping)

    def _patience(self) -> float:
        due = self.processor.next_due
        if due is None:
            return _IDLE_S
        return min(_IDLE_S, max(0.0, self.processor.binding.clock.seconds_until(due)))

    def _process(self, deliveries: list[Delivery], steps: list[Step]) -> None:
        delay = _BACK_OFF_S[0]
        while True:
            try:
                broken = self.processor.process(deliveries, steps)
            except InboxFenced as error:
                log.warning("%s: reading the position again", error)
                self.processor.open([error.partition])
                self.seek(error.partition)
            except (DBAPIError, Unavailable) as error:
                self.trouble = f"waiting for a dependency: {str(error)[:200]}"
                log.warning("%s", self.trouble)
                if self._pause(delay):
                    raise Fenced("stopped while a dependency was away; nothing was committed") from error
                delay = min(delay * 2, _BACK_OFF_S[1])
                self._recover()
            else:
                self.trouble = ""
                for partition in broken:
                    self.seek(partition)
                return

    def seek(self, partition: Partition) -> None:
        """Ask the source to go back, once: what it sent of the broken chain is dropped, more of it may still come.

        In the writer thread only.
        """
        with self._condition:
            kept = [d for d in self._deliveries if (d.topic, d.partition) != partition]
            self._deliveries = deque(kept)
        asked_for, asked_at = self._asked.get(partition, (-1, 0.0))
        position, now = self.processor.inbox.positions[partition], time.monotonic()
        if asked_for == position and now - asked_at < _ASK_AGAIN_S:
            return
        self._asked[partition] = (position, now)
        log.warning("%s/%d: records were skipped on the way, seeking back to %d", *partition, position)
        metrics.RESEEKS.labels(self.processor.binding.service).inc()
        self._reseek(partition, position)

    def _recover(self) -> None:
        """Open a new connection and learn whether the last commit was applied after all."""
        try:
            self.processor.database.reset()
            self.processor.open(self.processor.inbox.positions)
            self.processor.start()
        except DBAPIError as error:
            log.warning("the database is still away: %s", str(error)[:200])

    def _pause(self, seconds: float) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self._stopping, seconds)

    def _refuse(self, error: BaseException) -> None:
        with self._condition:
            steps, jobs = list(self._steps), list(self._jobs)
        for step in steps:
            future = getattr(step, "future", None)
            if future is not None:
                settle(future, error=Unavailable(f"the service stops: {error}"))
        for _, future in jobs:
            settle(future, error=Unavailable(f"the service stops: {error}"))


def _run(job: Callable[[], Any], future: "Future[Any]") -> None:
    try:
        settle(future, job())
    except BaseException as error:
        settle(future, error=error)
