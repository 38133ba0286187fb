"""All services of a run in this process, on a bus in memory."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from common.adapters.memory_bus import MemoryBus
from common.backtest.arena import Arena
from common.events.catalogue import CATALOGUE
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.ports import StateStore
from common.run import topics
from common.run.dead_letter import SUFFIX
from common.run.folder import RunFolder
from common.run.loop import run_service
from common.run.open import open_bus, open_states, open_store
from common.run.retry import LoopSettings
from common.run.stretches import histories
from common.service import Service
from common.telemetry import start_tracing, tracer_of
from evaluator.resources import EvaluatorSettings, resources_of
from recorder.record import run_recorder
from selector.service import SERVICE as SELECTOR
from standalone import watchdog
from standalone.services import breeders, desk, with_tap
from standalone.setup import prepare_all


class LocalCrew:
    """See ``Crew``. ``workers`` evaluators; ``store``: whether a recorder writes into the run's folder."""

    # Every topic and its dead letters: then the bus keeps nothing that nobody reads, and empty means done.
    watched: Sequence[str] = tuple(topic.name + suffix for topic in CATALOGUE for suffix in ("", SUFFIX))
    sees_answers, keep_s = True, 0.0
    bus: MemoryBus
    states: StateStore

    def __init__(
        self,
        folder: RunFolder,
        spec: RunSpec,
        bars: Sequence[Bars],
        *,
        workers: int,
        store: bool,
        traces: str,
        evaluator: EvaluatorSettings,
    ) -> None:
        self._folder, self._spec, self._bars, self._workers, self._evaluator = folder, spec, bars, workers, evaluator
        self._with_store, self._traces = store, traces
        self.patience_s = watchdog.STALLED_S
        self._arenas: Sequence[Arena] = ()
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._is_breeding = True
        self._closing: list[Callable[[], Any]] = []

    async def open(self) -> None:
        """See ``Crew``."""
        bus = open_bus("memory://")
        assert isinstance(bus, MemoryBus)
        self.bus, self.states = bus, open_states(self._folder.states)
        await self.bus.create(topics.plans())

    async def prepare(self, is_wanted: Callable[[], bool]) -> None:
        """See ``Crew``."""
        self._arenas = await prepare_all(self._spec, self._bars, self._workers, is_wanted)

    def start(self) -> None:
        """One task a member; evaluators take one cohort at a time, so that a free one finds work."""
        resources = resources_of(self._evaluator, self._arenas, self._workers, self._spec.islands)
        if resources.cache is not None:
            self._closing.append(resources.cache.close)
        generator, evaluator, _ = breeders(self._arenas, resources)
        tracing = start_tracing(self._traces)
        self._closing.append(tracing.shutdown)
        one, many = LoopSettings(records_max=1, run=self._spec), LoopSettings(run=self._spec)
        members: list[tuple[Service[Any], LoopSettings]] = [
            (with_tap(generator, lambda: self._is_breeding), many),
            *[(evaluator, one)] * self._workers,
            (desk(histories(self._spec, self._bars)), many),
            (SELECTOR, many),  # the last: what it recovers, all others are there to read
        ]
        if self._with_store:
            store = open_store(f"chdb://{self._folder.store.absolute()}")
            self._closing.append(store.close)
            self._begin(run_recorder(self.bus, store, stop=self._stop), "recorder")
        for service, loop in members:
            self._begin(
                run_service(service, self.bus, self.states, stop=self._stop, settings=loop, tracer=tracer_of(tracing)),
                service.name,
            )

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def has_failed(self) -> bool:
        """See ``Crew``."""
        return any(task.done() for task in self._tasks)

    async def left(self, *, soon: bool) -> int:
        """Bytes on the bus."""
        return self.bus.size_bytes()

    def behind(self) -> str:
        """See ``Crew``."""
        return f"{self.bus.size_bytes():,} bytes are left on the bus"

    async def stop_breeding(self) -> None:
        """See ``Crew``."""
        self._is_breeding = False

    async def stop(self) -> list[BaseException]:
        """See ``Crew``."""
        self._stop.set()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        return [error for error in ended if isinstance(error, BaseException)]

    async def close(self) -> None:
        """See ``Crew``."""
        await self.bus.close()
        await self.states.close()
        for close in self._closing:
            close()
