"""Our verdict on a change and the real registry's, case by case; where they differ, the table says why."""

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from liandong.codegen.command import check
from liandong.codegen.compat import compare
from liandong.errors import ConfigError
from liandong.settings import Settings
from liandong.testing.plugin import KafkaForTests
from liandong.wire import Registry
from liandong.wire.registry import FULL
from liandong_contracts import topics
from liandong_contracts.base import schema_of

from tests.support.schema_changes import BASE, CASES, NAMESPACE, SAME, Change, drop, field

ROOT = Path(__file__).parents[3]


@pytest.fixture
def registry(settings: Callable[..., Settings]) -> Registry:
    registry = Registry(settings().registry_url)
    registry.require_compatibility()
    assert registry.compatibility() == FULL
    return registry


@pytest.mark.parametrize(("change", "why", "breaking"), CASES)
def test_our_verdict_and_the_registry_s(
    registry: Registry, world: str, change: Change, why: str, breaking: bool
) -> None:
    changed = copy.deepcopy(BASE)
    change(changed)
    findings = [finding for finding in compare(BASE, changed) if finding.breaking]
    assert bool(findings) == breaking, findings
    subject = f"{world}.district.trial.thing.v1-{NAMESPACE}.Trial"
    registry.register(subject, json.dumps(BASE))
    expected = breaking if why == SAME else not breaking
    with pytest.raises(ConfigError, match=r"cannot read each other \(.* at /") if expected else nullcontext():
        registry.register(subject, json.dumps(changed))


def test_the_gate_asks_a_running_registry(registry: Registry, kafka: KafkaForTests) -> None:
    """In the real world's name, which no other test uses; worlds of tests are left out."""
    topic, record = topics.DISPATCH_REPORT.wire("community"), topics.DISPATCH_REPORT.records[0]
    older = json.loads(schema_of(record))
    older["fields"].append({"name": "gone", "type": "string", "doc": "Was there once."})
    registry.register(f"{topic}-{record.FULL_NAME}", json.dumps(older))
    registry.register(f"t-other.{topic}-{record.FULL_NAME}", json.dumps(BASE))
    outcome = check(ROOT, "HEAD", kafka.registry_url)
    (verdict,) = [verdict for verdict in outcome.verdicts if verdict.fails]
    assert (verdict.rule, verdict.field) == ("field-removed", "gone")
    assert verdict.against == (f"{topic}-{record.FULL_NAME} version 1 in the registry",)
    assert outcome.against[1].startswith("1 versions in the registry")


def test_every_version_counts_not_only_the_last(registry: Registry, world: str) -> None:
    """A field that was removed may come back, but not as something else: the first version's events are still there."""
    first, second, third = (copy.deepcopy(BASE) for _ in range(3))
    drop("note")(second)
    field("note", type="int", default=0, pii=...)(third)
    assert not any(finding.breaking for finding in [*compare(first, second), *compare(second, third)])
    subject = f"{world}.district.trial.thing.v1-{NAMESPACE}.Trial"
    registry.register(subject, json.dumps(first))
    registry.register(subject, json.dumps(second))
    with pytest.raises(ConfigError, match="cannot read each other"):
        registry.register(subject, json.dumps(third))
    assert [finding.rule for finding in compare(first, third) if finding.breaking] == ["pii-dropped", "type-changed"]
    assert registry.versions(subject) == [1, 2]
