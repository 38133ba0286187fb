"""CPU time of the programs of a foundry, read from /proc (Linux)."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_ROLES = ("generator", "evaluator", "selector", "deployer", "recorder")


def cpu_seconds(root: int, servers: Mapping[str, int | None]) -> dict[str, float]:
    """CPU seconds so far, by role: of ``root`` ("host"), of its descendants by their module, of servers by name."""
    parents, used, found = {}, {}, defaultdict(float)
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        pid = int(path.name)
        parents[pid], used[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS
    found["host"] = used.get(root, 0.0)
    for pid in parents:
        if _descends(pid, root, parents):
            found[_role(pid)] += used[pid]
    for name, server in servers.items():
        found[name.split("-")[0]] += used.get(server or 0, 0.0)
    return dict(found)


def _descends(pid: int, root: int, parents: Mapping[int, int]) -> bool:
    pid = parents.get(pid, 0)
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root


def _role(pid: int) -> str:
    try:
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "other"
    return next((role for role in _ROLES if role in words), "other")
