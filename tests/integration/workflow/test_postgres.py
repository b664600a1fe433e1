"""The engine's unit tests once more, on PostgreSQL: every handler guarantee holds there too."""

from collections.abc import Iterator
from typing import Any

import pytest
from liandong.testing.workflow import WorkflowHarness
from liandong.workflow import WorkflowService
from liandong.workflow.postgres import PostgresDatabase
from liandong.workflow.sql import Database

from tests.support import workflow_sample as sample
from tests.unit.workflow.test_commands import *  # noqa: F403
from tests.unit.workflow.test_events import *  # noqa: F403
from tests.unit.workflow.test_groups import *  # noqa: F403
from tests.unit.workflow.test_story import TestSample as _Sample
from tests.unit.workflow.test_timers_and_calls import *  # noqa: F403


@pytest.fixture
def harness(postgres: Any) -> Iterator[WorkflowHarness]:
    harness = WorkflowHarness(sample.service, database=PostgresDatabase(postgres.database()))
    yield harness
    harness.database.close()


class TestSampleOnPostgres(_Sample):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: Any) -> Iterator[None]:
        self._postgres = postgres
        self._opened: list[Database] = []
        yield
        for database in self._opened:
            database.close()

    def service(self) -> WorkflowService:
        return sample.service

    def database(self) -> Database:
        self._opened.append(PostgresDatabase(self._postgres.database()))
        return self._opened[-1]
