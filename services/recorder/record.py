"""The recorder's loop: batches of events into the store; a store that is down or broken stops nobody.

The store is a copy for analysis and nothing in a run depends on it. So its errors end in a count and a warning, never
in an exception; and not in an alert event either, which would be recorded too and fail in its turn, for ever.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from common.errors import ContractError
from common.events.catalogue import BY_PAYLOAD
from common.events.codec import decode
from common.events.event import Event
from common.events.message import Message
from common.ports import Bus, Consumer, Record, Store
from common.run.dead_letter import dead_letter
from common.run.retry import LoopSettings, commit, retry
from recorder.service import CONSUMES, NAME, Source, rows
from recorder.writer import Place, RecorderSettings, Tally, Writer

GROUP = NAME
TOPICS: tuple[str, ...] = tuple(BY_PAYLOAD[kind].name for kind in CONSUMES)


DEFAULTS = RecorderSettings()


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


async def put_aside(
    bus: Bus, records: Sequence[Record], dead: Sequence[Message], refused: Mapping[Place, ContractError]
) -> None:
    """Publish as dead letters what could not be read, and the records whose rows the store has refused."""
    letters = [*dead, *(dead_letter(each, GROUP, refused[each[:3]]) for each in records if each[:3] in refused)]
    if letters:
        await retry(lambda: bus.publish(letters), LoopSettings())


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
    repeated rows. Rows that the store refuses are dead letters; what still fails after ``attempts`` is dropped and
    counted in ``tally``. What fails of the bus is raised, as in the run loop.
    """
    consumer = await bus.subscribe(GROUP, TOPICS, may_lag=True)
    writer = Writer(store, settings, stop, Tally() if tally is None else tally, gives_up=True)
    try:
        while True:
            stopping = stop.is_set()
            records = await _collect(consumer, settings, stop)
            if not records:
                if stopping:
                    return
                continue
            batch = await asyncio.to_thread(read, records)
            refused = await writer.write(batch.tables)
            await put_aside(bus, records, batch.dead, refused)
            await commit(consumer, {(each.topic, each.partition): each.offset + 1 for each in records}, NAME)
    finally:
        await consumer.close()
