"""The recorder's loop: batched, patient, and in nobody's way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from common.adapters.memory_bus import MemoryBus
from common.errors import TransientError
from common.events.codec import encode
from common.ports import Store
from common.run.open import open_store
from recorder.record import RecorderSettings, run_recorder
from tests.unit.run.tiny import alert, take, watch
from tools.samples import sample_events

QUICK = RecorderSettings(flush_s=0.05, wait_s=0.01, backoff_s=0.01)
ALERTS = "evo.alert.raised.v1"


class Switched:
    """A store that can be switched off; counts inserts."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_down = False
        self.inserts = 0
        self.refused = 0

    def execute(self, statement: str) -> None:
        self._pass()
        self.store.execute(statement)

    def insert(self, table: str, rows: pa.Table) -> None:
        self._pass()
        self.inserts += 1
        self.store.insert(table, rows)

    def query(self, sql: str) -> pa.Table:
        return self.store.query(sql)

    def close(self) -> None:
        self.store.close()

    def _pass(self) -> None:
        if self.is_down:
            self.refused += 1
            raise TransientError("store: down")

    def count(self, table: str) -> int:
        return int(self.query(f"SELECT count() AS n FROM {table}")["n"][0].as_py())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Switched]:
    opened = Switched(open_store(f"chdb://{tmp_path}/db"))
    yield opened
    opened.close()


@asynccontextmanager
async def recording(bus: MemoryBus, store: Switched) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_recorder(bus, store, stop=stop, settings=QUICK))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        stop.set()
        await task


async def test_everything_on_the_bus_is_written_before_it_returns(store: Switched) -> None:
    bus = MemoryBus()
    async with recording(bus, store):
        for index in range(300):
            await bus.publish([encode(alert(str(index)))])
        await bus.publish([encode(event) for event in sample_events()])
    assert store.count("alerts") == 301
    assert store.count("members") == 1
    assert store.count("champions") == 1
    assert store.inserts < 60
    assert bus.log((ALERTS, 0)).size_bytes == 0


async def test_a_store_that_is_down_stops_nobody_and_gets_everything_later(store: Switched) -> None:
    bus = MemoryBus()
    other = await watch(bus, ALERTS)
    store.is_down = True
    async with recording(bus, store):
        for index in range(50):
            await bus.publish([encode(alert(str(index)))])
        assert len(await take(other, 50)) == 50
        while store.refused < 3:
            await asyncio.sleep(0.01)
        assert store.inserts == 0
        store.is_down = False
    assert store.query("SELECT count(DISTINCT message) AS n FROM alerts")["n"][0].as_py() == 50


async def test_a_store_that_stays_down_does_not_hold_up_the_end(store: Switched) -> None:
    bus = MemoryBus()
    store.is_down = True
    async with recording(bus, store):
        await bus.publish([encode(alert("lost"))])
    assert store.refused > 0
    again = await bus.subscribe("recorder", [ALERTS])
    assert len(await take(again, 1)) == 1


async def test_what_breaks_the_contract_is_put_aside(store: Switched) -> None:
    bus = MemoryBus()
    dead = await watch(bus, f"{ALERTS}.dead")
    good = encode(alert("good"))
    async with recording(bus, store):
        await bus.publish([good._replace(value=b'{"kind": "none"}'), good])
        letter = (await take(dead, 1))[0]
    assert letter.value == b'{"kind": "none"}'
    assert dict(letter.headers)["dead_service"] == b"recorder"
    assert store.count("alerts") == 1
