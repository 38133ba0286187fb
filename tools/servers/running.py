"""A folder's set of servers: starts, asks, kills, pauses and stops them."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.servers import clickhouse, install, kafka, process, readiness, redis, state
from tools.servers.errors import ServersError
from tools.servers.node import Node, log_of
from tools.servers.state import KINDS, State, names_of

READY_WITHIN_S = 90.0
GRACE_S = 15.0
TAIL_LINES = 25


def quiet(_: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Status:
    """What one server is doing: ``ready``, ``silent`` (runs, does not answer), ``paused`` or ``down``."""

    name: str
    state: str
    pid: int | None
    ports: Mapping[str, int]
    version: str
    rss_mb: int
    log: str


class Servers:
    """The servers of one folder; any program may open it, and what it starts outlives the program."""

    def __init__(self, folder: Path, say: Callable[[str], None] = quiet) -> None:
        self.folder = folder.resolve()
        self.took_s: dict[str, float] = {}
        self._say = say

    @property
    def urls(self) -> dict[str, str]:
        """One URL each under ``kafka``, ``redis`` and ``clickhouse``, as far as they were ever started here."""
        return state.load(self.folder).urls

    @property
    def pids(self) -> dict[str, int | None]:
        """The pid of each server, None for one that does not run."""
        entries = state.load(self.folder).entries
        return {n: e.process.pid if e.process and process.alive(e.process) else None for n, e in entries.items()}

    def start(self, brokers: int | None = None, only: Iterable[str] = KINDS) -> None:
        """Start what of ``only`` does not run, and wait until all of it serves.

        Raises:
            ServersError: Something is missing, did not come up, or runs with another number of brokers.
        """
        kinds = [kind for kind in KINDS if kind in set(only)]
        programs = install.programs(kinds, self._say)
        with state.locked(self.folder):
            now = state.load(self.folder)
            have = len(now.broker_ports)
            if "kafka" in kinds and brokers and have and brokers != have:
                raise ServersError(
                    f"{self.folder} has {have} broker(s), {brokers} asked for; "
                    "first `python -m tools.servers stop --wipe`, or take another --dir"
                )
            wanted = [name for kind in kinds for name in names_of(kind, brokers or have or 1)]
            for kind in kinds:
                runs = any(process.alive(entry.process) for entry in now.of_kind(kind))
                state.settle_ports(now, kind, [name for name in wanted if name.split("-")[0] == kind], keep=runs)
            nodes = [self._node(now, name, programs) for name in wanted]
            self._spawn(now, nodes)
        self._wait(now, nodes)

    def start_one(self, name: str) -> None:
        """Start one server that was here before, with its data, and wait until it serves.

        Raises:
            ServersError: The name is unknown here, or it did not come up.
        """
        programs = install.programs([name.split("-", maxsplit=1)[0]], self._say)
        with state.locked(self.folder):
            now = state.load(self.folder)
            self._known(now, name)
            nodes = [self._node(now, name, programs)]
            self._spawn(now, nodes)
        self._wait(now, nodes)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to one server; after SIGKILL it has ended when this returns.

        Raises:
            ServersError: It does not run.
        """
        entry = self._known(state.load(self.folder), name)
        if entry.process is None or not process.send(entry.process, number):
            raise ServersError(f"{name} does not run in {self.folder}; start it first")
        if number == signal.SIGKILL and process.wait_for_end([entry.process], GRACE_S):
            raise ServersError(f"{name} (pid {entry.process.pid}) did not end on SIGKILL")

    def pause(self, name: str) -> None:
        """Stop the clock for one server (SIGSTOP): it keeps its connections and says nothing, from the return on.

        Raises:
            ServersError: It does not run, or goes on.
        """
        self.kill(name, signal.SIGSTOP)
        at = self._known(state.load(self.folder), name).process
        if at is None or not process.wait_until_paused(at, GRACE_S):
            raise ServersError(f"{name} did not stop on SIGSTOP")

    def resume(self, name: str) -> None:
        """Let a paused server go on (SIGCONT)."""
        self.kill(name, signal.SIGCONT)

    def stop_one(self, name: str) -> None:
        """End one server in good order; its data stays."""
        self._end([name], GRACE_S)

    def stop(self, wipe: bool = False) -> list[str]:
        """End every server that was started here and say which ran; ``wipe`` drops the data and the ports too."""
        names = list(state.load(self.folder).entries)
        ended = self._end(names, 0.0 if wipe else GRACE_S) if names else []
        if wipe:
            for name in names:
                shutil.rmtree(self.folder / name, ignore_errors=True)
            for left in (state.FILE, "lock", "guard.log"):
                (self.folder / left).unlink(missing_ok=True)
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()
        return ended

    def status(self) -> list[Status]:
        """What each server of this folder is doing; asks each over its own protocol."""
        now = state.load(self.folder)
        return [self._status(now, name) for name in now.entries]

    def log_tail(self, name: str, lines: int = TAIL_LINES) -> str:
        """The last lines that a server wrote."""
        path = log_of(self.folder / name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _known(self, now: State, name: str) -> state.Entry:
        if name not in now.entries:
            raise ServersError(f"no server {name!r} in {self.folder}; there: {', '.join(now.entries) or 'none'}")
        return now.entries[name]

    def _node(self, now: State, name: str, programs: Mapping[str, str]) -> Node:
        folder, entry = self.folder / name, now.entries[name]
        if entry.kind == "kafka":
            return kafka.node(int(name[6:]), now.broker_ports, folder, programs)
        return (redis if entry.kind == "redis" else clickhouse).node(entry.ports, folder, programs)

    def _spawn(self, now: State, nodes: Sequence[Node]) -> None:
        """Start those that do not run; each is in the file before the next one starts."""
        down = [node for node in nodes if not process.alive(now.entries[node.name].process)]
        for node in down:
            node.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.prepare(), down))
        for node in down:
            entry = now.entries[node.name]
            entry.version = node.version
            entry.process = process.spawn(node.command, node.log, os.environ)
            state.save(self.folder, now)

    def _wait(self, now: State, nodes: Sequence[Node]) -> None:
        began = time.monotonic()
        left = list(nodes)
        while left:
            for node in list(left):
                if _answers(now, node.name):
                    self.took_s[node.name] = round(time.monotonic() - began, 2)
                    left.remove(node)
                elif not process.alive(state.load(self.folder).entries[node.name].process):
                    raise self._failed(node.name, "ended at its start")
            if left and time.monotonic() - began > READY_WITHIN_S:
                raise self._failed(left[0].name, f"does not serve after {READY_WITHIN_S:.0f} s")
            if left:
                time.sleep(0.05)

    def _failed(self, name: str, what: str) -> ServersError:
        path = log_of(self.folder / name)
        return ServersError(f"{name} {what}; the end of its log, {path}:\n{self.log_tail(name)}")

    def _end(self, names: Sequence[str], grace_s: float) -> list[str]:
        with state.locked(self.folder):
            now = state.load(self.folder)
            found = {name: self._known(now, name).process for name in names}
            running = {name: at for name, at in found.items() if at is not None and process.alive(at)}
            process.end(list(running.values()), grace_s)
            for name in names:
                now.entries[name].process = None
            state.save(self.folder, now)
        return list(running)

    def _status(self, now: State, name: str) -> Status:
        entry = now.entries[name]
        at = entry.process if process.alive(entry.process) else None
        if at is None:
            word = "down"
        elif process.paused(at):
            word = "paused"
        else:
            word = "ready" if _answers(now, name) else "silent"
        log = str(log_of(self.folder / name))
        return Status(name, word, at and at.pid, entry.ports, entry.version, process.rss_mb(at) if at else 0, log)


def _answers(now: State, name: str) -> bool:
    entry = now.entries[name]
    return readiness.answers(entry.kind, entry.ports["client"], int(name[6:]) if entry.kind == "kafka" else 1)
