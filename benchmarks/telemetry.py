"""What traces and metrics add to the work on one cohort: spans encoded for the wire, every metric recorded."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracer, Tracer

from benchmarks.bars import YEAR_BARS, hourly_bars
from benchmarks.clock import interleaved, scaled
from common.backtest.arena import prepare
from common.events.codec import encode
from common.events.cohorts import GenomeEvaluated, GenomeProposed
from common.events.event import Event
from common.ports import Record
from common.run.batch import Worker
from common.run.loop import now_us
from common.service import Service
from common.telemetry import OFF, Metrics, start_tracing, tracer_of
from common.telemetry.metrics import metrics_to
from evaluator.service import service
from generator.service import first_generation
from standalone.request import build_spec

COHORTS = 400
"""A step that answers at once is repeated so often: what is looked for are microseconds."""


class _Encoded(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """As for OTLP, and away with it."""
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


def bench_telemetry(repeats: int, scale: float) -> dict[str, Any]:
    """CPU microseconds a cohort: to evaluate it unwatched, and what being watched adds; ``share`` is the quotient."""
    bars = hourly_bars(YEAR_BARS)
    spec = build_spec([bars], {"islands": 1})
    cohort = Event(first_generation(spec, 0), "0:0:evolution", spec, "0" * 32)
    message = encode(cohort)
    record = Record(message.topic, 0, 0, message.key, message.headers, message.value)
    real = service([prepare(bars)])
    [answered] = real.step(None, [cohort])[1]
    at_once: Service[None] = Service(
        "evaluator", (GenomeProposed,), (GenomeEvaluated,), lambda state, _: (state, [answered])
    )
    provider = start_tracing()
    provider.add_span_processor(BatchSpanProcessor(_Encoded()))
    metrics = metrics_to(InMemoryMetricReader(), "evaluator")
    cohorts = scaled(COHORTS, scale, 20)
    with metrics.member("evaluator"):
        seconds = interleaved(
            {
                "unwatched": partial(_work, _worker(at_once, NoOpTracer(), OFF), record, cohorts),
                "watched": partial(_watched, _worker(at_once, tracer_of(provider), metrics), record, cohorts, provider),
                "real": partial(_work, _worker(real, NoOpTracer(), OFF), record, 1),
            },
            repeats,
            time.process_time,
        )
    added_us = 1e6 * (seconds["watched"] - seconds["unwatched"]) / cohorts
    return {
        "genomes": len(answered.payload),  # type: ignore[arg-type]
        "cohort_us": 1e6 * seconds["real"],
        "added_us": added_us,
        "share": added_us / (1e6 * seconds["real"]),
        "repeats": repeats,
    }


def _worker(what: Service[None], tracer: Tracer, metrics: Metrics) -> Worker:
    return Worker(what, tracer, now_us, metrics=metrics)


def _work(worker: Worker, record: Record, cohorts: int) -> None:
    for _ in range(cohorts):
        worker.work({}, [record])


def _watched(worker: Worker, record: Record, cohorts: int, provider: TracerProvider) -> None:
    _work(worker, record, cohorts)
    provider.force_flush()
