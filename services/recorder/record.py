"""The recorder's loop: batches of events into the store; a store that is down or broken stops nobody.

The store is a copy for analysis and nothing in a run depends on it. So its errors end in a count and a warning, never
in an exception; and not in an alert event either, which would be recorded too and fail in its turn, for ever.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from common.errors import ContractError, TransientError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import decode
from common.events.event import Event
from common.events.message import Message
from common.ports import Bus, Consumer, Record, Store
from common.run.dead_letter import dead_letter
from common.run.retry import LoopSettings, retry
from recorder.migrations import migrate
from recorder.service import CONSUMES, NAME, Source, rows

GROUP = NAME
TOPICS: tuple[str, ...] = tuple(BY_PAYLOAD[kind].name for kind in CONSUMES)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Bounds of one batch (its records, their bytes, how long rows may wait for company) and of trying to insert it."""

    records_max: int = 2000
    bytes_max: int = 64 << 20
    flush_s: float = 1.0
    wait_s: float = 0.2
    attempts: int = 6
    backoff_s: float = 0.5
    backoff_s_max: float = 10.0


DEFAULTS = RecorderSettings()


@dataclass(slots=True)
class Tally:
    """What became of the rows so far; whoever hands it in may look at any time. An insert is one table of one batch."""

    rows: int = 0
    dropped_inserts: int = 0
    dropped_rows: int = 0
    reason: str = ""
    """Why the latest rows were dropped."""


class Batch(NamedTuple):
    """What records say: events, their rows by table, and dead letters for records that break the contract."""

    events: list[Event]
    tables: dict[str, pa.Table]
    dead: list[Message]


def read(records: Sequence[Record]) -> Batch:
    """Take records apart; none of them makes it fail."""
    found: list[tuple[Event, Source]] = []
    dead: list[Message] = []
    for record in records:
        try:
            event = decode(record.topic, record.key, record.headers, record.value)
            found.append((event, Source.of(record)))
        except ContractError as error:
            dead.append(dead_letter(record, NAME, error))
    return Batch([event for event, _ in found], rows(found), dead)


async def _collect(consumer: Consumer, settings: RecorderSettings, stop: asyncio.Event) -> list[Record]:
    """Records of up to ``flush_s`` seconds: many small inserts cost more than a few large ones."""
    clock = asyncio.get_running_loop().time
    records: list[Record] = []
    room, deadline = settings.bytes_max, clock() + settings.flush_s
    while len(records) < settings.records_max and room > 0 and clock() < deadline:
        wait_s = 0.0 if stop.is_set() else settings.wait_s
        more = await consumer.fetch(records_max=settings.records_max - len(records), bytes_max=room, wait_s=wait_s)
        records += more
        room -= sum(len(record.value) for record in more)
        if stop.is_set() and not more:
            break
    return records


class _Writer:
    """Inserts, patient while the store has hiccups, and past it when it stays down."""

    def __init__(self, store: Store, settings: RecorderSettings, stop: asyncio.Event, tally: Tally) -> None:
        self.store, self.settings, self.stop, self.tally = store, settings, stop, tally
        self.has_tables = False
        self.is_up = True

    async def write(self, table: str, lines: pa.Table) -> None:
        """Insert or drop. Only what may pass is tried again, and not after an insert was dropped for it, nor after
        ``stop``: a store that stays down holds up neither the bus nor the end.
        """
        pause_s = self.settings.backoff_s
        for left in reversed(range(self.settings.attempts if self.is_up else 1)):
            is_last = left == 0 or self.stop.is_set()
            try:
                await asyncio.to_thread(self._insert, table, lines)
            except Exception as error:  # whatever the client library raises: see the head of this module
                if is_last or not isinstance(error, TransientError):
                    self.is_up = not isinstance(error, TransientError)
                    return self._drop(table, lines, error)
                _log.warning("recorder: %s; again in %.1f s", error, pause_s)
                await _pause(self.stop, pause_s)
                pause_s = min(self.settings.backoff_s_max, pause_s * 2)
            else:
                self.is_up = True
                self.tally.rows += lines.num_rows
                return None

    def _insert(self, table: str, lines: pa.Table) -> None:
        if not self.has_tables:
            migrate(self.store)
            self.has_tables = True
        self.store.insert(table, lines)

    def _drop(self, table: str, lines: pa.Table, error: Exception) -> None:
        self.tally.dropped_inserts += 1
        self.tally.dropped_rows += lines.num_rows
        self.tally.reason = f"{table}: {error}"
        _log.warning("recorder: %d rows of %s dropped: %s", lines.num_rows, table, error)


async def run_recorder(
    bus: Bus,
    store: Store,
    *,
    stop: asyncio.Event,
    settings: RecorderSettings = DEFAULTS,
    tally: Tally | None = None,
) -> None:
    """Write until ``stop``, then what is still on the bus, then return.

    Rows are inserted before their events are committed, so a crash repeats rows and loses none; the tables replace
    repeated rows. An insert that the store refuses, or that still fails after ``attempts``, is dropped and counted in
    ``tally``. What fails of the bus is raised, as in the run loop.
    """
    consumer = await bus.subscribe(GROUP, TOPICS, may_lag=True)
    writer = _Writer(store, settings, stop, Tally() if tally is None else tally)
    try:
        while True:
            stopping = stop.is_set()
            records = await _collect(consumer, settings, stop)
            if not records:
                if stopping:
                    return
                continue
            batch = await asyncio.to_thread(read, records)
            for table, lines in batch.tables.items():
                await writer.write(table, lines)
            await _settle(bus, consumer, records, batch.dead)
    finally:
        await consumer.close()


async def _settle(bus: Bus, consumer: Consumer, records: Sequence[Record], dead: Sequence[Message]) -> None:
    if dead:
        await retry(lambda: bus.publish(dead), LoopSettings())
    try:
        await consumer.commit({(record.topic, record.partition): record.offset + 1 for record in records})
    except TransientError as error:
        _log.warning("recorder: %s", error)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
