import pytest
from liandong.testing.workflow import WorkflowHarness

from tests.support import workflow_sample as sample


@pytest.fixture
def harness() -> WorkflowHarness:
    return WorkflowHarness(sample.service)
