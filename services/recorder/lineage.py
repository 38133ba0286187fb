"""Walks through the genealogy, generation by generation: the old engine knows no recursive queries."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from common.errors import ConfigurationError
from common.ports import Store

Edge = dict[str, Any]
IDS_MAX = 4000
"""In one statement, which may have 256 KiB."""
_COLUMNS = ("depth", "genome_id", "parent_ids", "operator", "island", "generation")


@dataclass(frozen=True, slots=True)
class Walk:
    """One step: the edges of ``table`` whose ``here`` is known lead to what is at ``there``."""

    table: str
    here: str
    there: str


ANCESTORS = Walk("genealogy", "child_id", "parent_id")
DESCENDANTS = Walk("descent", "parent_id", "child_id")


def resolve(store: Store, run: str, beginning: str) -> str:
    """The one id of an admitted genome that begins so. Raises ConfigurationError for none or several."""
    where = f"run_id = '{run}' AND child_id LIKE '{beginning}%'"
    found = store.query(f"SELECT DISTINCT child_id FROM genealogy WHERE {where} LIMIT 2")["child_id"].to_pylist()
    if len(found) != 1:
        problem = "more than one genome" if found else "no genome"
        raise ConfigurationError(f"ID {beginning!r}: {problem} admitted in run {run[:8]} has an id that begins so")
    return str(found[0])


def walk(store: Store, way: Walk, run: str, start: str) -> pa.Table:
    """Everybody on the way, ``start`` at depth 0, each once at the least depth."""
    depth_of, ahead = {start: 0}, [start]
    while ahead:
        depth = depth_of[ahead[0]] + 1
        found = {row[way.there] for row in _edges(store, way.table, way.here, run, ahead)}
        ahead = sorted(one for one in found if one and one not in depth_of)
        depth_of |= dict.fromkeys(ahead, depth)
    births: dict[str, Edge] = {}
    parents: dict[str, set[str]] = {}
    for edge in _edges(store, "genealogy", "child_id", run, list(depth_of)):
        child = edge["child_id"]
        births[child] = min(births.get(child, edge), edge, key=_time)
        parents.setdefault(child, set()).update({edge["parent_id"]} - {""})
    rows = [
        {"depth": depth_of[child], "genome_id": child, "parent_ids": sorted(parents[child])} | birth
        for child, birth in births.items()
    ]
    rows.sort(key=lambda row: (row["depth"], row["genome_id"]))
    return pa.table({name: [row[name] for row in rows] for name in _COLUMNS})


def _time(edge: Edge) -> tuple[int, int, str]:
    """The same genome may be bred twice: its first birth is told."""
    return edge["generation"], edge["island"], edge["operator"]


def _edges(store: Store, table: str, column: str, run: str, ids: list[str]) -> list[Edge]:
    edges: list[Edge] = []
    for first in range(0, len(ids), IDS_MAX):
        wanted = ", ".join(f"'{one}'" for one in ids[first : first + IDS_MAX])
        edges += store.query(
            f"SELECT DISTINCT child_id, parent_id, operator, island, generation FROM {table} "
            f"WHERE run_id = '{run}' AND {column} IN ({wanted})"
        ).to_pylist()
    return edges
