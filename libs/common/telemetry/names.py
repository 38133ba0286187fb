"""Every name that leaves a process: spans, attributes and metrics, and what Prometheus makes of those.

Attributes follow the semantic conventions of OpenTelemetry where these have a name for it.
"""

from dataclasses import dataclass
from typing import Literal

SCOPE = "galapagos"
"""The instrumentation scope of everything here."""
SERVICE_PREFIX = "galapagos-"

# Of a resource, the process.
SERVICE_NAME = "service.name"
INSTANCE = "service.instance.id"
RUN = "galapagos.run"
# Of a span or a metric.
SERVICE = "galapagos.service"
TOPIC = "messaging.destination.name"
PARTITION = "messaging.destination.partition.id"
GROUP = "messaging.consumer.group.name"
EVENT_ID = "cloudevents.event_id"
PURPOSE = "galapagos.purpose"


def consume_span(service: str, topic: str) -> str:
    """One record, a whole cohort of genomes say, from its arrival to the end of the step."""
    return f"{service}.consume {topic}"


def publish_span(service: str, topic: str) -> str:
    """The making of one event."""
    return f"{service}.publish {topic}"


_SUFFIX = {"s": "_seconds", "By": "_bytes"}


@dataclass(frozen=True, slots=True)
class Metric:
    """``unit`` as UCUM writes it, what is counted in braces; ``bounds`` of the buckets of a histogram."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: tuple[str, ...] = (SERVICE,)
    bounds: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus stores it when an OpenTelemetry collector exports it there."""
        suffix = _SUFFIX.get(self.unit, "")
        if self.unit == "1" and self.kind == "gauge":
            suffix = "_ratio"
        base = self.name.replace(".", "_") + suffix
        endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
        return tuple(base + ending for ending in endings[self.kind])


_LATENCY_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_AGE_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0)
_BYTES = (1e3, 1e4, 1e5, 1e6, 4e6, 1.6e7, 6.4e7, 2.56e8)

LAG = Metric(
    "galapagos.lag",
    "gauge",
    "{record}",
    "records of a partition that its group has not committed, told by the member that reads it",
    (SERVICE, TOPIC, PARTITION),
)
CONSUMED = Metric("galapagos.records.consumed", "counter", "{record}", "records taken in", (SERVICE, TOPIC))
PUBLISHED = Metric("galapagos.records.published", "counter", "{record}", "records acknowledged", (SERVICE, TOPIC))
GENOMES = Metric("galapagos.genomes", "counter", "{genome}", "genomes in the cohorts made", (SERVICE, TOPIC))
STEP = Metric("galapagos.step.duration", "histogram", "s", "one step: a batch of one state", bounds=_LATENCY_S)
PUBLISH = Metric("galapagos.publish.duration", "histogram", "s", "until all is acknowledged", bounds=_LATENCY_S)
SAVE = Metric("galapagos.save.duration", "histogram", "s", "the states of one shard, written", bounds=_LATENCY_S)
SNAPSHOT = Metric("galapagos.snapshot.size", "histogram", "By", "changed states in one save", bounds=_BYTES)
OCCUPANCY = Metric(
    "galapagos.occupancy", "gauge", "1", "share of the time since the last reading spent in steps, of one member"
)
CACHE_HITS = Metric("galapagos.cache.hits", "counter", "{genome}", "genomes that needed no measuring")
CACHE_MISSES = Metric("galapagos.cache.misses", "counter", "{genome}", "genomes asked for in vain")
DEPLOYED = Metric(
    "galapagos.birth_to_deployment.duration", "histogram", "s", "age of a strategy when it goes on paper", bounds=_AGE_S
)
DEAD_LETTERS = Metric("galapagos.dead_letters", "counter", "{record}", "events refused", (SERVICE, TOPIC))
REBALANCES = Metric("galapagos.rebalances", "counter", "{rebalance}", "times that states were loaded anew")
STARTED = Metric("galapagos.start.time", "gauge", "s", "when the process began, Unix time: it changes with a restart")

METRICS: tuple[Metric, ...] = (
    LAG,
    CONSUMED,
    PUBLISHED,
    GENOMES,
    STEP,
    PUBLISH,
    SAVE,
    SNAPSHOT,
    OCCUPANCY,
    CACHE_HITS,
    CACHE_MISSES,
    DEPLOYED,
    DEAD_LETTERS,
    REBALANCES,
    STARTED,
)
