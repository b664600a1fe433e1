"""The console on the workflow harness."""

import ioc_service.handlers  # noqa: F401 - handlers declare themselves on the service
import pytest
from ioc_service.service import console
from ioc_service.view.state import State
from liandong.testing.workflow import WorkflowHarness

from tests.support.console_district import NAMES, START
from tests.support.console_storm import Storm


@pytest.fixture
def harness() -> WorkflowHarness:
    return WorkflowHarness(console, refs=NAMES, now=START)


@pytest.fixture
def storm(harness: WorkflowHarness) -> Storm:
    return Storm(harness)


@pytest.fixture
def state(storm: Storm) -> State:
    return State(storm.read, NAMES)
