"""Changelog: brings a part's stores up to the changelogs' high watermark. It writes committed values only.

The target is the high watermark, not the last stable offset: right after a commit the changelog's own end marker may
still be on its way, and stopping before it would lose a committed change. So restoring waits until it has arrived.
"""

import logging
import time
from collections.abc import Callable
from typing import cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from liandong.stream import failpoints
from liandong.stream.admin import Admin, TopicFacts
from liandong.stream.messages import KafkaMessage
from liandong.stream.metrics import Meters
from liandong.stream.parts import At, Part
from liandong.stream.store import Store
from liandong.stream.transactions import FatalError

log = logging.getLogger(__name__)

_SLICE = 5000
_TELL_EVERY_S = 2.0


class _Job:
    """One store that is being restored up to (not including) offset `target`."""

    __slots__ = ("began", "count", "part", "store", "target", "told")

    def __init__(self, part: Part, store: Store, target: int) -> None:
        self.part = part
        self.store = store
        self.target = target
        self.count = 0
        self.began = self.told = time.monotonic()


class Restorer:
    """Restores stores in slices, so that the engine goes on polling and other parts go on running."""

    def __init__(
        self,
        consumer: Consumer,
        admin: Admin,
        open_store: Callable[[str, int, str, int], Store],
        facts: dict[str, TopicFacts],
        meters: Meters,
    ) -> None:
        self._consumer = consumer
        self._admin = admin
        self._open_store = open_store
        self._facts = facts
        self._meters = meters
        self._jobs: dict[At, _Job] = {}

    @property
    def is_busy(self) -> bool:
        """Say whether a store is being restored."""
        return bool(self._jobs)

    @property
    def left(self) -> int:
        """Return how many changelog offsets are still to be read (from any thread)."""
        return sum(max(0, job.target - job.store.next_offset) for job in list(self._jobs.values()))

    def open(self, part: Part) -> bool:
        """Open the stores of a part; True when they are complete already.

        Call only after the group's positions have been read: a former owner's transaction may end until then.
        """
        bounds = self._admin.bounds((changelog, part.number) for changelog in part.changelogs)
        for changelog in part.changelogs:
            first, end = bounds[changelog, part.number]
            store = self._open_store(changelog, part.number, self._facts[changelog].id, end)
            part.stores.append(store)
            start = max(store.next_offset, first)
            if start < end:
                self._jobs[changelog, part.number] = _Job(part, store, end)
                self._consumer.incremental_assign([TopicPartition(changelog, part.number, start)])
        return self._is_done(part)

    def drop(self, part: Part) -> None:
        """Stop restoring a part."""
        for at in [at for at, job in self._jobs.items() if job.part is part]:
            self._forget(at)

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def step(self, seconds: float) -> list[Part]:
        """Read a slice, waiting for it up to `seconds`; return the parts that have become complete."""
        slices: dict[At, dict[bytes, bytes | None]] = {}
        ends: dict[At, int] = {}
        for message in cast("list[KafkaMessage]", self._consumer.consume(_SLICE, seconds)):
            at = message.topic(), message.partition()
            if at not in self._jobs:
                continue
            error = message.error()
            if error is not None:
                self._on_error(error, message, ends)
            else:
                slices.setdefault(at, {})[message.key() or b""] = message.value()
                ends[at] = message.offset() + 1
        for at, changes in slices.items():
            self._write(self._jobs[at], changes, ends[at])
        return self._finished(ends)

    def _on_error(self, error: KafkaError, message: KafkaMessage, ends: dict[At, int]) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            ends[message.topic(), message.partition()] = message.offset()
        elif error.code() in (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET) or error.fatal():
            raise FatalError(f"changelog {message.topic()} cannot be restored: {error.str()}")
        else:
            log.warning("restoring %s: %s", message.topic(), error.str())

    def _write(self, job: _Job, changes: dict[bytes, bytes | None], next_offset: int) -> None:
        job.store.apply(list(changes.items()), next_offset)
        failpoints.hit("restoring")
        job.count += len(changes)
        self._meters.restored.inc(len(changes))
        if time.monotonic() - job.told > _TELL_EVERY_S:
            job.told = time.monotonic()
            log.info("restoring %s: %d of %d", job.store.path.name, job.store.next_offset, job.target)

    def _finished(self, ends: dict[At, int]) -> list[Part]:
        done = []
        for at, end in ends.items():
            job = self._jobs.get(at)
            if job is None or end < job.target:
                continue
            job.store.apply([], end)
            self._forget(at)
            log.info("restored %s: %d records in %.2f s", job.store.path.name, job.count, time.monotonic() - job.began)
            if self._is_done(job.part):
                done.append(job.part)
        return done

    def _is_done(self, part: Part) -> bool:
        return all(job.part is not part for job in self._jobs.values())

    def _forget(self, at: At) -> None:
        del self._jobs[at]
        self._consumer.incremental_unassign([TopicPartition(*at)])
