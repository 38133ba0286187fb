"""Server processes that outlive the program that started them, told from strangers by pid and start time."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.02


class Process(NamedTuple):
    """A process, even after its pid went to another one: ``started`` counts clock ticks since boot."""

    pid: int
    started: int


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def identify(pid: int) -> Process | None:
    """The live process that has this pid now; None when it has ended, reaped or not."""
    fields = _stat(pid)
    return None if not fields or fields[0] in "ZX" else Process(pid, int(fields[19]))


def alive(process: Process | None) -> bool:
    """Whether exactly this process still runs (a stopped one does); a child of ours that ended is reaped."""
    if process is None:
        return False
    with contextlib.suppress(ChildProcessError):  # somebody else's child, or reaped before
        os.waitpid(process.pid, os.WNOHANG)
    return identify(process.pid) == process


def paused(process: Process) -> bool:
    """Whether it is stopped by SIGSTOP."""
    return _stat(process.pid)[:1] == ["T"]


def wait_until_paused(process: Process, within_s: float) -> bool:
    """Wait until SIGSTOP has had its effect; whether it has."""
    deadline = time.monotonic() + within_s
    while not paused(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def rss_mb(process: Process) -> int:
    """Memory that it holds, in MiB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:")), 0)


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
    """Start ``command`` (an absolute path first) in a session of its own, its output appended to ``log``."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(command[0], list(command), dict(environment), file_actions=files, setsid=True)
    return identify(pid) or Process(pid, 0)


def send(process: Process, number: int) -> bool:
    """Send a signal to exactly this process; False when it has ended. A recycled pid is never hit."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if identify(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def wait_for_end(processes: Iterable[Process], wait_s: float) -> list[Process]:
    """Those that still run after ``wait_s``."""
    deadline = time.monotonic() + wait_s
    left = [process for process in processes if alive(process)]
    while left and time.monotonic() < deadline:
        time.sleep(POLL_S)
        left = [process for process in left if alive(process)]
    return left


def end(processes: Sequence[Process], grace_s: float) -> None:
    """Ask all of them to end; after ``grace_s`` kill the rest. Paused ones are woken first."""
    for process in processes:
        if grace_s > 0:
            send(process, signal.SIGTERM)
            send(process, signal.SIGCONT)
    for process in wait_for_end(processes, grace_s):
        send(process, signal.SIGKILL)
    wait_for_end(processes, 10.0)
