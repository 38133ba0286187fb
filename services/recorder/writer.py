"""Rows into the store: a store with hiccups is waited for, rows that it refuses for what they are are left out.

The records that refused rows come from are dead letters, and counted; one bad row does not stop everything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from common.errors import ContractError, TransientError
from common.ports import Store
from recorder.migrations import migrate

REFUSALS_MAX = 16
"""Of one table in one batch. A table that refuses everything is a mistake in the schema: no use in trying each row."""
Place = tuple[str, int, int]
"""Topic, partition, offset."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Bounds of one batch (its records, their bytes, how long rows may wait for company) and of trying to insert it."""

    records_max: int = 2000
    bytes_max: int = 64 << 20
    flush_s: float = 1.0
    wait_s: float = 0.2
    attempts: int = 6
    """Of a writer that gives up."""
    backoff_s: float = 0.5
    backoff_s_max: float = 10.0


@dataclass(slots=True)
class Tally:
    """What became of the rows so far; whoever hands it in may look at any time. An insert is one table of one batch."""

    rows: int = 0
    dropped_inserts: int = 0
    dropped_rows: int = 0
    reason: str = ""
    """Why the latest rows were dropped."""


@dataclass(slots=True)
class Waiting:
    """Whether the store is being waited for; anybody may look at any time."""

    since_s: float | None = None
    """The event loop's clock."""
    reason: str = ""


class Writer:
    """Inserts until it has worked.

    ``gives_up``: after ``attempts``, or at any other error, rows are dropped and counted instead; and after an insert
    was dropped for a store that is down each is tried once, until one works. ``place`` is how messages call the store.
    """

    def __init__(
        self,
        store: Store,
        settings: RecorderSettings,
        stop: asyncio.Event,
        tally: Tally,
        *,
        gives_up: bool,
        place: str = "the store",
    ) -> None:
        self._store, self._settings, self._stop, self._tally = store, settings, stop, tally
        self._gives_up, self._place = gives_up, place
        self._has_tables, self._is_up = False, True
        self.waiting = Waiting()

    async def write(self, tables: Mapping[str, pa.Table]) -> dict[Place, ContractError]:
        """All rows, except for those that the store refuses: gives where these come from, and why.

        Unless it gives up it raises TransientError when the store is still down at ``stop``, and ConfigurationError
        where the store's schema is another program's or the user lacks rights.
        """
        refused: dict[Place, ContractError] = {}
        for table, lines in tables.items():
            await self._insert(table, lines, refused)
        return refused

    def migrate(self) -> None:
        """Make what tables are missing, once; blocking. Raises what the store raises, and ``migrate``."""
        if not self._has_tables:
            migrate(self._store, place=self._place)
            self._has_tables = True

    def _put(self, table: str, lines: pa.Table) -> None:
        self.migrate()
        self._store.insert(table, lines)

    async def _insert(self, table: str, lines: pa.Table, refused: dict[Place, ContractError]) -> None:
        """All at once; after a refusal by halves, until the bad rows stand alone."""
        parts, left = [lines], REFUSALS_MAX
        while parts:
            part = parts.pop()
            try:
                await self._until_it_works(lambda part=part: self._put(table, part))  # type: ignore[misc]
                self._tally.rows += part.num_rows
            except ContractError as error:
                half = part.num_rows // 2
                if half and left:
                    parts += [part.slice(half), part.slice(0, half)]
                    continue
                left = max(0, left - 1)
                refused |= dict.fromkeys(_places(part), error)
                self._drop(table, part, error)
            except Exception as error:  # whatever the client library raises
                if not self._gives_up:
                    raise
                self._drop(table, part, error)

    def _drop(self, table: str, lines: pa.Table, error: Exception) -> None:
        self._tally.dropped_inserts += 1
        self._tally.dropped_rows += lines.num_rows
        self._tally.reason = f"{table}: {error}"
        _log.error("recorder: %d rows of %s dropped: %s", lines.num_rows, table, error)

    async def _until_it_works(self, act: Callable[[], None]) -> None:
        """Tries again what may pass; raises the TransientError of the last attempt, which ``stop`` makes the next."""
        clock, pause_s = asyncio.get_running_loop().time, self._settings.backoff_s
        left = self._settings.attempts if self._is_up else 1
        while True:
            try:
                await asyncio.to_thread(act)
            except TransientError as error:
                left -= 1
                if self.waiting.since_s is None:
                    self.waiting.since_s = clock()
                    _log.warning("recorder: waiting for the store: %s", error)
                self.waiting.reason = str(error)
                if self._stop.is_set() or (self._gives_up and left <= 0):
                    self._is_up = False
                    raise
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause_s)
                pause_s = min(self._settings.backoff_s_max, pause_s * 2)
            else:
                if self.waiting.since_s is not None:
                    _log.warning("recorder: the store is back after %.1f s", clock() - self.waiting.since_s)
                self.waiting.since_s = None
                self._is_up = True
                return


def _places(lines: pa.Table) -> list[Place]:
    columns = (lines[name].to_pylist() for name in ("topic", "topic_partition", "topic_offset"))
    return list(zip(*columns, strict=True))
