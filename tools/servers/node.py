"""One server of the set as it is started: its folder, its command, what it needs before."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Node:
    """A server that can be started; ``prepare`` writes what it reads then (configuration, a formatted data folder)."""

    name: str
    folder: Path
    command: tuple[str, ...]
    version: str
    prepare: Callable[[], None]

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return log_of(self.folder)


def log_of(folder: Path) -> Path:
    """Where the output of the server in ``folder`` goes."""
    return folder / "server.log"
