"""States and the offsets they contain in one SQLite file, each save one transaction."""

import asyncio
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from common.errors import ConfigurationError, TransientError
from common.ports import Offsets, Partition, Saved

_FORMAT = 2
_CHECKPOINT_PAGES = 4096
"""The log is copied into the file every 64 MiB: states are megabytes, written many times a second."""
_TABLES = """
CREATE TABLE IF NOT EXISTS states (
    service TEXT, key TEXT, shard INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (service, key)
);
CREATE TABLE IF NOT EXISTS offsets (
    service TEXT, log TEXT, shard INTEGER, topic TEXT, partition INTEGER, next INTEGER NOT NULL,
    PRIMARY KEY (service, log, shard, topic, partition)
) WITHOUT ROWID;
"""
_MOVE = """
INSERT INTO offsets VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET next = excluded.next WHERE excluded.next >= next
"""


class SqliteStates:
    """See ``StateStore``. A write-ahead log without a flush per save: it survives kill -9 whole.

    After a power cut the file may be a few saves old but is whole too, and steps are replayed from there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"states {path}: {error}; name a file that can be written") from error

    def _prepare(self) -> None:
        found = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _FORMAT):
            raise ConfigurationError(f"states {self._path}: format {found}; this program reads format {_FORMAT}")
        self._database.execute("PRAGMA page_size = 16384")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        self._database.executescript(_TABLES)
        self._database.execute(f"PRAGMA user_version = {_FORMAT}")

    async def load(self, service: str, log_id: str, shards: Collection[int] | None = None) -> dict[str, Saved]:
        """See ``StateStore``."""
        return await asyncio.to_thread(self._load, service, log_id, shards)

    async def save(self, service: str, log_id: str, shard: int, states: Mapping[str, bytes], offsets: Offsets) -> None:
        """See ``StateStore``."""
        await asyncio.to_thread(self._save, service, log_id, shard, states, offsets)

    async def close(self) -> None:
        """See ``StateStore``."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield self._database
                    self._database.execute("COMMIT")
                except BaseException:
                    # A full disk ends the transaction by itself.
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:  # locked, disk full, input or output failed
                raise TransientError(f"states {self._path}: {error}") from error

    def _load(self, service: str, log_id: str, shards: Collection[int] | None) -> dict[str, Saved]:
        with self._transaction() as database:
            contained: dict[int, dict[Partition, int]] = {}
            rows = database.execute(
                "SELECT shard, topic, partition, next FROM offsets WHERE service = ? AND log = ?", (service, log_id)
            )
            for shard, topic, partition, following in rows:
                contained.setdefault(shard, {})[topic, partition] = following
            states = database.execute("SELECT key, shard, value FROM states WHERE service = ? ORDER BY key", (service,))
            return {
                key: Saved(value, shard, contained.get(shard, {}), contained.get(shard, {}))
                for key, shard, value in states
                if shards is None or shard in shards
            }

    def _save(self, service: str, log_id: str, shard: int, states: Mapping[str, bytes], offsets: Offsets) -> None:
        with self._transaction() as database:
            for (topic, partition), following in offsets.items():
                if not database.execute(_MOVE, (service, log_id, shard, topic, partition, following)).rowcount:
                    raise TransientError(f"states of {service}: {topic}/{partition} is ahead; another member owns it")
            database.execute("DELETE FROM offsets WHERE service = ? AND log <> ?", (service, log_id))
            rows = [(service, key, shard, value) for key, value in states.items()]
            database.executemany("INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?)", rows)
