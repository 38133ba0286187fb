"""The turns of the recorder's app: one that stands still or fails is replaced, one that has to be told is raised."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from common.adapters.memory_bus import MemoryBus
from common.errors import ConfigurationError, TransientError
from common.events.codec import encode
from common.ports import Partition, Record
from common.run.open import open_store
from recorder.faust_app import FaustRecorder
from recorder.record import GROUP, TOPICS
from recorder.tables import TABLES
from recorder.writer import RecorderSettings
from tests.unit.recorder.test_record import Switched
from tests.unit.run.tiny import alert

QUICK = RecorderSettings(backoff_s=0.01, backoff_s_max=0.02)
Handle = Callable[[Sequence[Record]], Awaitable[None]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Switched]:
    opened = Switched(open_store(f"chdb://{tmp_path}/db"))
    yield opened
    opened.close()


class Turns:
    """The stream on a bus in memory, whose first turns end as told; ``None``: hangs."""

    def __init__(self, bus: MemoryBus, *ends: Exception | None) -> None:
        self.bus, self.ends, self.begun = bus, list(ends), 0
        self.assignment: frozenset[Partition] = frozenset()

    async def run(self, handle: Handle, stop: asyncio.Event) -> None:
        self.begun += 1
        consumer = await self.bus.subscribe(GROUP, TOPICS)
        self.assignment = consumer.assignment
        try:
            if self.ends:
                if (end := self.ends.pop(0)) is not None:
                    raise end
                await asyncio.sleep(3600)
            while not stop.is_set():
                records = await consumer.fetch(records_max=100, bytes_max=1 << 20, wait_s=0.01)
                if records:
                    await handle(records)
                    await consumer.commit({(each.topic, each.partition): each.offset + 1 for each in records})
        finally:
            await consumer.close()


async def finish(app: FaustRecorder, turns: Turns, stop: asyncio.Event, records: int) -> None:
    async with asyncio.timeout(30):
        task = asyncio.create_task(app.run(turns))
        while app.progress.records < records:
            await asyncio.sleep(0.01)
        stop.set()
        await task


@pytest.mark.parametrize("end", [None, TransientError("kafka: gone")])
async def test_a_turn_that_hangs_or_fails_is_followed_by_another(store: Switched, end: Exception | None) -> None:
    bus, stop = MemoryBus(), asyncio.Event()
    keeper = await bus.subscribe(GROUP, TOPICS)
    await bus.publish([encode(alert(str(index))) for index in range(20)])
    await keeper.close()
    turns = Turns(bus, end)
    app = FaustRecorder(bus, store, stop, QUICK, stall_s=1.0, lag_every_s=0.05)
    await finish(app, turns, stop, 20)
    assert (store.count("alerts"), turns.begun) == (20, 2)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_tables_are_there_before_the_first_event(store: Switched) -> None:
    await FaustRecorder(MemoryBus(), store, asyncio.Event(), QUICK).prepare()
    assert {store.count(table.name) for table in TABLES} == {0}


async def test_a_store_that_is_away_at_the_start_is_waited_for(store: Switched) -> None:
    bus, stop = MemoryBus(), asyncio.Event()
    keeper = await bus.subscribe(GROUP, TOPICS)
    await bus.publish([encode(alert("early"))])
    await keeper.close()
    store.is_down = True
    app = FaustRecorder(bus, store, stop, QUICK)
    await app.prepare()
    turns = Turns(bus)
    task = asyncio.create_task(finish(app, turns, stop, 1))
    while app.progress.report()[1]["state"] != "waiting for the store":
        await asyncio.sleep(0.01)
    store.is_down = False
    await task
    assert store.count("alerts") == 1


async def test_a_store_with_another_schema_is_refused_by_its_name(store: Switched) -> None:
    store.execute(TABLES[0].ddl)
    place = "--store clickhouse://db:9000/g (GALAPAGOS_STORE)"
    app = FaustRecorder(MemoryBus(), store, asyncio.Event(), QUICK, place=place)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(place)} has tables"):
        await app.prepare()


async def test_what_another_turn_cannot_help_is_raised(store: Switched) -> None:
    bus = MemoryBus()
    app = FaustRecorder(bus, store, asyncio.Event(), QUICK)
    with pytest.raises(ConfigurationError, match="newer"):
        await app.run(Turns(bus, ConfigurationError("the store is newer")))
    assert asyncio.all_tasks() == {asyncio.current_task()}
