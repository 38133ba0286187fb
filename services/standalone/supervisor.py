"""The supervisor: keeps processes running, starts them again when they end or stand still, and leaves none behind."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import ConfigurationError
from common.run.health import LIVE, READY, ask
from common.run.process import EXIT_AGAIN, EXIT_CONFIGURATION

HOST = "127.0.0.1"
GRACE_S = 30.0
"""From SIGTERM to SIGKILL: the cohort in hand is finished meanwhile."""
START_S = 180.0
"""So long may a process take until it first answers."""
FAILURES_MAX = 10
"""In a row, none of them after it had worked for a while."""
_SETTLED_S = 60.0
_LOOK_S, _LOOK_READY_S = 0.3, 2.0
_SILENCES_MAX = 3
_PAUSE_S, _PAUSE_S_MAX, _DOUBLINGS_MAX = 0.5, 10.0, 10
_TAIL_BYTES = 16_384


@dataclass
class Member:
    """One process; ``name`` is ``evaluator-1``, ``service`` the module to run."""

    name: str
    service: str
    log: Path
    process: asyncio.subprocess.Process | None = None
    port: int = 0
    is_wanted: bool = True
    was_ready: bool = False
    """Ever."""
    ready_s: float | None = None
    """When it became ready in this life, monotonic clock."""
    has_stood_still: bool = False
    """In this life."""
    ends: int = 0
    """In a row, none of them after it had worked for a while."""
    failures: int = 0
    """Those of them for which nothing outside is to blame."""
    restarts: int = 0


@dataclass
class Supervisor:
    """``environment``: of every process, beside what this one has; ``say`` is told of what people should know."""

    members: Sequence[Member]
    environment: Mapping[str, str]
    say: Callable[[str], None]
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def start(self) -> None:
        """Start them all, and keep them running from now on."""
        for member in self.members:
            self._tasks[member.name] = asyncio.create_task(self._keep(member), name=member.name)

    def is_ready(self) -> bool:
        """Whether every process has said once that it is ready."""
        return all(member.was_ready for member in self.members)

    def unready(self) -> str:
        """Those that have never said so, each with its last words."""
        late = [member for member in self.members if not member.was_ready]
        return "; ".join(f"{each.name}: {_last_words(each.log)} (all of it: {each.log})" for each in late)

    def errors(self) -> list[BaseException]:
        """Why processes were given up; empty while all is well."""
        done = [task for task in self._tasks.values() if task.done() and not task.cancelled()]
        return [error for task in done if (error := task.exception()) is not None]

    async def stop(self, *services: str) -> None:
        """End the processes of these services (none named: all) in good order; those that take too long are killed."""
        chosen = [each for each in self.members if each.service in services or not services]
        for member in chosen:
            member.is_wanted = False
            _send(member, signal.SIGTERM)
            if member.process is not None and member.process.returncode is not None:
                self._tasks[member.name].cancel()  # it waits to start it again
        tasks = [self._tasks[member.name] for member in chosen if member.name in self._tasks]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=GRACE_S)
        if late:
            names = ", ".join(sorted(task.get_name() for task in late))
            self.say(f"killed, since it did not end within {GRACE_S:.0f} s: {names}")
            self.kill(*services)
            await asyncio.wait(late)

    def kill(self, *services: str) -> None:
        """SIGKILL to the processes of these services (none named: to all)."""
        for member in self.members:
            if member.service in services or not services:
                member.is_wanted = False
                _send(member, signal.SIGKILL)

    async def _keep(self, member: Member) -> None:
        while member.is_wanted:
            await self._spawn(member)
            code = await self._watch(member)
            if member.is_wanted:
                self._judge(member, code)
                pause_s = min(_PAUSE_S_MAX, _PAUSE_S * 2.0 ** min(member.ends, _DOUBLINGS_MAX))
                self.say(f"{member.name} ended with {_ended(code)}; again in {pause_s:.1f} s")
                member.restarts += 1
                await asyncio.sleep(pause_s)

    async def _spawn(self, member: Member) -> None:
        member.port, member.ready_s, member.has_stood_still = _free_port(), None, False
        ours = {"GALAPAGOS_HEALTH_PORT": str(member.port), "GALAPAGOS_SUPERVISOR": str(os.getpid())}
        member.log.parent.mkdir(parents=True, exist_ok=True)
        with member.log.open("ab") as log:
            member.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", member.service),
                env={**os.environ, **self.environment, **ours},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at a terminal goes to the supervisor, which forwards it
            )
        if not member.is_wanted:  # told to stop meanwhile
            _send(member, signal.SIGTERM)

    async def _watch(self, member: Member) -> int:
        """Until it has ended; one that stands still is killed."""
        process, began_s, silences, has_answered = member.process, time.monotonic(), 0, False
        assert process is not None
        while True:
            with contextlib.suppress(TimeoutError):
                pause_s = _LOOK_S if member.ready_s is None else _LOOK_READY_S
                async with asyncio.timeout(pause_s):
                    return await process.wait()
            status = await ask(HOST, member.port, LIVE)
            has_answered |= status is not None
            silences = 0 if status == 200 else silences + 1
            if member.ready_s is None and await ask(HOST, member.port, READY) == 200:
                member.was_ready, member.ready_s = True, time.monotonic()
            is_late = time.monotonic() - began_s > START_S
            if member.is_wanted and ((silences >= _SILENCES_MAX and has_answered) or (is_late and not has_answered)):
                self.say(f"{member.name} stands still and is killed")
                member.has_stood_still = True
                _send(member, signal.SIGKILL)

    def _judge(self, member: Member, code: int) -> None:
        """Raise ConfigurationError or RuntimeError when there is no use in starting it again.

        Whoever is killed for want of memory whenever it works ends as often as one that is broken. What is only to be
        started again waits for something outside, however long that is away.
        """
        if code == EXIT_CONFIGURATION:
            raise ConfigurationError(f"{member.name}: {_last_words(member.log)}")
        has_worked = member.ready_s is not None and time.monotonic() - member.ready_s >= _SETTLED_S
        if has_worked and not member.has_stood_still:
            member.ends = member.failures = 0
        member.ends += 1
        member.failures += code != EXIT_AGAIN
        if member.failures >= FAILURES_MAX:
            raise RuntimeError(
                f"{member.name} failed {member.failures} times in a row, the last time with {_ended(code)}: "
                f"{_last_words(member.log)} (all of it: {member.log})"
            )


def _ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _send(member: Member, number: int) -> None:
    if member.process is not None and member.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            member.process.send_signal(number)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port


def _last_words(log: Path) -> str:
    """The message of the last line that a process wrote."""
    if not log.exists():
        return "it has not been started"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it said nothing"
    with contextlib.suppress(ValueError, TypeError, KeyError):
        last = json.loads(last)["message"]
    return last
