"""The recorder as a faust-streaming app, on a real Kafka and a real ClickHouse: nothing lost, nothing twice."""

import asyncio
import http.client
import json
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from common.adapters.faust_stream import FaustStream
from common.adapters.kafka_bus import KafkaBus
from common.errors import ContractError, TransientError
from common.events.codec import encode
from common.events.cohorts import GenomeEvaluated
from common.events.event import Event
from common.events.message import Message
from common.events.public import AlertRaised
from common.ports import Record, Store, TopicPlan
from common.run.http_json import serve
from common.run.open import open_store
from common.run.retry import DEFAULTS, LoopSettings, retry
from common.run.topics import plans
from recorder.faust_app import FaustRecorder, open_stream
from recorder.migrations import MIGRATIONS, Migration, migrate
from recorder.record import GROUP, TOPICS
from recorder.writer import RecorderSettings
from tests.adapters.test_kafka_records import strange_batch
from tests.unit.run.tiny import alert
from tools.samples import sample_events
from tools.servers import Servers
from tools.tidy import ROOT

SAMPLES = {type(event.payload): event for event in sample_events()}
QUICK = RecorderSettings(flush_s=0.2, backoff_s=0.05, backoff_s_max=0.2)
PATIENCE_S = 40.0


@pytest.fixture
def url(kafka_url: str) -> str:
    return f"{kafka_url}/{uuid.uuid4().hex[:8]}?session_ms=2000&compression=none"


@pytest.fixture
async def bus(url: str) -> AsyncIterator[KafkaBus]:
    opened = KafkaBus(url)
    await opened.create(plans())
    yield opened
    await opened.close()


@pytest.fixture
def store_url(clickhouse_url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    yield f"{clickhouse_url.rpartition('/')[0]}/{name}"
    last = open_store(clickhouse_url)
    last.execute(f"DROP DATABASE IF EXISTS {name}")
    last.close()


def events(count: int, start: int = 0) -> list[Message]:
    """Cohorts of two genomes each, over all partitions, and every fifth an alert; published now."""
    found: list[Event] = []
    for index in range(start, start + count):
        kind = AlertRaised if index % 5 == 0 else GenomeEvaluated
        found.append(replace(SAMPLES[kind], id=f"{index:032x}", key=str(index % 24), time_us=time.time_ns() // 1000))
    return [encode(event) for event in found]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.05)


def rows(store: Store, table: str) -> int:
    return int(store.query(f"SELECT count() AS n FROM {table} FINAL")["n"][0].as_py())


def check(store: Store, count: int) -> None:
    """Each event of the log once: as many rows, as many ids, as many places."""
    for table, share in (("alerts", count // 5), ("cohorts", count - count // 5)):
        found = store.query(
            f"SELECT count() AS n, uniqExact(event_id) AS ids, uniqExact(topic_partition, topic_offset) AS places "
            f"FROM {table} FINAL"
        ).to_pylist()
        assert found == [{"n": share, "ids": share, "places": share}]


@asynccontextmanager
async def recording(url: str, bus: KafkaBus, store: Store) -> AsyncIterator[FaustRecorder]:
    stop = asyncio.Event()
    app = FaustRecorder(bus, store, stop, QUICK, lag_every_s=0.5)
    task = asyncio.create_task(app.run(open_stream(url, QUICK)))
    try:
        yield app
    finally:
        stop.set()
        await task


async def settled(bus: KafkaBus) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while sum((await bus.lag(GROUP, TOPICS)).values()):
            await asyncio.sleep(0.1)


async def test_rows_equal_the_events_of_the_log_and_live_figures_agree(url: str, bus: KafkaBus, store_url: str) -> None:
    store = open_store(store_url)
    await bus.publish(events(1500))
    await retry(lambda: bus.lag(GROUP, TOPICS), DEFAULTS)  # the bus keeps these connections open, and outlives the app
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    async with recording(url, bus, store) as app, serve("127.0.0.1", 0, app.routes) as port:
        await bus.publish(events(100))  # the same ids again, as after a producer's lost acknowledgement
        await until(lambda: app.progress.records == 1600)
        await bus.publish([encode(replace(event, time_us=time.time_ns() // 1000)) for event in sample_events()])
        await settled(bus)
        await asyncio.sleep(1.0)  # the hopping window ends with the last whole second
        await until(lambda: app.progress.lag == 0)
        rates = await get(port, "/live/rates")
        minute = rates["hopping"][1]
        assert (minute["window_s"], minute["cohorts"], minute["genomes"]) == (60, 1201, 2402)
        assert (await get(port, "/live/leaderboard"))["champions"][0]["niche"] == "3-1-2"
        assert len((await get(port, "/live/islands"))["islands"]) == 1
        health = await get(port, "/health/live")
        assert (health["state"], health["dropped_rows"]) == ("running", 0)
    assert rows(store, "champions") == 1
    ids = store.query("SELECT uniqExact(event_id) AS n FROM cohorts").to_pylist()
    assert ids == [{"n": 1201}]
    store.close()
    await asyncio.sleep(0.2)
    left = {each for each in threading.enumerate() if not each.name.startswith("asyncio_")} - threads
    assert (left, asyncio.all_tasks() - tasks) == (set(), set())


async def get(port: int, path: str) -> Any:
    def ask() -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())

    return await asyncio.to_thread(ask)


async def test_a_store_that_is_killed_and_comes_back_lacks_nothing(
    url: str, bus: KafkaBus, store_url: str, servers_here: Servers
) -> None:
    store = open_store(store_url)
    async with recording(url, bus, store) as app:
        await bus.publish(events(500))
        await until(lambda: app.progress.records > 0)
        await asyncio.to_thread(servers_here.kill, "clickhouse")
        try:
            await bus.publish(events(1000, 500))
            await until(lambda: app.progress.report()[1]["state"] == "waiting for the store")
            assert app.progress.report()[0] == 200
            assert sum((await bus.lag(GROUP, TOPICS)).values()) >= 1000
        finally:
            await asyncio.to_thread(servers_here.start_one, "clickhouse")
        await settled(bus)
    check(store, 1500)
    assert (app.tally.dropped_rows, app.tally.rows >= 1500) == (0, True)
    store.close()


PROGRAM = """
import asyncio, sys
from common.run.open import open_store
from common.adapters.kafka_bus import KafkaBus
from recorder.faust_app import FaustRecorder, open_stream
from recorder.writer import RecorderSettings

async def main():
    quick = RecorderSettings(flush_s=0.1, records_max=50)
    stop = asyncio.Event()
    app = FaustRecorder(KafkaBus(sys.argv[1]), open_store(sys.argv[2]), stop, quick)
    await app.run(open_stream(sys.argv[1], quick))

asyncio.run(main())
"""


async def test_an_app_that_is_killed_and_started_again_lacks_nothing(url: str, bus: KafkaBus, store_url: str) -> None:
    store = open_store(store_url)
    await bus.publish(events(2000))
    paths = os.pathsep.join((str(ROOT / "libs"), str(ROOT / "services")))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, url, store_url, env=os.environ | {"PYTHONPATH": paths}
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not seen(store):
                await asyncio.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert 0 < seen(store) < 2000
    async with recording(url, bus, store):
        await settled(bus)
    check(store, 2000)
    store.close()


async def test_a_store_with_another_schema_ends_the_process_before_it_says_that_it_is_ready(
    url: str, store_url: str
) -> None:
    store = open_store(store_url)
    migrate(store, (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "later", ("SELECT 1",))))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", "--bus", url, "--store", store_url),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said = b"".join(await process.communicate()).decode()
    assert process.returncode == 2
    assert f"--store {store_url} (GALAPAGOS_STORE) has schema" in said
    assert "reads from" not in said
    store.close()


def seen(store: Store) -> int:
    try:
        return rows(store, "cohorts") + rows(store, "alerts")
    except (ContractError, TransientError):
        return 0


class Picky:
    """A store that refuses alerts with one message."""

    def __init__(self, store: Store) -> None:
        self.execute, self.query, self.close, self._insert = store.execute, store.query, store.close, store.insert

    def insert(self, table: str, rows: pa.Table) -> None:
        if table == "alerts" and "bad" in rows["message"].to_pylist():
            raise ContractError("store refuses the statement: bad")
        self._insert(table, rows)


async def test_one_bad_row_becomes_a_dead_letter_and_stops_nothing(url: str, bus: KafkaBus, store_url: str) -> None:
    store = open_store(store_url)
    texts = [*(f"good {index}" for index in range(150)), "bad", *(f"fine {index}" for index in range(150))]
    await bus.publish([encode(alert(text)) for text in texts])
    async with recording(url, bus, Picky(store)) as app:
        await settled(bus)
    assert (rows(store, "alerts"), app.tally.dropped_rows) == (300, 1)
    dead = await bus.subscribe("undertaker", ["evo.alert.raised.v1.dead"])
    (letter,) = await dead.fetch(records_max=9, bytes_max=1 << 20, wait_s=5.0)
    assert (b"bad" in letter.value, dict(letter.headers)["dead_source"]) == (True, b"evo.alert.raised.v1/0/150")
    store.close()


async def test_two_members_share_the_partitions_and_lose_nothing_when_one_leaves(url: str) -> None:
    bus = KafkaBus(url)
    await bus.create([TopicPlan("t", 8)])
    found: dict[str, list[Record]] = {"one": [], "two": []}
    stops = {name: asyncio.Event() for name in found}

    def start(name: str) -> "asyncio.Task[None]":
        async def handle(records: Any) -> None:
            await asyncio.sleep(0.05)
            found[name] += records

        return asyncio.create_task(FaustStream(url, "g", ["t"], within_s=0.1).run(handle, stops[name]))

    def values() -> set[bytes]:
        return {record.value for records in found.values() for record in records}

    tasks = [start("one")]
    sent = 0
    for step in range(24):
        await bus.publish([Message("t", str(i % 40).encode(), (), str(i).encode()) for i in range(sent, sent + 50)])
        sent += 50
        if step == 2:
            tasks.append(start("two"))
        if step == 16:
            await until(lambda: len(found["two"]) > 0)
            stops["two"].set()
        await asyncio.sleep(0.1)
    await until(lambda: len(values()) == sent)
    stops["one"].set()
    await asyncio.gather(*tasks)
    assert sum((await bus.lag("g", ["t"])).values()) == 0
    assert all(found.values())
    await bus.close()
    assert values() == {str(index).encode() for index in range(sent)}


@pytest.mark.proof
async def test_a_broker_that_dies_and_comes_back_costs_no_record(url: str, servers_here: Servers) -> None:
    bus, stop, found = KafkaBus(url), asyncio.Event(), list[Record]()
    await bus.create([TopicPlan("t", 4)])

    async def handle(records: Any) -> None:
        found.extend(records)

    async def publish(start: int) -> None:
        values = [str(index).encode() for index in range(start, start + 500)]
        await retry(lambda: bus.publish([Message("t", value, (), value) for value in values]), LoopSettings())

    stream = FaustStream(url, "g", ["t"], within_s=0.1)
    task = asyncio.create_task(stream.run(handle, stop))
    await publish(0)
    await until(lambda: len(found) >= 500)
    assert len(stream.assignment) == 4
    await asyncio.to_thread(servers_here.kill, "kafka-1")
    await asyncio.to_thread(servers_here.start_one, "kafka-1")
    await publish(500)
    await until(lambda: len({record.value for record in found}) == 1000)
    stop.set()
    await task
    assert (await bus.lag("g", ["t"])) == {("t", number): 0 for number in range(4)}
    assert stream.assignment == frozenset()
    await bus.close()


async def test_a_record_that_cannot_be_read_stops_nothing(url: str) -> None:
    bus, stop, found = KafkaBus(url), asyncio.Event(), list[Record]()
    await bus.create([TopicPlan("t", 2)])
    for partition in range(2):
        await bus.publish([Message("t", b"k", (), b"before")], partition=partition)
    await strange_batch(bus, 1)
    for partition in range(2):
        await bus.publish([Message("t", b"k", (), b"after")], partition=partition)

    async def handle(records: Any) -> None:
        found.extend(records)

    task = asyncio.create_task(FaustStream(url, "g", ["t"], within_s=0.1).run(handle, stop))
    await until(lambda: sum(record.value == b"after" for record in found) == 2)
    stop.set()
    await task
    assert [record.value for record in found if record.partition == 0] == [b"before", b"after"]
    strange = [record.value for record in found if record.partition == 1]
    assert (strange[:2], strange[-1]) == ([b"before", b"0"], b"after")
    assert sum((await bus.lag("g", ["t"])).values()) == 0
    await bus.close()


async def test_what_was_not_handled_is_not_acknowledged(url: str) -> None:
    bus = KafkaBus(url)
    await bus.create([TopicPlan("t", 1)])
    await bus.publish([Message("t", b"k", (), str(index).encode()) for index in range(10)])

    async def fail(_: Any) -> None:
        raise TransientError("the store is down")

    with pytest.raises(TransientError, match="the store is down"):
        await FaustStream(url, "g", ["t"], within_s=0.1).run(fail, asyncio.Event())
    assert (await bus.lag("g", ["t"])) == {("t", 0): 10}
    await bus.close()
