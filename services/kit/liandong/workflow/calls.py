"""Makes the calls that handlers asked for, after their commit, and brings each answer back as one transaction.

A call stays in its table until its answer is committed, so it is made again after a crash: at least once towards the
other service (with the row's id as `request-id`), exactly once towards the answer handler. What is refused is answered
at once; what is unavailable is tried again until the deadline.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from liandong.errors import ConfigError, Unavailable
from liandong.rpc.client import Clients
from liandong.rpc.context import REQUEST_ID, TRACEPARENT
from liandong.workflow import metrics, tables
from liandong.workflow.binding import Binding
from liandong.workflow.sql import Database
from liandong.workflow.steps import AnswerStep, decode_cause
from liandong.workflow.unit import moment
from liandong.workflow.writer import Writer

log = logging.getLogger(__name__)

_THREADS = 4
_ATTEMPT_S = 5.0
_BACK_OFF_S = (0.1, 2.0)
_IDLE_S = 5.0
_STAND_BY_S = 1.0
_OPEN = sa.select(tables.call).order_by(tables.call.c.due_us)
_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
}


class Caller(threading.Thread):
    """Looks for open calls whenever some were committed, and makes up to four at a time.

    `standing_by` says that another replica makes them.
    """

    def __init__(
        self,
        binding: Binding,
        database: Database,
        writer: Writer,
        clients: Clients,
        standing_by: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(name="caller", daemon=True)
        self._standing_by = standing_by
        self._binding = binding
        self._database = database
        self._writer = writer
        self._clients = clients
        self._pool = ThreadPoolExecutor(_THREADS, "call")
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._busy: set[str] = set()
        self._again: dict[str, tuple[float, float]] = {}  # call id -> (not before, last delay), monotonic seconds

    def wake(self) -> None:
        """Say that calls were committed."""
        self._wake.set()

    def stop(self) -> None:
        """Start no further calls; those under way are made again after the next start."""
        self._halt.set()
        self._wake.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def run(self) -> None:
        """Work until stopped."""
        while not self._halt.is_set():
            self._wake.clear()
            try:
                wait = self._look()
            except DBAPIError as error:
                log.warning("calls: %s", str(error)[:200])
                wait = _BACK_OFF_S[1]
            self._wake.wait(wait)

    def _look(self) -> float:
        """Start what may start; return how long nothing else will."""
        if self._standing_by():
            return _STAND_BY_S
        now, wait = time.monotonic(), _IDLE_S
        for row in self._database.read(_OPEN):
            if row.id in self._busy:
                continue
            not_before, _ = self._again.get(row.id, (0.0, 0.0))
            if not_before > now:
                wait = min(wait, not_before - now)
            elif not self._halt.is_set():
                self._busy.add(row.id)
                self._pool.submit(self._attempt, row)
        return wait

    def _attempt(self, row: sa.Row[Any]) -> None:
        try:
            left = self._binding.clock.seconds_until(moment(row.due_us))
            if left <= 0:
                self._answer(row, None, "DEADLINE_EXCEEDED")
            else:
                self._answer(row, self._call(row, min(left, _ATTEMPT_S)), None)
        except grpc.RpcError as error:
            code = error.code()
            if code in _AGAIN:
                self._later(row, f"{row.method}: {code.name}")
            else:
                self._answer(row, None, code.name)
        except (ConfigError, Unavailable, ValueError) as error:
            self._later(row, str(error))
        except Exception:
            log.exception("call %s failed", row.id)
            self._later(row, "see above")
        finally:
            self._busy.discard(row.id)
            self._wake.set()

    def _call(self, row: sa.Row[Any], timeout_s: float) -> bytes:
        cause = decode_cause(row.cause)
        peer = row.method.split(".")[1]
        metadata: tuple[tuple[str, str | bytes], ...] = ((REQUEST_ID, row.id), (TRACEPARENT, cause.traceparent))
        method = self._clients.channel(peer).unary_unary(f"/{row.method}", bytes, bytes)
        return bytes(method(row.request, timeout=timeout_s, metadata=metadata))

    def _answer(self, row: sa.Row[Any], reply: bytes | None, error: str | None) -> None:
        step = AnswerStep(self._binding, row.id, reply, error)
        self._writer.submit(step)
        step.future.result(60)
        self._again.pop(row.id, None)
        metrics.CALLS.labels(self._binding.service, error or "OK").inc()

    def _later(self, row: sa.Row[Any], why: str) -> None:
        _, last = self._again.get(row.id, (0.0, 0.0))
        delay = min(max(last * 2, _BACK_OFF_S[0]), _BACK_OFF_S[1])
        self._again[row.id] = (time.monotonic() + delay, delay)
        log.info("call %s: %s; again in %.1f s", row.id, why[:200], delay)
