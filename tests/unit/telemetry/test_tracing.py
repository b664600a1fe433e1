"""A chain begins once, is recorded whole or not at all, and can be followed from any step to its root."""

import time
from collections.abc import Iterator

import pytest
from liandong.ids import trace_id
from liandong.settings import Settings
from liandong.telemetry.tracing import Tracing, is_recorded, record_now
from liandong.testing.otlp import SpanCollector


@pytest.fixture
def collector() -> Iterator[SpanCollector]:
    collector = SpanCollector()
    yield collector
    collector.stop()


def test_recorded_chain_has_one_root_and_the_trace_id_of_its_cause(collector: SpanCollector) -> None:
    tracing = Tracing("gateway", Settings(otlp_endpoint=collector.endpoint, trace_ratio=1))
    with tracing.root("receive", "frame-1") as first, tracing.step("judge", first.traceparent) as second:
        header = second.traceparent
    tracing.shutdown()
    spans = collector.trace(trace_id("frame-1"))
    assert [span.name for span in spans] == ["receive", "judge"]
    assert collector.path_to_root(spans[1]) == spans
    assert spans[0].parent_id == ""
    assert header[3:35] == trace_id("frame-1")


def test_unrecorded_chain_passes_through_unchanged() -> None:
    tracing = Tracing("gateway", Settings(trace_ratio=0))
    with tracing.root("receive", "frame-1") as first, tracing.step("judge", first.traceparent) as second:
        assert second.traceparent == first.traceparent
        assert not is_recorded(second.traceparent)


def test_an_alarm_switches_recording_on_from_there(collector: SpanCollector) -> None:
    tracing = Tracing("judge", Settings(otlp_endpoint=collector.endpoint, trace_ratio=0))
    with tracing.root("receive", "frame-2") as first, tracing.step("alarm", record_now(first.traceparent)):
        pass
    tracing.shutdown()
    assert [span.name for span in collector.trace(trace_id("frame-2"))] == ["alarm"]


def test_a_failing_step_still_ends_its_span(collector: SpanCollector) -> None:
    tracing = Tracing("flood", Settings(otlp_endpoint=collector.endpoint, trace_ratio=1))
    with pytest.raises(ValueError, match="bad"), tracing.root("receive", "frame-3"):
        raise ValueError("bad")
    tracing.shutdown()
    deadline = time.monotonic() + 5
    while not collector.trace(trace_id("frame-3")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(collector.trace(trace_id("frame-3"))) == 1
