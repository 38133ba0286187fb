"""The host of a run: from set-up to the last event, whoever does the work, with nothing left behind."""

import asyncio
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from common.events.spec import RunSpec
from common.market.bars import Bars
from common.run.folder import RunFolder
from common.run.retry import retry
from deployer.state import PaperState
from evaluator.resources import EvaluatorSettings, read_settings
from selector.service import SERVICE as SELECTOR
from selector.state import IslandState
from standalone.chronicle import Chronicle
from standalone.crew import Crew, saved
from standalone.interrupt import StoppedAtOnceError
from standalone.live import View
from standalone.opening import PATIENT, Post, opening
from standalone.outcome import publish_champions
from standalone.overview import overview
from standalone.recovery_points import DEFAULTS, Keeper, PointSettings
from standalone.seeds import Inbox
from standalone.services import desk
from standalone.session_clock import SessionClock
from standalone.watchdog import Watchdog
from standalone.watcher import Watcher

TICK_S = 0.2
FLUSH_EVERY_S = 1.0
ANSWERS_S = 10.0
"""After the last generation: so long are seeds still answered before the breeders stop. People may publish for ever."""
WAITS_S = 15.0
"""So often it is said for what a run waits that is finishing."""


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
        self, folder: RunFolder, spec: RunSpec, bars: Sequence[Bars], settings: HostSettings, view: View, crew: Crew
    ) -> None:
        self.folder, self.spec, self.bars, self.settings, self.view = folder, spec, bars, settings, view
        self.crew = crew
        self.chronicle = Chronicle.open(folder.journal, folder.family)
        self.stopped_by = ""
        self._phase = "preparing"
        self._interrupts = 0
        self._breeding = self._is_open = True
        self._final_s: float | None = None
        self._behind, self._told_s = "", 0.0
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
            await self.crew.open()
            try:
                await self._prepare(loop)
                if not self._interrupts:
                    await self._serve()
                if self._interrupts > 1:
                    raise StoppedAtOnceError
                return await self._final()
            finally:
                await self.crew.close()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            self.chronicle.flush()

    def timing(self) -> dict[str, Any]:
        """For run.json: seconds over all sessions, and how it ended."""
        self._clock.save(time.monotonic())
        seconds = {name: round(self._clock.total(name), 3) for name in ("setup_s", "evolution_s", "wall_s")}
        finished = self.stopped_by in ("generations", "minutes") and not self._behind
        return {**seconds, "stopped_by": self.stopped_by, "finished": finished}

    async def _prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set up; the first Ctrl-C lets it come to the end of its step, the second leaves its threads behind."""
        preparing = asyncio.ensure_future(self.crew.prepare(lambda: not self._interrupts))
        while not preparing.done():
            self._show()
            if self._interrupts > 1:
                # The loop waits for its executor when it closes, and nothing interrupts a compiler.
                loop.set_default_executor(ThreadPoolExecutor(1))
                raise StoppedAtOnceError
            await asyncio.wait([preparing], timeout=TICK_S)
        if self._interrupts:
            self.stopped_by = "interrupt"
        preparing.result()

    async def _final(self) -> Final:
        """What the services ended with, in this session or an earlier one; nothing for a run that has not begun."""
        paper = await saved(self.crew.states, desk(()))
        return Final(await saved(self.crew.states, SELECTOR), paper[0] if paper else PaperState())

    async def _serve(self) -> None:
        crew = self.crew
        begun = await saved(crew.states, SELECTOR)
        watch = Watcher(crew.bus, crew.watched, self.chronicle, self.view.say, self._news, crew.keep_s)
        await watch.subscribe()
        keeper = Keeper(self.folder, crew.states, crew.bus.log_id, self.settings.points)
        beside: list[asyncio.Task[None]] = []
        try:
            self._news()  # from here on it has begun
            crew.start()
            beside.append(asyncio.create_task(watch.watch(), name="host"))
            beside.append(asyncio.create_task(keeper.keep(self._closed, self._news), name="recovery points"))
            await asyncio.sleep(0)  # every reader has subscribed now
            # An island that has only answered seeds recovers nothing; the others drop what they have closed.
            is_begun = [state.generation >= 0 for state in begun]
            is_new = len(begun) < self.spec.islands or not all(is_begun)
            messages = opening(self.spec, self.bars, is_new=is_new)
            await retry(lambda: crew.bus.publish(messages), PATIENT)
            await self._evolve(beside)
        finally:
            ended = await crew.stop()
            for task in beside:
                task.cancel()
            ended += [each for each in await asyncio.gather(*beside, return_exceptions=True) if each is not None]
        for error in ended:
            if not isinstance(error, asyncio.CancelledError):
                raise error

    async def _evolve(self, beside: Sequence[asyncio.Task[None]]) -> None:
        """Watch over the run until it has come to rest; what ends before is a failure, raised by the caller."""
        crew, post = self.crew, Post(Inbox(self.folder, self.view.say), self.crew.bus, self.spec.run_id)
        self._phase, self._started = "evolving", time.monotonic()
        self._clock.start(self._started, self.chronicle.progress.evaluated())
        dog = Watchdog(self.spec.islands, self._started, crew.patience_s)
        try:
            while not any(task.done() for task in beside) and not crew.has_failed() and self._interrupts < 2:
                await post.tick()
                self._tick()
                if self._is_open and self._is_over():
                    self._is_open = False
                    await crew.stop_breeding()
                left = await crew.left(soon=not self._breeding or self._all_final())
                now = time.monotonic()
                dog.see(now, left, {island: kept.header.generation for island, kept in self.chronicle.breeding.items()})
                if self._breeding and not self._all_final():
                    dog.check(now)
                elif left == 0 and post.is_done:
                    break
                elif dog.is_still(now):
                    self._behind = crew.behind()
                    self.view.say(f"stopped before everything was done, nothing moves any more: {self._behind}")
                    break
                else:
                    self._tell_waiting(now)
                await asyncio.sleep(TICK_S)
        finally:
            await post.close()
        self._tick()

    def _tell_waiting(self, now: float) -> None:
        self._told_s = self._told_s or now
        if now - self._told_s >= WAITS_S:
            self._told_s = now
            self.view.say(f"finishing, and waiting: {self.crew.behind()}")

    def _tick(self) -> None:
        now = time.monotonic()
        self._clock.tick(now, self.chronicle.progress.evaluated())
        limit_s = self.settings.limit_s
        if self._breeding and (self._interrupts or (limit_s is not None and now - self._started >= limit_s)):
            self._breeding, self._phase = False, "finishing"
            self.stopped_by = "interrupt" if self._interrupts else "minutes"
        if self._breeding and self._all_final():
            self._phase, self.stopped_by = "finishing", "generations"
            self._final_s = self._final_s or now
        if now - self._flushed >= FLUSH_EVERY_S:
            self._news()
        self._show()

    def _closed(self) -> int:
        """The last generation that every island is known to have closed, -1 for none."""
        closed = [cohort.header.generation for cohort in self.chronicle.breeding.values()]
        return min(closed) if len(closed) == self.spec.islands else -1

    def _is_over(self) -> bool:
        """Whether nobody has to breed any more, or to answer seeds."""
        return not self._breeding or (self._final_s is not None and time.monotonic() - self._final_s > ANSWERS_S)

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
