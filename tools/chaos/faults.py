"""Faults on real processes: injected as planned, healed after their time, and how long until all islands had got on."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import redis

from tools.chaos.fleet import Fleet
from tools.chaos.plan import Fault
from tools.servers import Servers
from tools.servers.process import Process

_TICK_S = 0.1


@dataclass(slots=True)
class Injected:
    """What was done, when (monotonic), and after how many seconds every island had closed another generation."""

    kind: str
    names: tuple[str, ...]
    at_s: float
    generations: dict[int, int]
    recovery_s: float | None = None
    while_running: bool = True


@dataclass(slots=True)
class Injector:
    """Acts on the processes of one run. ``progress``: per island the generation last closed."""

    servers: Servers
    fleet: Fleet
    progress: dict[int, int]
    is_over: Callable[[], bool]
    pace_s: float
    done: list[Injected] = field(default_factory=list)
    _healing: set[asyncio.Task[None]] = field(default_factory=set)
    _brokers_out: set[str] = field(default_factory=set)

    async def inject(self, plan: list[Fault]) -> None:
        """All of it, each when the islands have got on after the one before or its time is up; then wait for the cures.

        What fails to heal is raised.
        """
        for fault in plan:
            while fault.kind == "broker lost" and self._brokers_out:
                await asyncio.sleep(_TICK_S)
            names = self._act(fault)
            if not names:
                continue
            self.done.append(
                Injected(fault.kind, names, time.monotonic(), dict(self.progress), None, not self.is_over())
            )
            await self._until_recovered(self.done[-1])
        await asyncio.gather(*self._healing)

    def noticed(self) -> None:
        """Somebody closed a generation: which faults are over with that?"""
        for each in self.done:
            if each.recovery_s is None and (
                self.is_over() or all(now > each.generations.get(island, -1) for island, now in self.progress.items())
            ):
                each.recovery_s = time.monotonic() - each.at_s

    async def _until_recovered(self, fault: Injected) -> None:
        while fault.recovery_s is None and time.monotonic() - fault.at_s < self.pace_s:
            await asyncio.sleep(_TICK_S)

    def _act(self, fault: Fault) -> tuple[str, ...]:
        match fault.kind:
            case "kill -9":
                return self._kill(fault)
            case "zombie":
                return self._zombie(fault)
            case "rebalance":
                return self._rebalance(fault.wanted[0])
            case "redis flushed":
                self._heal(self._flush())
                return ("redis",)
            case "broker lost":
                return self._lose_broker(fault)
            case _:
                self._heal(self._down(fault.wanted[0], fault.seconds))
                return fault.wanted

    def _kill(self, fault: Fault) -> tuple[str, ...]:
        """At most one broker at a time: of three copies, two must be there for anything to be acknowledged."""
        names: list[str] = []
        members = self.fleet.members
        for name in dict.fromkeys(fault.wanted):
            if name.startswith("kafka"):
                if self._brokers_out:
                    continue
                self._brokers_out.add(name)
                self.servers.kill(name)
                self._heal(self._restart(name))
            elif name in members and name not in self.fleet.stopped:
                self.fleet.kill(name)
            else:
                continue
            names.append(name)
            if len(names) == fault.victims:
                break
        return tuple(names)

    def _zombie(self, fault: Fault) -> tuple[str, ...]:
        members = self.fleet.members
        free = [name for name in fault.wanted if name in members and name not in self.fleet.stopped]
        for name in free[:1]:
            self._heal(self._wake(name, self.fleet.pause(name), fault.seconds))
        return tuple(free[:1])

    def _rebalance(self, name: str) -> tuple[str, ...]:
        """One member more, or if it is there already one less."""
        if name in self.fleet.guests:
            self._heal(asyncio.to_thread(self.fleet.remove, name))
            return (f"{name} leaves",)
        self.fleet.add(name)
        return (f"{name} joins",)

    def _lose_broker(self, fault: Fault) -> tuple[str, ...]:
        """Killed, its disk thrown away; later an empty one with its number takes its place."""
        name = fault.wanted[0]
        self._brokers_out.add(name)
        self.servers.kill(name)
        shutil.rmtree(self.servers.folder / name / "data")
        self._heal(self._restart(name, fault.seconds))
        return (name,)

    async def _restart(self, name: str, after_s: float = 0.0) -> None:
        await asyncio.sleep(after_s)
        await asyncio.to_thread(self.servers.start_one, name)
        self._brokers_out.discard(name)

    async def _flush(self) -> None:
        """As soon as Redis is there: it may be stopped at this moment."""
        client = redis.Redis.from_url(self.servers.urls["redis"])
        while True:
            with contextlib.suppress(redis.ConnectionError):
                client.flushall()
                return
            await asyncio.sleep(_TICK_S)

    async def _down(self, name: str, seconds: float) -> None:
        await asyncio.to_thread(self.servers.stop_one, name)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.servers.start_one, name)

    async def _wake(self, name: str, held: Process, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.fleet.resume(name, held)

    def _heal(self, work: Coroutine[Any, Any, None]) -> None:
        self._healing.add(asyncio.create_task(work))
