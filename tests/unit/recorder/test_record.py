"""The recorder's loop: batched, patient, and in nobody's way."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from common.adapters.memory_bus import MemoryBus
from common.errors import ContractError, TransientError
from common.events.codec import encode
from common.events.event import Event
from common.ports import Store
from common.run.open import open_store
from recorder.record import run_recorder
from recorder.service import CONSUMES, Source, rows
from recorder.writer import RecorderSettings, Tally
from tests.unit.run.tiny import alert, take, watch
from tools.samples import sample_events

QUICK = RecorderSettings(flush_s=0.05, wait_s=0.01, backoff_s=0.01)
ALERTS = "evo.alert.raised.v1"


class Switched:
    """A store that can be switched off; counts inserts. ``error`` is what it says then, for all tables or ``only``."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_down = False
        self.inserts = 0
        self.refused = 0
        self.error: Exception = TransientError("store: down")
        self.only = ""

    def execute(self, statement: str) -> None:
        self._pass("")
        self.store.execute(statement)

    def insert(self, table: str, rows: pa.Table) -> None:
        self._pass(table)
        self.inserts += 1
        self.store.insert(table, rows)

    def query(self, sql: str) -> pa.Table:
        return self.store.query(sql)

    def close(self) -> None:
        self.store.close()

    def _pass(self, table: str) -> None:
        if self.is_down and self.only in ("", table):
            self.refused += 1
            raise self.error

    def count(self, table: str) -> int:
        return int(self.query(f"SELECT count() AS n FROM {table}")["n"][0].as_py())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Switched]:
    opened = Switched(open_store(f"chdb://{tmp_path}/db"))
    yield opened
    opened.close()


@asynccontextmanager
async def recording(bus: MemoryBus, store: Switched, settings: RecorderSettings = QUICK) -> AsyncIterator[Tally]:
    stop, tally = asyncio.Event(), Tally()
    task = asyncio.create_task(run_recorder(bus, store, stop=stop, settings=settings, tally=tally))
    await asyncio.sleep(0)
    try:
        yield tally
    finally:
        stop.set()
        await task


def recorded(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if isinstance(event.payload, CONSUMES)]


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
    patient = replace(QUICK, attempts=10_000, backoff_s_max=0.01)
    async with recording(bus, store, patient) as tally:
        for index in range(50):
            await bus.publish([encode(alert(str(index)))])
        assert len(await take(other, 50)) == 50
        while store.refused < 3:
            await asyncio.sleep(0.01)
        assert store.inserts == 0
        store.is_down = False
    assert store.query("SELECT count(DISTINCT message) AS n FROM alerts")["n"][0].as_py() == 50
    assert tally == Tally(rows=50)


@pytest.mark.parametrize(
    "error",
    [TransientError("store: down"), ContractError("store refuses the statement: all of them"), RuntimeError("a bug")],
)
async def test_a_store_that_refuses_everything_costs_its_rows_and_nothing_else(
    store: Switched, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bus = MemoryBus()
    store.is_down, store.error = True, error
    async with recording(bus, store) as tally:
        for index in range(30):
            await bus.publish([encode(alert(str(index)))])
            while bus.size_bytes():
                await asyncio.sleep(0.01)
        await bus.publish([encode(event) for event in recorded(sample_events())])
    assert bus.size_bytes() == 0
    assert store.inserts == tally.rows == 0
    lost = rows([(event, Source("", 0, 0)) for event in recorded(sample_events())])
    assert tally.dropped_rows == 30 + sum(table.num_rows for table in lost.values())
    assert tally.dropped_inserts >= 30
    assert str(error) in tally.reason
    assert "dropped" in caplog.text


async def test_after_a_drop_each_insert_is_tried_once_until_one_works(store: Switched) -> None:
    bus = MemoryBus()
    store.is_down = True
    async with recording(bus, store, replace(QUICK, attempts=4)) as tally:
        tries = []
        for index in range(3):
            await bus.publish([encode(alert(str(index)))])
            while tally.dropped_inserts <= index:
                await asyncio.sleep(0.01)
            tries.append(store.refused)
        store.is_down = False
        await bus.publish([encode(alert("back"))])
    assert tries == [4, 5, 6]
    assert store.count("alerts") == tally.rows == 1


async def test_a_table_that_is_refused_costs_the_others_no_row(store: Switched) -> None:
    bus = MemoryBus()
    store.is_down, store.only, store.error = True, "cohorts", ContractError("store refuses the statement: of old")
    async with recording(bus, store) as tally:
        await bus.publish([encode(event) for event in sample_events()])
    assert (tally.dropped_inserts, tally.dropped_rows) == (1, 1)
    assert store.refused == 1
    assert store.count("generations") == store.count("champions") == store.count("alerts") == 1


async def test_a_record_whose_rows_are_refused_is_put_aside(store: Switched) -> None:
    bus = MemoryBus()
    dead = await watch(bus, f"{ALERTS}.dead")
    store.is_down, store.only, store.error = True, "alerts", ContractError("store refuses the statement: of old")
    async with recording(bus, store):
        await bus.publish([encode(alert("refused"))])
        letter = (await take(dead, 1))[0]
    assert b"refused" in letter.value
    assert b"of old" in dict(letter.headers)["dead_reason"]


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
