"""Traces: one from a seed or a birth to the deployment, carried in ``traceparent`` headers."""

import os
import sys

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)

from common.errors import ConfigurationError
from common.events.trace import parse, traceparent
from common.telemetry import names
from common.telemetry.resource import check_exporter, patience_s, resource_of

RATIO = "OTEL_TRACES_SAMPLER_ARG"
"""The variable with the share of traces that leave the process, 0 to 1."""


def start_tracing(
    exporter: str = "none", endpoint: str | None = None, *, service: str = "standalone", run: str = ""
) -> TracerProvider:
    """A provider for one process; ``shutdown()`` flushes it.

    ``none`` still makes the ids that travel in the headers; ``console`` writes to stderr; ``otlp`` sends over HTTP to
    ``endpoint`` (None: what OTEL_EXPORTER_OTLP_ENDPOINT says). Which traces are kept follows from their ids alone, so
    all services keep the same ones. Raises ConfigurationError for another exporter, or a share that is none.
    """
    check_exporter(exporter)
    provider = TracerProvider(sampler=TraceIdRatioBased(_ratio()), resource=resource_of(service, run))
    if exporter == "console":
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr)))
    elif exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=patience_s())))
    return provider


def _ratio() -> float:
    text = os.environ.get(RATIO) or "1"
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        raise ConfigurationError(f"{RATIO} {text!r} is not allowed; use a share of the traces, 0 to 1")
    return ratio


def tracer_of(provider: TracerProvider) -> Tracer:
    """The tracer that the run loop uses."""
    return provider.get_tracer(names.SCOPE)


def _context(text: str) -> SpanContext | None:
    ids = parse(text)
    return None if ids is None else SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _parent(text: str) -> Context:
    found = _context(text)
    return Context() if found is None else trace.set_span_in_context(NonRecordingSpan(found), Context())


def consumer_span(tracer: Tracer, service: str, topic: str, text: str) -> Span:
    """``<service>.consume <topic>``: from arrival to the end of the step; ``text`` is the event's traceparent."""
    attributes = {names.TOPIC: topic, names.GROUP: service}
    return tracer.start_span(names.consume_span(service, topic), _parent(text), SpanKind.CONSUMER, attributes)


def producer_span(tracer: Tracer, service: str, topic: str, event_id: str, parent: Span | str) -> Span:
    """``<service>.publish <topic>``: the making of one event, below a span of this process or a traceparent."""
    context = _parent(parent) if isinstance(parent, str) else trace.set_span_in_context(parent, Context())
    attributes = {names.TOPIC: topic, names.EVENT_ID: event_id}
    return tracer.start_span(names.publish_span(service, topic), context, SpanKind.PRODUCER, attributes)


def root_span(tracer: Tracer, service: str, topic: str, event_id: str, cause: str) -> Span:
    """``<service>.publish <topic>`` as the root of a new trace, linked to the traceparent that caused it."""
    found = _context(cause)
    attributes = {names.TOPIC: topic, names.EVENT_ID: event_id}
    links = [] if found is None else [Link(found)]
    return tracer.start_span(names.publish_span(service, topic), Context(), SpanKind.PRODUCER, attributes, links)


def mark_refused(span: Span, error: Exception) -> None:
    """The event went to the dead letters."""
    span.set_status(Status(StatusCode.ERROR, str(error)))


def header_of(span: Span) -> str:
    """The traceparent that continues this span."""
    context = span.get_span_context()
    return traceparent(context.trace_id, context.span_id)
