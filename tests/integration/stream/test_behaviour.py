"""The stream engine's promises on real Kafka, with both group protocols."""

import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from liandong.clock import ManualClock, real_now
from liandong.event import Event
from liandong.settings import Settings
from liandong.stream.dlq import DeadLetters
from liandong.stream.engine import Engine
from liandong.stream.held import Place
from liandong.stream.tuning import Tuning

from tests.support import mill
from tests.support.suites.stream import REPORT, Rig, StreamBehaviour

from .engines import engine_of
from .support import Bench, until

INPUTS = (mill.ITEM, mill.KNOT, mill.SHARE)


class KafkaRig(Rig):
    """The mill on a thread of this process; a lost process leaves its transaction and its group without a commit."""

    def __init__(self, bench: Bench, tuning: Tuning) -> None:
        self._bench, self._tuning = bench, tuning
        self._clock = ManualClock(real_now())
        self._start()

    def _start(self) -> None:
        self._stop = threading.Event()
        self._errors: list[Exception] = []
        self._engine: Engine = engine_of(self._bench, delay=REPORT, clock=self._clock, tuning=self._tuning)
        self._desk = DeadLetters(self._bench.base, "mill", self._bench.codec)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._settle()

    def _run(self) -> None:
        try:
            self._engine.run(self._stop)
        except Exception as error:
            self._errors.append(error)

    def end(self, *, commit: bool = True) -> None:
        """Stop the engine; without `commit` the open transaction is aborted."""
        if not commit:
            settle = self._engine._commits.settle
            self._engine._commits.settle = lambda commit: settle(False)  # type: ignore[method-assign]
            self._engine._assignments._settle = self._engine._commits.settle
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self._errors == []

    def feed(self, *events: tuple[Any, mill.Item, dict[str, Any]]) -> None:
        for topic, item, attributes in events:
            self._bench.put(topic, item, **attributes)
        self._bench.flush()
        self._settle()

    def _settle(self) -> None:
        """Wait until everything on the inputs was taken and committed, and what is due has fired."""
        until("settled", self._is_settled, 40)

    def _is_settled(self) -> bool:
        assert self._errors == []
        ends = {self._bench.wire(topic): self._bench.ends(self._bench.wire(topic), _count(topic)) for topic in INPUTS}
        engine = self._engine
        parts = list(engine._assignments.running)
        at = {(topic, part.number): offset for part in parts for topic, offset in part.positions.items()}
        taken = all(at.get((topic, n), -1) >= end for topic, by in ends.items() for n, end in by.items())
        now = self._clock.now().timestamp() * 1000
        dues = [due for part in parts for table in part.tables if (due := table.schedule.next_due()) is not None]
        free = any(part.lot.next_free(1) for part in parts)
        return taken and not free and not engine._transactions.is_open and all(due > now for due in dues)

    def advance(self, by: timedelta) -> None:
        self._clock.set(self._clock.now() + by)
        self._settle()

    def lose(self) -> None:
        self.end(commit=False)
        self._start()

    def wipe(self) -> None:
        self.end(commit=False)
        shutil.rmtree(self._bench.folder / "a")
        self._start()

    def published(self) -> list[Event[Any]]:
        return self._bench.events(mill.TALLY)

    def states(self, name: str) -> dict[str, Any]:
        return self._bench.state(name, 2 if name == "bin" else 4)

    def letters(self) -> list[Place]:
        opened = [one.record for one in self._desk.open()]
        return [(one.topic, one.partition, one.offset) for one in opened]

    def waiting(self) -> int:
        return sum(one.waiting for one in self._desk.open())

    def order(self, place: Place, *, replay: bool) -> None:
        letters = self._desk.find(["-".join(map(str, place))])
        self._desk.order(letters, replay=replay)
        self._desk.wait(letters, 20)
        self._settle()


def _count(topic: Any) -> int:
    return int(topic.partitions["district"])


@pytest.fixture
def make_rig(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Callable[[Tuning], KafkaRig]]:
    made: list[KafkaRig] = []

    def make(tuning: Tuning) -> KafkaRig:
        made.append(KafkaRig(Bench(settings, tmp_path), tuning))
        return made[-1]

    yield make
    for rig in made:
        rig.end()


class TestKafka(StreamBehaviour):
    @pytest.fixture
    def rig(self, make_rig: Callable[[Tuning], KafkaRig]) -> Rig:
        return make_rig(Tuning(timers_at_once=7))


class TestKafkaClassic(StreamBehaviour):
    """The classic protocol with static members and the range assignor."""

    @pytest.fixture
    def rig(self, make_rig: Callable[[Tuning], KafkaRig]) -> Rig:
        return make_rig(Tuning(group_protocol="classic"))
