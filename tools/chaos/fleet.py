"""The service processes of a run: started, killed, stopped for a while, added, sent away; whoever dies comes back."""

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.servers import process
from tools.servers.process import Process

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 20.0


@dataclass(slots=True)
class Fleet:
    """Members by name: ``selector-2`` is a ``python -m selector``. ``settings``: in their environment."""

    folder: Path
    settings: Mapping[str, str]
    members: dict[str, Process] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    """Those that SIGSTOP holds."""
    restarts: dict[str, int] = field(default_factory=dict)
    unasked: list[str] = field(default_factory=list)
    """Ends that nobody here asked for, with the last words."""
    _killed: set[str] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Start a member."""
        environment = {**os.environ, **self.settings, "GALAPAGOS_SUPERVISOR": str(os.getpid())}
        environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'libs'}:{ROOT / 'services'}"
        command = [sys.executable, "-m", name.rpartition("-")[0]]
        self.members[name] = process.spawn(command, self.log(name), environment)

    def log(self, name: str) -> Path:
        """Where its words go."""
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """kill −9; it comes back with the next ``tend``."""
        self._killed.add(name)
        process.send(self.members[name], signal.SIGKILL)

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self.stopped.add(name)
        process.send(self.members[name], signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.stopped.discard(name)
        process.send(self.members[name], signal.SIGCONT)

    def remove(self, name: str) -> None:
        """SIGTERM, and wait: it leaves its group in good order."""
        process.end([self.members.pop(name)], GRACE_S)

    def tend(self) -> None:
        """Start again who has died, as any supervisor does; what nobody asked for is written down."""
        for name, member in list(self.members.items()):
            if not process.alive(member):
                if name not in self._killed:
                    self.unasked.append(f"{name}: {self._last_words(name)}")
                self._killed.discard(name)
                self.restarts[name] = self.restarts.get(name, 0) + 1
                self.add(name)

    def stop(self) -> None:
        """End all of them."""
        process.end(list(self.members.values()), GRACE_S)
        self.members.clear()

    def _last_words(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""
