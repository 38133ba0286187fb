"""Ends a folder's servers when the program that started them is gone, even by SIGKILL."""

import os
import select
import sys
from pathlib import Path

from tools.servers import process
from tools.servers.running import Servers

ROOT = Path(__file__).resolve().parents[2]


def spawn(folder: Path) -> None:
    """Start a guard that wipes ``folder`` when this program has ended."""
    me = process.identify(os.getpid())
    if me is not None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        watching = "import sys; from tools.servers import guard; guard.watch(*sys.argv[1:])"
        command = [sys.executable, "-c", watching, str(folder), str(me.pid), str(me.started)]
        process.spawn(command, folder / "guard.log", environment)


def watch(folder: str, pid: str, started: str) -> None:
    """Wait for the program, then wipe; nothing is left to do when it stopped its servers itself."""
    owner = process.Process(int(pid), int(started))
    try:
        handle = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        handle = None
    if handle is not None and process.identify(owner.pid) == owner:
        select.select([handle], [], [])
    if Path(folder).is_dir():
        Servers(Path(folder)).stop(wipe=True)
