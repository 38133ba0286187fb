"""The recorder's loop: batches of events into the store; a store that is down is waited for and stops nobody else."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from common.errors import ContractError, TransientError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import decode
from common.events.event import Event
from common.events.message import Message
from common.ports import Bus, Consumer, Record, Store
from common.run.dead_letter import dead_letter
from recorder.service import CONSUMES, NAME, rows
from recorder.tables import TABLES

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Bounds of one insert: its records, their bytes, and how long rows may wait for company."""

    records_max: int = 2000
    bytes_max: int = 64 << 20
    flush_s: float = 1.0
    wait_s: float = 0.2
    backoff_s: float = 0.5
    backoff_s_max: float = 10.0


def create_tables(store: Store) -> None:
    """Make what is missing."""
    for table in TABLES:
        store.execute(table.ddl)


def _read(records: Sequence[Record]) -> tuple[list[Event], list[Message]]:
    """What the records say, and dead letters for those that say nothing."""
    events, dead = [], []
    for record in records:
        try:
            events.append(decode(record.topic, record.key, record.headers, record.value))
        except ContractError as error:
            dead.append(dead_letter(record, NAME, error))
    return events, dead


def _insert(store: Store, records: Sequence[Record]) -> list[Message]:
    events, dead = _read(records)
    for table, lines in rows(events).items():
        store.insert(table, lines)
    return dead


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


async def run_recorder(
    bus: Bus, store: Store, *, stop: asyncio.Event, settings: RecorderSettings = RecorderSettings()
) -> None:
    """Write until ``stop``, then what is still on the bus, then return.

    Rows are inserted before their events are committed, so a crash repeats rows and loses none; the tables replace
    repeated rows. While the store is down nothing is committed: the bus keeps the events within its retention. A store
    that is still down after ``stop`` is given one more try.
    """
    consumer = await bus.subscribe(NAME, [BY_PAYLOAD[kind].name for kind in CONSUMES], may_lag=True)
    pause_s, ready = settings.backoff_s, False
    pending: list[Record] = []
    try:
        while True:
            stopping = stop.is_set()
            pending = pending or await _collect(consumer, settings, stop)
            if not pending and stopping:
                return
            try:
                if not ready:
                    await asyncio.to_thread(create_tables, store)
                    ready = True
                dead = await asyncio.to_thread(_insert, store, pending)
                await bus.publish(dead)
                await consumer.commit({(record.topic, record.partition): record.offset + 1 for record in pending})
                pending, pause_s = [], settings.backoff_s
            except TransientError as error:
                _log.warning("recorder: %s; again in %.1f s", error, pause_s)
                if stopping:
                    return
                await _pause(stop, pause_s)
                pause_s = min(settings.backoff_s_max, pause_s * 2)
    finally:
        await consumer.close()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
