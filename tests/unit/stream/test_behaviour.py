"""The stream engine's promises on the memory harness."""

from datetime import timedelta
from typing import Any

import pytest
from liandong.event import Event
from liandong.stream.held import Place
from liandong.testing.stream import StreamHarness

from tests.support import mill
from tests.support.suites.stream import REPORT, Rig, StreamBehaviour


class MemoryRig(Rig):
    """The mill in memory; a lost process or disk is a restart from what is durable."""

    def __init__(self) -> None:
        self._mill = mill.make(REPORT)
        self._harness = StreamHarness(self._mill, strict=False, codec=mill.codec())

    def feed(self, *events: tuple[Any, mill.Item, dict[str, Any]]) -> None:
        for topic, item, attributes in events:
            self._harness.put(topic, item, **attributes)

    def advance(self, by: timedelta) -> None:
        if by < timedelta(0):
            self._harness.clock.set(self._harness.now + by)
        else:
            self._harness.advance(by)

    def lose(self) -> None:
        self._harness.restart()

    def wipe(self) -> None:
        self._harness.restart()

    def published(self) -> list[Event[Any]]:
        return self._harness.published

    def states(self, name: str) -> dict[str, Any]:
        (state,) = [known for known in self._mill.states if known.name == name]
        return self._harness.states(state)

    def letters(self) -> list[Place]:
        return self._harness.letters

    def waiting(self) -> int:
        return self._harness.waiting

    def order(self, place: Place, *, replay: bool) -> None:
        (self._harness.replay if replay else self._harness.skip)(place)


class TestMemory(StreamBehaviour):
    @pytest.fixture
    def rig(self) -> Rig:
        return MemoryRig()
