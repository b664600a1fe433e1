"""schemas/services say what the services really are: their processes, states, groups and the topics they use."""

import re
from pathlib import Path
from typing import Any

import ioc_service.handlers
import pytest
from dispatch_service.app import build as dispatch
from emergency_service.app import build as emergency
from flood_service.app import build as flood
from ioc_service.service import console
from liandong.clock import WallClock
from liandong.codegen.files import load
from liandong.codegen.internal import (
    CHANGELOG,
    LETTERS,
    STREAM_DEAD_LETTER,
    Place,
    internal_topics,
    joined_groups,
    named_groups,
    transactional_ids,
)
from liandong.codegen.model import Process, ServiceFile
from liandong.settings import Settings
from liandong.stream import StreamService
from liandong.stream.admin import CHANGELOG_CONFIG, DEAD_LETTER_CONFIG, LETTERS_CONFIG, dead_letter_wire
from liandong.stream.letters import letters_wire
from liandong.stream.topology import topology_of
from liandong.stream.tuning import Tuning, consumer_config, producer_config, restore_config
from liandong.workflow import WorkflowService
from liandong.workflow.prepare import internal_topics as workflow_topics
from liandong.workflow.settings import WorkflowSettings
from liandong_contracts import topics
from sensing_service.handlers.judge import sensing

ROOT = Path(__file__).parents[2]
CONTRACT = load(ROOT)
_ = ioc_service.handlers  # the handlers declare themselves on the console
STREAMS: dict[str, StreamService] = {"sensing": sensing, "flood": flood()}
WORKFLOWS: dict[str, WorkflowService] = {"emergency": emergency(), "dispatch": dispatch(), "ioc": console}
HERE = Place("district", "drill-7")
SETTINGS: dict[str, Any] = {"tier": "district", "world": "drill-7", "instance": "pod-1"}


def only(kind: str) -> dict[str, tuple[ServiceFile, Process]]:
    return {group: (s, process) for s in CONTRACT.services for group, process in s.groups(kind)}


def internal(service: ServiceFile) -> dict[str, tuple[int, dict[str, str]]]:
    return {t.name: (t.partitions, dict(t.config)) for t in internal_topics(CONTRACT, service, HERE)}


def test_declared_are_the_services_that_exist() -> None:
    assert only("stream").keys() == STREAMS.keys()
    assert only("workflow").keys() == WORKFLOWS.keys()
    processes = {path.parent.name.removesuffix("_service") for path in ROOT.glob("services/*/*_service/__main__.py")}
    assert {service.service for service in CONTRACT.services} == processes


@pytest.mark.parametrize("name", STREAMS)
def test_states_of_a_stream(name: str) -> None:
    _, process = only("stream")[name]
    real = STREAMS[name]
    fed: dict[str, list[str]] = {state.name: [] for state in real.states}
    for handler in real.handlers:
        if handler.state is not None and handler.topic.name not in fed[handler.state.name]:
            fed[handler.state.name].append(handler.topic.name)
    declared = {state.name: (state.record, sorted(state.inputs)) for state in process.states}
    assert declared == {state.name: (state.record.FULL_NAME, sorted(fed[state.name])) for state in real.states}


@pytest.mark.parametrize("name", STREAMS)
def test_names_of_a_stream(name: str) -> None:
    service, _ = only("stream")[name]
    real, settings = STREAMS[name], Settings(**SETTINGS)
    expected = {dead_letter_wire(settings, real.name): (1, DEAD_LETTER_CONFIG)}
    expected[letters_wire(settings, real.name)] = (1, LETTERS_CONFIG)
    for group in topology_of(real).groups:
        for state in group.states:
            expected[state.wire(settings)] = (group.topics[0].partitions["district"], CHANGELOG_CONFIG)
    assert internal(service) == expected
    assert (CHANGELOG, STREAM_DEAD_LETTER, LETTERS) == (CHANGELOG_CONFIG, DEAD_LETTER_CONFIG, LETTERS_CONFIG)
    assert joined_groups(service, HERE) == [consumer_config(settings, real.name, Tuning())["group.id"]]
    assert named_groups(service, HERE) == [restore_config(settings, real.name)["group.id"]]
    ((beginning, is_prefix),) = transactional_ids(service, HERE)
    assert is_prefix
    assert producer_config(settings, real.name, Tuning())["transactional.id"] == f"{beginning}pod-1"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_names_of_a_workflow(name: str) -> None:
    service, _ = only("workflow")[name]
    settings = WorkflowSettings(**SETTINGS)
    nothing: Any = None
    binding = WORKFLOWS[name].bind(settings, clock=WallClock(), codec=nothing, tracing=nothing, refs=None)
    assert internal(service) == {spec.name: (spec.partitions, spec.config) for spec in workflow_topics(binding)}
    assert joined_groups(service, HERE) == [settings.scoped(binding.service)]
    relay = settings.scoped(f"{binding.service}.relay")
    assert named_groups(service, HERE) == [relay]
    assert transactional_ids(service, HERE) == [(relay, False)]
    of_topics = {topic.wire("district", "drill-7"): topic for topic in topics.ALL}
    assert all(name in of_topics[wire].consumers for wire in binding.subscribed)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_reads_what_it_is_declared_to_read(name: str) -> None:
    assert all(name in handler.topic.consumers for handler in STREAMS[name].handlers)


@pytest.mark.parametrize("service", [service.service for service in CONTRACT.services])
def test_code_names_only_topics_that_the_service_uses(service: str) -> None:
    """Local copies and edge producers are no declarations of a service object, so the sources themselves are read."""
    used = {topic.constant for topic in CONTRACT.topics if service in (*topic.producers, *topic.consumers)}
    for path in (ROOT / "services" / service).rglob("*.py"):
        named = set(re.findall(r"\btopics\.([A-Z][A-Z0-9_]+)", path.read_text(encoding="utf-8"))) - {"ALL"}
        assert named <= used, f"{path}: {service} is neither producer nor consumer of {sorted(named - used)}"
