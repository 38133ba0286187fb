"""One batch through one service, without waiting for anything: decode, step, stamp, encode. Runs in a thread."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry.trace import Span, Tracer

from common import telemetry
from common.errors import ContractError
from common.events.catalogue import topic_of
from common.events.codec import decode, encode
from common.events.cohorts import Cohort, GenomeEvaluated, GenomeProposed
from common.events.event import Event
from common.events.message import Message
from common.events.public import DeploymentChanged
from common.events.spec import RunSpec
from common.ports import Offsets, Partition, Record
from common.run.dead_letter import dead_letter
from common.run.logs import TRACE
from common.service import Service
from common.telemetry import Metrics, names

_log = logging.getLogger(__name__)
Clock = Callable[[], int]
"""Microseconds since 1970."""
_NONE: Mapping[str, Offsets] = {}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record, what it says, and the span that follows it."""

    record: Record
    event: Event
    span: Span


@dataclass(slots=True)
class Outcome:
    """What a batch leads to: messages to publish, then states to keep together with the offsets, then the commit."""

    messages: list[Message] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)
    offsets: dict[Partition, int] = field(default_factory=dict)


def _traceparent(record: Record) -> str:
    return next((data.decode("ascii", "replace") for name, data in record.headers if name == "traceparent"), "")


@dataclass(frozen=True, slots=True)
class Worker:
    """A service with what the loop lends it. ``run``: the only one it works for; None: any.

    A user's event that names no run belongs to it.
    """

    service: Service[Any]
    tracer: Tracer
    clock: Clock
    run: RunSpec | None = None
    metrics: Metrics = telemetry.OFF

    def work(
        self, states: Mapping[str, Any], records: Sequence[Record], contained: Mapping[str, Offsets] = _NONE
    ) -> Outcome:
        """Decode, step, encode. An event that breaks a contract becomes a dead letter and nobody else suffers.

        ``contained``: per state key what that state has had already; a replay passes over it.
        """
        outcome = Outcome(offsets={(record.topic, record.partition): record.offset + 1 for record in records})
        for topic, count in Counter(record.topic for record in records).items():
            self.metrics.add(names.CONSUMED, count, service=self.service.name, topic=topic)
        with self._arrivals(records, outcome) as arrivals:
            outputs: list[Event] = []
            for key, group in self._groups(arrivals, outcome, contained).items():
                before = states[key] if key in states else self._initial()
                after, produced = self._step(before, group, outcome)
                outputs += produced
                if self.service.initial_state is not None:
                    outcome.states[key] = after
            outcome.messages += self.publishable(outputs, arrivals)
            self._count(outputs)
        return outcome

    def publishable(self, events: Sequence[Event], arrivals: Sequence[Arrival] = ()) -> list[Message]:
        """The messages of these events, stamped, each with a producer span.

        Its parent is the span of the input in the same trace, or the event's own remote trace; a birth begins a trace.
        """
        spans = {arrival.event.trace: arrival.span for arrival in arrivals}
        cause = next(iter(spans), "")
        stamp = self.clock()
        messages = []
        for event in events:
            if type(event.payload) not in self.service.produces:
                raise TypeError(f"{self.service.name} does not declare {type(event.payload).__name__} in `produces`")
            topic, name = topic_of(event.payload).name, self.service.name
            if event.root:
                span = telemetry.root_span(self.tracer, name, topic, event.id, event.trace or cause)
            else:
                parent = spans.get(event.trace, event.trace)
                span = telemetry.producer_span(self.tracer, name, topic, event.id, parent)
            if isinstance(event.payload, GenomeProposed | GenomeEvaluated):
                span.set_attribute(names.PURPOSE, event.payload.header.purpose)
            try:
                stamped = replace(event, time_us=stamp, trace=telemetry.header_of(span), root=False)
                messages.append(encode(stamped, name))
            finally:
                span.end()
        return messages

    @contextmanager
    def _arrivals(self, records: Sequence[Record], outcome: Outcome) -> Iterator[list[Arrival]]:
        arrivals: list[Arrival] = []
        try:
            for record in records:
                span = telemetry.consumer_span(self.tracer, self.service.name, record.topic, _traceparent(record))
                try:
                    event = decode(record.topic, record.key, record.headers, record.value, run=self.run)
                    self._check_run(event)
                except ContractError as error:
                    self._refuse(record, span, error, outcome)
                    span.end()
                else:
                    # Without a trace of its own, a user's event starts one here.
                    event = event if event.trace else replace(event, trace=telemetry.header_of(span))
                    arrivals.append(Arrival(record, event, span))
            yield arrivals
        finally:
            for arrival in arrivals:
                arrival.span.end()

    def _check_run(self, event: Event) -> None:
        if self.run is not None and event.run != self.run:
            raise ContractError(
                f"ce_run: run {event.run.run_id[:8]} is not {self.run.run_id[:8]}, which this bus is for; use another"
            )

    def _groups(
        self, arrivals: Sequence[Arrival], outcome: Outcome, contained: Mapping[str, Offsets]
    ) -> dict[str, list[Arrival]]:
        """Arrivals by state key, in order; a stateless service has the one key ""."""
        groups: dict[str, list[Arrival]] = {}
        for arrival in arrivals:
            try:
                key = "" if self.service.initial_state is None else self.service.state_key(arrival.event)
            except ContractError as error:
                self._refuse(arrival.record, arrival.span, error, outcome)
            else:
                record = arrival.record
                if record.offset >= contained.get(key, {}).get((record.topic, record.partition), 0):
                    groups.setdefault(key, []).append(arrival)
        return groups

    def _initial(self) -> Any:
        return None if self.service.initial_state is None else self.service.initial_state()

    def _step(self, before: Any, group: Sequence[Arrival], outcome: Outcome) -> tuple[Any, list[Event]]:
        """All at once; if one of them breaks a contract, from the same state again, one by one, without it."""
        try:
            with self.metrics.step(self.service.name):
                return self.service.step(before, [arrival.event for arrival in group])
        except ContractError as error:
            if len(group) == 1:
                self._refuse(group[0].record, group[0].span, error, outcome)
                return before, []
        state, outputs = before, []
        for arrival in group:
            state, produced = self._step(state, [arrival], outcome)
            outputs += produced
        return state, outputs

    def _count(self, events: Sequence[Event]) -> None:
        for event in events:
            payload, name = event.payload, self.service.name
            if isinstance(payload, Cohort):
                self.metrics.add(names.GENOMES, len(payload), service=name, topic=topic_of(payload).name)
            elif isinstance(payload, DeploymentChanged) and payload.state == "paper":
                self.metrics.record(names.DEPLOYED, (self.clock() - payload.born_us) / 1e6, service=name)

    def _refuse(self, record: Record, span: Span, error: ContractError, outcome: Outcome) -> None:
        telemetry.mark_refused(span, error)
        self.metrics.add(names.DEAD_LETTERS, 1, service=self.service.name, topic=record.topic)
        outcome.messages.append(dead_letter(record, self.service.name, error))
        where = {TRACE: telemetry.header_of(span)}
        _log.warning("%s refused an event of %s: %s", self.service.name, record.topic, error, extra=where)
