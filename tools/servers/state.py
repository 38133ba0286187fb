"""What ``servers.json`` says of a folder's servers: ports and processes, written whole under a lock."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.servers import clickhouse, kafka, redis
from tools.servers.errors import ServersError
from tools.servers.node import HOST, log_of
from tools.servers.process import Process

KINDS = ("kafka", "redis", "clickhouse")
FILE = "servers.json"
PORTS_OF = {"kafka": kafka.PORTS, "redis": redis.PORTS, "clickhouse": clickhouse.PORTS}
# Below the range from which the system gives ports to outgoing connections: one that a killed broker had stays free.
FIRST_PORT, LAST_PORT = 20000, 31999


@dataclass
class Entry:
    """One server: its ports by use, and its process when one was started."""

    kind: str
    ports: dict[str, int]
    version: str = ""
    process: Process | None = None


@dataclass
class State:
    """The servers of a folder, by name: ``kafka-1``, ``redis``, ``clickhouse``."""

    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def broker_ports(self) -> dict[int, dict[str, int]]:
        """Ports of the brokers, by broker number."""
        return {int(name[6:]): entry.ports for name, entry in self.entries.items() if entry.kind == "kafka"}

    @property
    def urls(self) -> dict[str, str]:
        """One URL for each kind there is."""
        urls = {"kafka": kafka.url(self.broker_ports)} if self.broker_ports else {}
        for kind, url in (("redis", redis.url), ("clickhouse", clickhouse.url)):
            if kind in self.entries:
                urls[kind] = url(self.entries[kind].ports)
        return urls

    def of_kind(self, kind: str) -> list[Entry]:
        """The servers of one kind."""
        return [entry for entry in self.entries.values() if entry.kind == kind]


def names_of(kind: str, brokers: int) -> list[str]:
    """The names of the servers of one kind."""
    return [f"kafka-{number}" for number in range(1, brokers + 1)] if kind == "kafka" else [kind]


def load(folder: Path) -> State:
    """What the file says; an empty state when there is none.

    Raises:
        ServersError: The file is not ours.
    """
    path = folder / FILE
    try:
        servers: dict[str, Any] = json.loads(path.read_text())["servers"]
        return State(
            {
                name: Entry(
                    kind=of["kind"],
                    ports=of["ports"],
                    version=of["version"],
                    process=None if of["pid"] is None else Process(of["pid"], of["started_ticks"]),
                )
                for name, of in servers.items()
            }
        )
    except FileNotFoundError:
        return State()
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ServersError(f"{path} cannot be read ({error!r}); end its servers by hand and remove {folder}") from error


def save(folder: Path, state: State) -> None:
    """Replace the file at once, so that a reader sees the old one or the new one."""
    servers = {
        name: {
            "kind": entry.kind,
            "ports": entry.ports,
            "version": entry.version,
            "pid": entry.process.pid if entry.process else None,
            "started_ticks": entry.process.started if entry.process else None,
            "log": str(log_of(folder / name)),
        }
        for name, entry in state.entries.items()
    }
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps({"urls": state.urls, "servers": servers}, indent=1) + "\n")
    fresh.rename(folder / FILE)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone with the folder: programs that start and stop the same servers wait for each other."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what lingers from a closed one does not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now; two programs that ask at once start looking at different places."""
    width = LAST_PORT - FIRST_PORT + 1
    start = int.from_bytes(os.urandom(4), "big")
    found: list[int] = []
    for step in range(width):
        port = FIRST_PORT + (start + step) % width
        if is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise ServersError(f"no {count} free ports from {FIRST_PORT} to {LAST_PORT}; end what holds them")


def settle_ports(state: State, kind: str, names: list[str], keep: bool) -> None:
    """Give every name of a kind its ports, the ones it had if they are free or (``keep``) in use by its own kind."""
    uses = PORTS_OF[kind]
    had = [port for name in names if name in state.entries for port in state.entries[name].ports.values()]
    if len(had) == len(names) * len(uses) and (keep or all(map(is_free, had))):
        return
    ports = iter(free_ports(len(names) * len(uses)))
    for name in names:
        state.entries[name] = Entry(kind, {use: next(ports) for use in uses})
