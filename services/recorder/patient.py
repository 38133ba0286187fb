"""Rows into the store with all the patience it takes: on a log that keeps what is not acknowledged, nothing is dropped.

The one exception are rows that the store refuses for what they are: they are left out, counted, and the records they
come from are dead letters; one bad row does not stop everything.
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
from recorder.record import RecorderSettings, Tally

REFUSALS_MAX = 16
"""Of one table in one batch. A table that refuses everything is a mistake in the schema: no use in trying each row."""
Place = tuple[str, int, int]
"""Topic, partition, offset."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Waiting:
    """Whether the store is being waited for; anybody may look at any time."""

    since_s: float | None = None
    """The event loop's clock."""
    reason: str = ""


class PatientWriter:
    """Inserts until it has worked."""

    def __init__(self, store: Store, settings: RecorderSettings, stop: asyncio.Event, tally: Tally) -> None:
        self._store, self._settings, self._stop, self._tally = store, settings, stop, tally
        self._has_tables = False
        self.waiting = Waiting()

    async def write(self, tables: Mapping[str, pa.Table]) -> dict[Place, ContractError]:
        """All rows, except for those that the store refuses: gives where these come from, and why.

        Raises TransientError when the store is still down at ``stop``, and ConfigurationError where the store's schema
        is another program's.
        """
        refused: dict[Place, ContractError] = {}
        await self._until_it_works(self._migrate)
        for table, lines in tables.items():
            await self._insert(table, lines, refused)
        return refused

    def _migrate(self) -> None:
        if not self._has_tables:
            migrate(self._store)
            self._has_tables = True

    async def _insert(self, table: str, lines: pa.Table, refused: dict[Place, ContractError]) -> None:
        """All at once; after a refusal by halves, until the bad rows stand alone."""
        parts, left = [lines], REFUSALS_MAX
        while parts:
            part = parts.pop()
            try:
                await self._until_it_works(lambda part=part: self._store.insert(table, part))  # type: ignore[misc]
                self._tally.rows += part.num_rows
            except ContractError as error:
                half = part.num_rows // 2
                if half and left:
                    parts += [part.slice(half), part.slice(0, half)]
                    continue
                left = max(0, left - 1)
                refused |= dict.fromkeys(_places(part), error)
                self._tally.dropped_inserts += 1
                self._tally.dropped_rows += part.num_rows
                self._tally.reason = f"{table}: {error}"
                _log.error("recorder: %d rows of %s refused: %s", part.num_rows, table, error)

    async def _until_it_works(self, act: Callable[[], None]) -> None:
        clock, pause_s = asyncio.get_running_loop().time, self._settings.backoff_s
        while True:
            try:
                await asyncio.to_thread(act)
            except TransientError as error:
                if self.waiting.since_s is None:
                    self.waiting.since_s = clock()
                    _log.warning("recorder: waiting for the store: %s", error)
                self.waiting.reason = str(error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause_s)
                if self._stop.is_set():
                    raise
                pause_s = min(self._settings.backoff_s_max, pause_s * 2)
            else:
                if self.waiting.since_s is not None:
                    _log.warning("recorder: the store is back after %.1f s", clock() - self.waiting.since_s)
                self.waiting.since_s = None
                return


def _places(lines: pa.Table) -> list[Place]:
    columns = (lines[name].to_pylist() for name in ("topic", "topic_partition", "topic_offset"))
    return list(zip(*columns, strict=True))
