"""A fictional district, and the emergency service on a harness."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from emergency_service import reference
from emergency_service.app import build
from emergency_service.reference import References
from emergency_service.settings import EmergencySettings
from liandong.testing.workflow import WorkflowHarness

from tests.support.emergency_desk import NIGHT, Desk


@pytest.fixture(scope="session")
def references() -> References:
    """The fictional district's reference data."""
    return reference.load(EmergencySettings(reference_dir=Path(__file__).parent / "reference"))


@pytest.fixture
def desk(references: References) -> Desk:
    """The service at 22:00."""
    return Desk(WorkflowHarness(build(), refs=references, now=NIGHT))


@pytest.fixture
def make_desk(references: References) -> Callable[[datetime], Desk]:
    """Make the service at any moment."""
    return lambda now: Desk(WorkflowHarness(build(), refs=references, now=now))
