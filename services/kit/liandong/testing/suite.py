"""ServiceSuite: what every stream service must keep, as tests to inherit. A service plays a story.

class TestFlood(ServiceSuite):
    def service(self): return flood
    def refs(self): return fake_refs()
    def play(self, harness): harness.put(...); harness.advance(...)
"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from liandong.stream.api import StreamService
from liandong.testing.stream import START, StreamHarness


class ServiceSuite(ABC):
    """Runs one story under several conditions; the published ids and the states must be the same each time."""

    @abstractmethod
    def service(self) -> StreamService:
        """Return the service under test."""

    @abstractmethod
    def play(self, harness: StreamHarness) -> None:
        """Put events and move the clock; the story should publish something and arm a timer."""

    def refs(self) -> Any:
        """Return the reference data of the handlers."""
        return None

    def start(self) -> datetime:
        """Return when the story begins."""
        return START

    def played(self, *, duplicates: bool = False, restarts: bool = False) -> StreamHarness:
        """Return a harness in which the story has been played."""
        harness = StreamHarness(
            self.service(), refs=self.refs(), now=self.start(), duplicates=duplicates, restarts=restarts
        )
        self.play(harness)
        return harness

    def test_the_story_publishes_something(self) -> None:
        """A story that publishes nothing proves nothing."""
        assert self.played().published

    def test_duplicate_input_changes_nothing(self) -> None:
        """Every event, internal ones included, arrives twice.

        A stateless handler has no memory: it repeats its outputs with the same ids, which the next handler fences.
        """
        once, twice = self.played(), self.played(duplicates=True)
        assert twice.redone == []
        assert list(dict.fromkeys(event.id for event in twice.published)) == [event.id for event in once.published]
        assert twice.durable() == once.durable()

    def test_replay_gives_the_same_outputs(self) -> None:
        """A second service given the same inputs publishes the same events with the same ids."""
        first, second = self.played(), self.played()
        assert second.published == first.published

    def test_ids_are_unique(self) -> None:
        """No two published events share an id."""
        ids = [event.id for event in self.played().published]
        assert len(set(ids)) == len(ids)

    def test_restart_after_every_event_changes_nothing(self) -> None:
        """All that the service knows is in its changelogs."""
        without, often = self.played(), self.played(restarts=True)
        assert often.published == without.published
        assert often.durable() == without.durable()
