"""The processes of a run: those that `galapagos up` keeps running, and those that join and leave beside it."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.servers import process
from tools.servers.process import Process

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 30.0
_ENDED = re.compile(r"^.*(?: ended with exit code | stands still and is killed).*$", re.MULTILINE)


@dataclass(slots=True)
class Fleet:
    """Members by name: ``selector-2`` is a ``python -m selector``. ``settings``: of all, in their environment."""

    folder: Path
    settings: Mapping[str, str]
    up: Process | None = None
    guests: dict[str, Process] = field(default_factory=dict)
    """Beside `galapagos up`; nobody starts them again."""
    stopped: set[str] = field(default_factory=set)
    """Those that SIGSTOP holds."""

    def start(self, run: Path, *options: str) -> None:
        """`galapagos up` on a run that is prepared and not begun."""
        code = "import sys; sys.argv[0] = 'galapagos'; from standalone.cli import main; main()"
        command = [sys.executable, "-c", code, "up", "--resume", "--out", str(run), "--json", *options]
        self.up = process.spawn(command, self.log, self._environment())

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.settings, "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}:{ROOT / 'services'}"}

    @property
    def log(self) -> Path:
        """What `galapagos up` says."""
        return self.folder / "up.log"

    @property
    def is_up(self) -> bool:
        """Whether `galapagos up` still runs."""
        return process.alive(self.up)

    @property
    def members(self) -> dict[str, Process]:
        """All service processes of this moment."""
        guests = {name: guest for name, guest in self.guests.items() if process.alive(guest)}
        return {**dict(self._kept()), **guests}

    def _kept(self) -> Iterator[tuple[str, Process]]:
        """The children of `galapagos up`, by the names of the logs that they write."""
        for entry in Path("/proc").iterdir():
            if self.up is not None and entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    log = (entry / "fd" / "1").readlink()
                    child = process.identify(int(entry.name))
                    if parent == self.up.pid and log.suffix == ".log" and log.parent.name == "logs" and child:
                        yield log.stem, child

    def kill(self, name: str) -> None:
        """kill −9."""
        process.send(self.members[name], signal.SIGKILL)

    def pause(self, name: str) -> Process:
        """SIGSTOP; the one it holds now."""
        self.stopped.add(name)
        held = self.members[name]
        process.send(held, signal.SIGSTOP)
        return held

    def resume(self, name: str, held: Process) -> None:
        """SIGCONT, to exactly that one."""
        self.stopped.discard(name)
        process.send(held, signal.SIGCONT)

    def add(self, name: str) -> None:
        """A guest joins."""
        command = [sys.executable, "-m", name.rpartition("-")[0]]
        environment = {**self._environment(), "GALAPAGOS_SUPERVISOR": str(os.getpid())}
        self.guests[name] = process.spawn(command, self.folder / f"{name}.log", environment)

    def remove(self, name: str) -> None:
        """A guest leaves in good order."""
        process.end([self.guests.pop(name)], GRACE_S)

    def stop(self) -> None:
        """End all of them."""
        process.end([*self.guests.values(), *([self.up] if self.up else [])], GRACE_S)

    def unasked(self) -> list[str]:
        """What `galapagos up` says of members that ended on their own, none of them by a signal."""
        return _ENDED.findall(self.log.read_text(errors="replace")) if self.log.exists() else []

    def last_words(self) -> str:
        """Of `galapagos up`."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
