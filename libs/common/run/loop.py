"""The run loop: fetch a batch, step it in a thread, publish, keep state and offsets in one write, commit."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry.trace import Tracer

from common import telemetry
from common.errors import ConfigurationError, TransientError
from common.events.catalogue import BY_PAYLOAD
from common.events.spec import RunSpec
from common.ports import Bus, Consumer, Partition, Record, StateStore
from common.run.batch import Clock, Worker
from common.service import Service

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Bounds of a batch, and how often and how long to try again after a TransientError."""

    records_max: int = 64
    bytes_max: int = 32 << 20
    wait_s: float = 0.2
    attempts: int = 6
    backoff_s: float = 0.05
    backoff_s_max: float = 2.0
    run: RunSpec | None = None
    """The run to which a user's event belongs that names none."""


async def retry(act: Callable[[], Awaitable[Result]], settings: LoopSettings) -> Result:
    """Act until it works; the TransientError of the last attempt is raised."""
    for attempt in range(settings.attempts):
        try:
            return await act()
        except TransientError as error:
            if attempt + 1 == settings.attempts:
                raise
            pause_s = min(settings.backoff_s_max, settings.backoff_s * 2.0**attempt)
            _log.warning("%s; again in %.2f s", error, pause_s)
            await asyncio.sleep(pause_s)
    raise ConfigurationError(f"attempts: {settings.attempts} is not allowed; use at least 1")


class _Loop:
    def __init__(
        self, worker: Worker, bus: Bus, consumer: Consumer, store: StateStore | None, settings: LoopSettings
    ) -> None:
        self.worker = worker
        self.service = worker.service
        self.bus = bus
        self.consumer = consumer
        self.store = store
        self.settings = settings
        self.states: dict[str, Any] = {}
        self.done: dict[Partition, int] = {}
        self.assignment: frozenset[Partition] = consumer.assignment

    async def restore(self) -> None:
        """Read states and offsets."""
        if self.store is not None and self.service.load is not None:
            saved, self.done = await self.store.load(self.service.name, self.bus.log_id)
            self.states = {key: self.service.load(data) for key, data in saved.items()}

    async def recover(self) -> None:
        """Publish what the restored states imply: the bus may have lost it."""
        events = [event for state in self.states.values() for event in self.service.recover(state)]
        if events:
            messages = await asyncio.to_thread(self.worker.publishable, events)
            await retry(lambda: self.bus.publish(messages), self.settings)

    async def handle(self, records: Sequence[Record]) -> None:
        """One batch; effects in this order: publish, state with offsets, commit. A crash repeats the ones before."""
        if self.consumer.assignment is not self.assignment:
            # Another member may have moved states on in the meantime.
            self.assignment = self.consumer.assignment
            await self.restore()
        fresh = [record for record in records if record.offset >= self.done.get((record.topic, record.partition), 0)]
        outcome = await retry(lambda: asyncio.to_thread(self.worker.work, self.states, fresh), self.settings)
        if outcome.messages:
            await retry(lambda: self.bus.publish(outcome.messages), self.settings)
        store = self.store
        if store is not None and fresh:
            name, log_id = self.service.name, self.bus.log_id
            await retry(lambda: store.save(name, log_id, outcome.dumped, outcome.offsets), self.settings)
        self.states.update(outcome.states)
        self.done.update(outcome.offsets)
        try:
            await self.consumer.commit(_ends(records))
        except TransientError as error:
            _log.warning("%s: %s", self.service.name, error)


def _ends(records: Sequence[Record]) -> dict[Partition, int]:
    return {(record.topic, record.partition): record.offset + 1 for record in records}


def _topics(service: Service[Any], store: StateStore | None) -> list[str]:
    """The topics it reads. Raises ConfigurationError for a service that cannot run."""
    if unknown := [kind.__name__ for kind in (*service.consumes, *service.produces) if kind not in BY_PAYLOAD]:
        raise ConfigurationError(f"service {service.name}: {unknown[0]} is no event; use a class of the catalogue")
    stateful = service.initial_state is not None
    if stateful and (service.dump is None or service.load is None or store is None):
        raise ConfigurationError(f"service {service.name} has a state; give it `dump`, `load` and a state store")
    return [BY_PAYLOAD[kind].name for kind in service.consumes]


async def run_service(
    service: Service[Any],
    bus: Bus,
    states: StateStore | None = None,
    *,
    stop: asyncio.Event,
    settings: LoopSettings = LoopSettings(),
    clock: Clock = now_us,
    tracer: Tracer | None = None,
) -> None:
    """Run a service until ``stop``; the batch in hand is finished first.

    It subscribes before it first suspends: start every reader before the first event is published. A ContractError
    dead-letters its event, a TransientError is retried with backoff and then raised, a ConfigurationError is raised at
    once; whatever else a step raises is a bug and is raised too: start again, the replay gives the same events.
    """
    topics = _topics(service, states)
    consumer = await bus.subscribe(service.name, topics)
    try:
        worker = Worker(service, tracer or telemetry.tracer_of(telemetry.start_tracing()), clock, settings.run)
        loop = _Loop(worker, bus, consumer, states if service.initial_state is not None else None, settings)
        await loop.restore()
        await loop.recover()
        while not stop.is_set():
            records = await consumer.fetch(
                records_max=settings.records_max, bytes_max=settings.bytes_max, wait_s=settings.wait_s
            )
            if records:
                await loop.handle(records)
    finally:
        await consumer.close()
