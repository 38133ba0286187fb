"""What can be seen of a running foundry: traces and metrics, over OTLP; every name in ``names``."""

from common.telemetry.metrics import OFF, Metrics, start_metrics
from common.telemetry.traces import (
    consumer_span,
    header_of,
    mark_refused,
    producer_span,
    root_span,
    start_tracing,
    tracer_of,
)

__all__ = [
    "OFF",
    "Metrics",
    "consumer_span",
    "header_of",
    "mark_refused",
    "producer_span",
    "root_span",
    "start_metrics",
    "start_tracing",
    "tracer_of",
]
