"""The run loop: fetch a batch, step it in a thread, publish, keep state and offsets in one write, commit."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from opentelemetry.trace import Tracer

from common import telemetry
from common.errors import ConfigurationError
from common.events.catalogue import BY_PAYLOAD
from common.ports import Bus, Consumer, Partition, Record, StateStore
from common.run.batch import Clock, Worker
from common.run.pulse import Pulse
from common.run.retry import DEFAULTS, LoopSettings, commit, retry
from common.run.shards import Shards
from common.run.watched import publish, watched
from common.service import Service
from common.telemetry import Metrics


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


class _Stateless:
    """Steps all records of a batch together; what is published is committed."""

    def __init__(self, worker: Worker, bus: Bus, consumer: Consumer, settings: LoopSettings) -> None:
        self.worker, self.bus, self.consumer, self.settings = worker, bus, consumer, settings
        self.done: dict[Partition, int] = {}

    async def handle(self, records: Sequence[Record]) -> None:
        outcome = await retry(lambda: asyncio.to_thread(self.worker.work, {}, records), self.settings)
        await publish(self.bus, outcome.messages, self.worker.service.name, self.worker.metrics, self.settings)
        self.done.update(outcome.offsets)
        await self.idle()

    async def idle(self) -> None:
        """Commit what is done, until it has worked: a rebalance may swallow a commit, and no record may follow."""
        self.done = {at: offset for at, offset in self.done.items() if at in self.consumer.assignment}
        if self.done and await commit(self.consumer, self.done, self.worker.service.name):
            self.done.clear()


def _topics(service: Service[Any], store: StateStore | None) -> list[str]:
    """The topics it reads. Raises ConfigurationError for a service that cannot run."""
    if unknown := [kind.__name__ for kind in (*service.consumes, *service.produces) if kind not in BY_PAYLOAD]:
        raise ConfigurationError(f"service {service.name}: {unknown[0]} is no event; use a class of the catalogue")
    stateful = service.initial_state is not None
    if stateful and (service.dump is None or service.load is None or store is None):
        raise ConfigurationError(f"service {service.name} has a state; give it `dump`, `load` and a state store")
    return service.reads


async def run_service(
    service: Service[Any],
    bus: Bus,
    states: StateStore | None = None,
    *,
    stop: asyncio.Event,
    settings: LoopSettings = DEFAULTS,
    clock: Clock = now_us,
    tracer: Tracer | None = None,
    pulse: Pulse | None = None,
    metrics: Metrics = telemetry.OFF,
) -> None:
    """Run a service until ``stop``; the batch in hand is finished first.

    It subscribes before it first suspends: start every reader before the first event is published. A ContractError
    dead-letters its event, a TransientError is retried with backoff and then raised, a ConfigurationError is raised at
    once; whatever else a step raises is a bug and is raised too: start again, the replay gives the same events.
    """
    topics, pulse = _topics(service, states), pulse or Pulse()
    consumer = await retry(lambda: bus.subscribe(service.name, topics), settings)
    try:
        tracer = tracer or telemetry.tracer_of(telemetry.start_tracing())
        worker = Worker(service, tracer, clock, settings.run, metrics)
        with watched(bus, consumer, service.name, topics, metrics):
            stateful = None
            if states is not None and service.initial_state is not None:
                stateful = Shards(worker, bus, consumer, states, settings)
                await stateful.follow()
            handler = stateful or _Stateless(worker, bus, consumer, settings)
            while not stop.is_set():
                records = await consumer.fetch(
                    records_max=settings.records_max, bytes_max=settings.bytes_max, wait_s=settings.wait_s
                )
                pulse.beat(len(records), len(consumer.assignment))
                await (handler.handle(records) if records else handler.idle())
            if stateful is not None:
                await stateful.save(at_once=True)
    finally:
        await consumer.close()
