"""A Redis that is a cache and nothing else: no persistence, least recently used keys go first."""

from collections.abc import Mapping
from pathlib import Path

from tools.servers import install
from tools.servers.node import HOST, Node

MEMORY_MAX = "2gb"
PORTS = ("client",)


def node(ports: Mapping[str, int], folder: Path, programs: Mapping[str, str]) -> Node:
    """The one Redis of the set."""
    program = programs["redis-server"]
    options = {
        "bind": HOST,
        "port": str(ports["client"]),
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "maxmemory": MEMORY_MAX,
        "maxmemory-policy": "allkeys-lru",
    }
    return Node(
        name="redis",
        folder=folder,
        command=(program, *(word for name, value in options.items() for word in (f"--{name}", value))),
        version=install.version(program),
        prepare=lambda: None,
    )


def url(ports: Mapping[str, int]) -> str:
    """``redis://127.0.0.1:PORT/0``."""
    return f"redis://{HOST}:{ports['client']}/0"
