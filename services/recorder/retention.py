"""How long the bulk tables keep their rows: whole months are dropped on any engine, a TTL does it where there is one.

What stays for ever is small: runs, generations, selection, candidates, migrations, champions, deployments, audit.
"""

import re
from datetime import datetime

from common.ports import Store
from recorder.tables import TABLES
from recorder.views import VIEWS

BULK: tuple[str, ...] = (
    *(table.name for table in TABLES if table.is_bulk),
    *(view.name for view in VIEWS if view.is_bulk),
)
TTL_SINCE = 20
"""The major version from which on the engine takes a TTL by table; 19 had it as an experiment."""


def ttl(table: str, months: int) -> str:
    """Only for engines of ``TTL_SINCE`` and later."""
    return f"ALTER TABLE {table} MODIFY TTL time + toIntervalMonth({months})"


def retain(store: Store, months: int, now: datetime) -> list[str]:
    """Keep this month and ``months`` before it; gives the dropped parts as ``table month``."""
    total = now.year * 12 + now.month - 1 - months
    oldest = f"{total // 12}{total % 12 + 1:02d}"
    names = ", ".join(f"'{name}'" for name in BULK)
    found = store.query(
        "SELECT DISTINCT table, partition FROM system.parts WHERE database = currentDatabase() AND active "
        f"AND table IN ({names}) AND partition < '{oldest}' ORDER BY table, partition"
    ).to_pylist()
    for row in found:
        store.execute(f"ALTER TABLE {row['table']} DROP PARTITION {row['partition']}")
    if engine_major(store) >= TTL_SINCE:
        for name in BULK:
            store.execute(ttl(name, months + 1))
    return [f"{row['table']} {row['partition']}" for row in found]


def engine_major(store: Store) -> int:
    """The first number of the engine's version."""
    text = str(store.query("SELECT version() AS version")["version"][0].as_py())
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0
