"""WorkflowSuite: what every workflow service must keep, as tests to inherit. A service plays a story.

class TestEmergency(WorkflowSuite):
    def service(self): return build()
    def refs(self): return fake_refs()
    def play(self, harness): harness.put(...); harness.execute(...); harness.advance(...)
"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from liandong.testing.workflow import START, WorkflowHarness
from liandong.workflow.api import WorkflowService
from liandong.workflow.sql import Database


class WorkflowSuite(ABC):
    """Plays one story under several conditions; published events and rows must be the same each time."""

    @abstractmethod
    def service(self) -> WorkflowService:
        """Return the service under test."""

    @abstractmethod
    def play(self, harness: WorkflowHarness) -> None:
        """Put events, run commands and move the clock; the story must publish something."""

    def refs(self) -> Any:
        """Return what handlers find in `work.refs`."""
        return None

    def start(self) -> datetime:
        """Return when the story begins."""
        return START

    def database(self) -> Database | None:
        """Return an empty database to play on; None: SQLite in memory."""
        return None

    def played(self, *, duplicates: bool = False, crashes: bool = False) -> WorkflowHarness:
        """Return a harness in which the story has been played."""
        harness = WorkflowHarness(
            self.service(),
            refs=self.refs(),
            now=self.start(),
            duplicates=duplicates,
            crashes=crashes,
            database=self.database(),
        )
        self.play(harness)
        return harness

    def test_the_story_publishes_something_and_fails_nowhere(self) -> None:
        """A story that publishes nothing proves nothing; a dead letter is a bug of the service or of the story."""
        harness = self.played()
        assert harness.published
        assert harness.dead_letters == []

    def test_duplicate_input_changes_nothing(self) -> None:
        """Every event and every command arrives twice."""
        once, twice = self.played(), self.played(duplicates=True)
        assert twice.published == once.published
        assert twice.durable() == once.durable()

    def test_replay_gives_the_same_outputs(self) -> None:
        """A second service given the same inputs publishes the same events with the same ids."""
        first, second = self.played(), self.played()
        assert second.published == first.published

    def test_ids_are_unique(self) -> None:
        """No two published events share an id."""
        ids = [event.id for event in self.played().published]
        assert len(set(ids)) == len(ids)

    def test_crash_around_every_commit_loses_and_doubles_nothing(self) -> None:
        """The process dies before or after each of its commits and starts anew."""
        once, often = self.played(), self.played(crashes=True)
        assert often.published == once.published
        assert often.durable() == once.durable()
