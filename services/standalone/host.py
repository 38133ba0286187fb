"""The host: all services of a run in one process, from set-up to the last event, with nothing left behind."""

import asyncio
import signal
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from common.adapters.memory_bus import MemoryBus
from common.backtest.arena import Arena
from common.events.codec import encode
from common.events.event import Event, Payload, event_id
from common.events.public import ControlIssued
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.ports import StateStore, Store
from common.run import topics
from common.run.folder import RunFolder
from common.run.loop import now_us, run_service
from common.run.open import open_bus, open_states, open_store
from common.run.retry import LoopSettings
from common.run.stretches import feed, histories
from common.service import Service
from common.telemetry import start_tracing, tracer_of
from deployer.state import PaperState
from evaluator.resources import EvaluatorSettings, read_settings, resources_of
from recorder.record import run_recorder
from selector.service import SERVICE as SELECTOR
from selector.state import IslandState
from standalone import watcher
from standalone.chronicle import Chronicle
from standalone.interrupt import StoppedAtOnceError
from standalone.live import View
from standalone.outcome import publish_champions
from standalone.overview import overview
from standalone.recovery_points import DEFAULTS, Keeper, PointSettings
from standalone.seeds import Inbox
from standalone.services import breeders, desk, with_tap
from standalone.session_clock import SessionClock
from standalone.setup import prepare_all
from standalone.watchdog import Watchdog

TICK_S = 0.2
FLUSH_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What has no effect on results. ``limit_s``: when to stop breeding; ``began``: the command's start, monotonic."""

    workers: int
    store: bool
    traces: str
    limit_s: float | None
    began: float
    evaluator: EvaluatorSettings = field(default_factory=read_settings)
    points: PointSettings = DEFAULTS


@dataclass(frozen=True, slots=True)
class Final:
    """What the stateful services ended with."""

    islands: list[IslandState]
    paper: PaperState


class Host:
    """One session of one run."""

    def __init__(
        self, folder: RunFolder, spec: RunSpec, bars: Sequence[Bars], settings: HostSettings, view: View
    ) -> None:
        self.folder, self.spec, self.bars, self.settings, self.view = folder, spec, bars, settings, view
        self.chronicle = Chronicle.open(folder.journal, folder.family)
        self.stopped_by = ""
        self._phase = "preparing"
        self._interrupts = 0
        self._breeding = True
        self._clock = SessionClock(self.chronicle, settings.began)
        self._started = 0.0
        self._flushed = 0.0

    async def run(self) -> Final:
        """Run until the end that was asked for, or Ctrl-C; everything is stopped and closed on return.

        A second Ctrl-C raises StoppedAtOnceError: what has been reached is saved, the rest is left.
        """
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self.settings.workers + 8))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        try:
            arenas = await self._prepare(loop)
            final = await (self._stored() if self._interrupts else self._serve(arenas))
            if self._interrupts > 1:
                raise StoppedAtOnceError
            return final
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            self.chronicle.flush()

    def timing(self) -> dict[str, Any]:
        """For run.json: seconds over all sessions, and how it ended."""
        self._clock.save(time.monotonic())
        seconds = {name: round(self._clock.total(name), 3) for name in ("setup_s", "evolution_s", "wall_s")}
        return {**seconds, "stopped_by": self.stopped_by, "finished": self.stopped_by in ("generations", "minutes")}

    async def _prepare(self, loop: asyncio.AbstractEventLoop) -> list[Arena]:
        """Set up; the first Ctrl-C lets it come to the end of its step, the second leaves its threads behind."""
        preparing = asyncio.ensure_future(
            prepare_all(self.spec, self.bars, self.settings.workers, lambda: not self._interrupts)
        )
        while not preparing.done():
            self._show()
            if self._interrupts > 1:
                # The loop waits for its executor when it closes, and nothing interrupts a compiler.
                loop.set_default_executor(ThreadPoolExecutor(1))
                raise StoppedAtOnceError
            await asyncio.wait([preparing], timeout=TICK_S)
        if self._interrupts:
            self.stopped_by = "interrupt"
        return preparing.result()

    async def _stored(self) -> Final:
        """What an earlier session ended with; nothing for a run that has not begun."""
        states = open_states(self.folder.states)
        try:
            return await _final(states)
        finally:
            await states.close()

    async def _serve(self, arenas: Sequence[Arena]) -> Final:
        resources = resources_of(self.settings.evaluator, arenas, self.settings.workers, self.spec.islands)
        bus = open_bus("memory://")
        states = open_states(self.folder.states)
        store = open_store(f"chdb://{self.folder.store.absolute()}") if self.settings.store else None
        tracing = start_tracing(self.settings.traces)
        try:
            await bus.create(topics.plans())
            begun = await _saved(states, SELECTOR)
            consumer = await watcher.subscribe(bus)
            watch = watcher.Watcher(consumer, self.chronicle, self.view.say, self._news)
            stop = asyncio.Event()
            tasks = self._tasks(bus, states, store, breeders(arenas, resources), stop, tracer_of(tracing))
            watching = asyncio.create_task(watch.watch(), name="host")
            keeper = Keeper(self.folder, states, bus.log_id, self.settings.points)
            keeping = asyncio.create_task(keeper.keep(self._closed, self._news), name="recovery points")
            try:
                await asyncio.sleep(0)  # every reader has subscribed now
                # An island that has only answered seeds recovers nothing; the others drop what they have closed.
                is_begun = [state.generation >= 0 for state in begun]
                await self._begin(bus, is_new=len(begun) < self.spec.islands or not all(is_begun))
                await self._evolve(bus, [*tasks, watching])
            finally:
                stop.set()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                watching.cancel()
                keeping.cancel()
                watched = await asyncio.gather(watching, keeping, return_exceptions=True)
            for error in [*ended, *watched]:
                if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
                    raise error
            return await _final(states)
        finally:
            await bus.close()
            await states.close()
            if resources.cache is not None:
                resources.cache.close()
            if store is not None:
                store.close()
            tracing.shutdown()

    def _tasks(
        self,
        bus: Any,
        states: StateStore,
        store: Store | None,
        breeding: Sequence[Service[Any]],
        stop: asyncio.Event,
        tracer: Any,
    ) -> list[asyncio.Task[None]]:
        """One task a member; evaluators take one cohort at a time, so that a free one finds work."""
        generator, evaluator, selector = breeding
        one, many = LoopSettings(records_max=1, run=self.spec), LoopSettings(run=self.spec)
        members = [
            (with_tap(generator, lambda: self._breeding), many),
            *[(evaluator, one)] * self.settings.workers,
            (desk(histories(self.spec, self.bars)), many),
            (selector, many),  # the last: what it recovers, all others are there to read
        ]

        def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            return asyncio.create_task(work, name=name)

        tasks = [] if store is None else [start(run_recorder(bus, store, stop=stop), "recorder")]
        return tasks + [
            start(run_service(service, bus, states, stop=stop, settings=settings, tracer=tracer), service.name)
            for service, settings in members
        ]

    async def _begin(self, bus: Any, is_new: bool) -> None:
        named: list[tuple[str, Payload]] = [(bars.instrument, bars) for bars in feed(self.spec, self.bars)]
        if is_new:
            named.append(("run", ControlIssued(action="start")))
        messages = []
        for index, (key, payload) in enumerate(named):
            event = Event(payload, key, self.spec, event_id(self.spec, payload, (key, str(index))), time_us=now_us())
            messages.append(encode(event, "cli"))
        await bus.publish(messages)

    async def _evolve(self, bus: Any, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Watch over the run until it has come to rest; a task that ends before is a failure, raised by the caller."""
        inbox = Inbox(self.folder, self.view.say)
        self._phase, self._started = "evolving", time.monotonic()
        self._clock.start(self._started, self.chronicle.progress.evaluated())
        dog = Watchdog(self.spec.islands, self._started)
        while not any(task.done() for task in tasks) and self._interrupts < 2:
            if messages := await inbox.new(self.spec.run_id):
                await bus.publish(messages)
            self._tick()
            now = time.monotonic()
            assert isinstance(bus, MemoryBus)
            left = bus.size_bytes()
            dog.see(now, left, {island: kept.header.generation for island, kept in self.chronicle.breeding.items()})
            if self._breeding and not self._all_final():
                dog.check(now)
            elif left == 0 or dog.is_still(now):
                break
            await asyncio.sleep(TICK_S)
        self._tick()

    def _tick(self) -> None:
        now = time.monotonic()
        self._clock.tick(now, self.chronicle.progress.evaluated())
        limit_s = self.settings.limit_s
        if self._breeding and (self._interrupts or (limit_s is not None and now - self._started >= limit_s)):
            self._breeding, self._phase = False, "finishing"
            self.stopped_by = "interrupt" if self._interrupts else "minutes"
        if self._breeding and self._all_final():
            self._phase, self.stopped_by = "finishing", "generations"
        if now - self._flushed >= FLUSH_EVERY_S:
            self._news()
        self._show()

    def _closed(self) -> int:
        """The last generation that every island is known to have closed, -1 for none."""
        closed = [cohort.header.generation for cohort in self.chronicle.breeding.values()]
        return min(closed) if len(closed) == self.spec.islands else -1

    def _all_final(self) -> bool:
        finals = [cohort.header.final for cohort in self.chronicle.breeding.values()]
        return len(finals) == self.spec.islands and all(finals)

    def _news(self) -> None:
        """Write down what has come; called at once when it is a champion."""
        self._flushed = time.monotonic()
        self._clock.save(self._flushed)
        self.chronicle.flush()
        publish_champions(self.folder, self.chronicle, self.spec, self.bars)

    def _interrupt(self) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self.view.say("stopping: what is in hand is finished first; Ctrl-C again stops at once, nothing is lost")

    def _show(self) -> None:
        elapsed_s = time.monotonic() - self.settings.began
        evolution_s = self._clock.total("evolution_s")
        self.view.show(overview(self.chronicle, self.spec, self._phase, elapsed_s, evolution_s))


async def _final(states: StateStore) -> Final:
    paper = await _saved(states, desk(()))
    return Final(await _saved(states, SELECTOR), paper[0] if paper else PaperState())


async def _saved(states: StateStore, service: Service[Any]) -> list[Any]:
    """The states of a service as last saved, by key."""
    assert service.load is not None
    found = await states.load(service.name, "")
    return [service.load(saved.data) for _, saved in sorted(found.items())]
