"""W3C trace context through events and calls; spans only for the recorded share of the chains.

An unrecorded chain costs a string comparison: its context passes through unchanged. The decision is made once, where a
chain begins, from the trace id, and travels in the flags. `record_now` turns recording on from here, for a chain that
raises an alarm.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from liandong.ids import trace_id as trace_id_of
from liandong.privacy.scrub import scrubbed
from liandong.settings import Settings

_ODD = frozenset("13579bdf")  # the lowest bit of the flags says "recorded"

Kind = Literal["consumer", "producer", "server", "client", "internal"]
_KINDS = {
    "consumer": SpanKind.CONSUMER,
    "producer": SpanKind.PRODUCER,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}


def traceparent_of(context: SpanContext) -> str:
    """Return the W3C header of a span context."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def is_recorded(traceparent: str | None) -> bool:
    """Say whether the chain of this header is recorded."""
    return traceparent is not None and traceparent[-1:] in _ODD


def record_now(traceparent: str) -> str:
    """Return the header with recording switched on."""
    return traceparent[:-2] + "01"


def _context_of(traceparent: str) -> SpanContext | None:
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32 or len(parts[2]) != 16:
        return None
    try:
        return SpanContext(
            int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(int(parts[3], 16))
        )
    except ValueError:
        return None


class _ChainIds(RandomIdGenerator):
    """Gives the first span of a chain the trace id that was derived from the chain's first cause."""

    def __init__(self) -> None:
        self._next = threading.local()

    def expect(self, trace_id: int) -> None:
        self._next.trace_id = trace_id

    def generate_trace_id(self) -> int:
        expected: int | None = getattr(self._next, "trace_id", None)
        self._next.trace_id = None
        return expected if expected is not None else super().generate_trace_id()


class Step:
    """One step of a chain: `traceparent` is what its outputs carry on."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, traceparent: str, span: Span | None = None) -> None:
        self.traceparent = traceparent
        self._span = span

    def note(self, **attributes: str | int | float | bool) -> None:
        """Add attributes to the span, if one is recorded."""
        if self._span is not None:
            self._span.set_attributes(attributes)


class Tracing:
    """The tracer of one process. Without an OTLP endpoint it only passes contexts on."""

    def __init__(self, service: str, settings: Settings) -> None:
        self._ratio = settings.trace_ratio
        self._provider: TracerProvider | None = None
        if settings.otlp_endpoint:
            resource = Resource.create({"service.name": service, "service.namespace": settings.world or "real"})
            self._ids = _ChainIds()
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=self._ids)
            exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces", timeout=5)
            self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
            self._tracer = self._provider.get_tracer("liandong")

    def begin(self, cause: str) -> str:
        """Return the header of a new chain whose first cause is `cause`; recorded for the configured share."""
        trace_id = trace_id_of(cause)
        flag = "01" if int(trace_id[:8], 16) < self._ratio * 0x1_0000_0000 else "00"
        return f"00-{trace_id}-{trace_id[16:]}-{flag}"

    @contextmanager
    def root(self, name: str, cause: str, kind: Kind = "server") -> Iterator[Step]:
        """Open the first step of a chain; its span has no parent."""
        begun = self.begin(cause)
        if not is_recorded(begun) or self._provider is None:
            yield Step(begun)
            return
        self._ids.expect(int(begun[3:35], 16))
        with self._span(self._tracer.start_span(name, context=Context(), kind=_KINDS[kind])) as step:
            yield step

    @contextmanager
    def step(
        self,
        name: str,
        traceparent: str | None,
        kind: Kind = "consumer",
        attributes: Mapping[str, str | int] | None = None,
    ) -> Iterator[Step]:
        """Open one step below `traceparent`; an exception marks the span as failed and passes through."""
        if not is_recorded(traceparent) or self._provider is None:
            yield Step(traceparent or "")
            return
        parent = _context_of(traceparent or "")
        context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
        span = self._tracer.start_span(name, context=context, kind=_KINDS[kind], attributes=attributes)
        with self._span(span) as step:
            yield step

    @contextmanager
    def _span(self, span: Span) -> Iterator[Step]:
        try:
            yield Step(traceparent_of(span.get_span_context()), span)
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, scrubbed(repr(error))[:200]))
            raise
        finally:
            span.end()

    def shutdown(self) -> None:
        """Send what is buffered."""
        if self._provider is not None:
            self._provider.shutdown()
