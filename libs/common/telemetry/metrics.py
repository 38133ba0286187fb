"""Metrics: instruments made from ``names``, and the few things that a run loop tells them."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from opentelemetry.metrics import CallbackOptions, NoOpMeterProvider, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)

from common.telemetry import names
from common.telemetry.busy import Busy
from common.telemetry.names import Metric
from common.telemetry.resource import check_exporter, patience_s, resource_of

EVERY_S = 15.0
"""Between two exports; OTEL_METRIC_EXPORT_INTERVAL (milliseconds) overrides."""
Reading = tuple[float, Mapping[str, str]]
"""A value and its attributes."""


class Metrics:
    """What one process counts. Every call may come from any thread and costs microseconds."""

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self.is_on = provider is not None
        self._provider = provider
        self._meter = (provider or NoOpMeterProvider()).get_meter(names.SCOPE)
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._readers: dict[str, list[Callable[[], Iterable[Reading]]]] = {}
        self._busy: dict[str, Busy] = {}

    def add(self, metric: Metric, amount: int, **attributes: str) -> None:
        """Count; attributes are those of ``metric.labels``, ``service`` and ``topic``."""
        self._instrument(metric).add(amount, _labels(attributes))

    def record(self, metric: Metric, value: float, **attributes: str) -> None:
        """One value of a histogram, in its unit."""
        self._instrument(metric).record(value, _labels(attributes))

    @contextmanager
    def timed(self, metric: Metric, service: str) -> Iterator[None]:
        """Record how long the block takes, however it ends."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.record(metric, time.perf_counter() - began, service=service)

    @contextmanager
    def step(self, service: str) -> Iterator[None]:
        """Around a step: its duration, and the time for which the service is occupied."""
        busy = self._busy.get(service)
        if busy is not None:
            busy.change(+1)
        try:
            with self.timed(names.STEP, service):
                yield
        finally:
            if busy is not None:
                busy.change(-1)

    @contextmanager
    def member(self, service: str) -> Iterator[dict[tuple[str, int], int]]:
        """Around the loop of one member; into what it gives go lags by partition, as they are known."""
        lags: dict[tuple[str, int], int] = {}
        if not self.is_on:
            yield lags
            return
        busy = self._busy.get(service)
        if busy is None:
            busy = self._busy[service] = Busy(time.monotonic)
            labels = {names.SERVICE: service}
            self.observe(names.OCCUPANCY, lambda: [(busy.share(), labels)])
        busy.members += 1
        read = partial(_lags, service, lags)
        self.observe(names.LAG, read)
        try:
            yield lags
        finally:
            busy.members -= 1
            self._readers[names.LAG.name].remove(read)

    def observe(self, metric: Metric, read: Callable[[], Iterable[Reading]]) -> None:
        """Ask for the values whenever metrics are exported: gauges, and counters that somebody else keeps."""
        with self._lock:
            self._readers.setdefault(metric.name, []).append(read)
            if len(self._readers[metric.name]) > 1:
                return
        make: Any = self._meter.create_observable_gauge if metric.kind == "gauge" else None
        make = make or self._meter.create_observable_counter
        make(metric.name, [partial(self._read, metric.name)], metric.unit, metric.help)

    def _instrument(self, metric: Metric) -> Any:
        made = self._made.get(metric.name)
        if made is None:
            with self._lock:
                made = self._made.setdefault(metric.name, self._make(metric))
        return made

    def _make(self, metric: Metric) -> Any:
        if metric.kind == "counter":
            return self._meter.create_counter(metric.name, metric.unit, metric.help)
        return self._meter.create_histogram(
            metric.name, metric.unit, metric.help, explicit_bucket_boundaries_advisory=metric.bounds
        )

    def _read(self, name: str, _: CallbackOptions) -> list[Observation]:
        return [Observation(value, labels) for read in list(self._readers[name]) for value, labels in read()]

    def shutdown(self) -> None:
        """Export once more and stop."""
        if self._provider is not None:
            self._provider.shutdown()


OFF = Metrics()
"""Counts nothing."""
_NAMES = {"service": names.SERVICE, "topic": names.TOPIC}


def _labels(attributes: Mapping[str, str]) -> dict[str, str]:
    return {_NAMES[name]: value for name, value in attributes.items()}


def _lags(service: str, lags: Mapping[tuple[str, int], int]) -> list[Reading]:
    return [
        (records, {names.SERVICE: service, names.TOPIC: topic, names.PARTITION: str(number)})
        for (topic, number), records in list(lags.items())
    ]


def start_metrics(
    exporter: str = "none", endpoint: str | None = None, *, service: str = "standalone", run: str = ""
) -> Metrics:
    """The metrics of one process; ``shutdown()`` exports the last of them.

    ``none`` counts nothing; ``console`` writes to stderr; ``otlp`` sends over HTTP to ``endpoint`` (None: what
    OTEL_EXPORTER_OTLP_ENDPOINT says). Raises ConfigurationError for another exporter.
    """
    check_exporter(exporter)
    if exporter == "none":
        return OFF
    target: MetricExporter = ConsoleMetricExporter(out=sys.stderr)
    if exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        target = OTLPMetricExporter(endpoint=endpoint, timeout=patience_s())
    every_ms = None if "OTEL_METRIC_EXPORT_INTERVAL" in os.environ else EVERY_S * 1000
    return metrics_to(PeriodicExportingMetricReader(target, every_ms), service, run)


def metrics_to(reader: MetricReader, service: str, run: str = "") -> Metrics:
    """Metrics of a process that this reader collects."""
    metrics = Metrics(MeterProvider([reader], resource_of(service, run)))
    began_s = time.time()
    metrics.observe(names.STARTED, lambda: [(began_s, {names.SERVICE: service})])
    return metrics
