"""The writer: waits as long as it takes unless it gives up, and leaves out nothing but what is refused for good."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import ContractError, TransientError
from common.events.codec import encode
from common.ports import Record
from common.run.open import open_store
from recorder.record import read
from recorder.writer import REFUSALS_MAX, RecorderSettings, Tally, Writer
from tests.unit.recorder.test_record import Switched
from tests.unit.run.tiny import alert

QUICK = RecorderSettings(backoff_s=0.01, backoff_s_max=0.02)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Switched]:
    opened = Switched(open_store(f"chdb://{tmp_path}/db"))
    yield opened
    opened.close()


def alerts(texts: list[str]) -> dict[str, pa.Table]:
    messages = [encode(alert(text)) for text in texts]
    return read([Record(m.topic, 0, place, m.key, m.headers, m.value) for place, m in enumerate(messages)]).tables


async def test_it_waits_until_the_store_is_back(store: Switched) -> None:
    writer = Writer(store, QUICK, asyncio.Event(), Tally(), gives_up=False)
    store.is_down = True
    task = asyncio.create_task(writer.write(alerts(["a", "b"])))
    while store.refused < 10:
        await asyncio.sleep(0.01)
    assert writer.waiting.since_s is not None
    store.is_down = False
    assert await task == {}
    assert (store.count("alerts"), writer.waiting.since_s) == (2, None)


async def test_a_stop_ends_the_waiting_with_an_error(store: Switched) -> None:
    stop = asyncio.Event()
    writer = Writer(store, replace(QUICK, backoff_s=60.0), stop, Tally(), gives_up=False)
    store.is_down = True
    task = asyncio.create_task(writer.write(alerts(["a"])))
    while not store.refused:
        await asyncio.sleep(0.01)
    stop.set()
    with pytest.raises(TransientError, match="down"):
        await task


class Rows:
    """A store in memory that refuses rows with some messages."""

    def __init__(self, bad: set[str]) -> None:
        self.bad, self.kept = bad, list[str]()

    def execute(self, statement: str) -> None: ...

    def query(self, sql: str) -> pa.Table:
        return pa.table({"n": [0], "version": [0], "digest": [""]}).slice(0, 1 if " AS n " in sql else 0)

    def insert(self, table: str, rows: pa.Table) -> None:
        texts = rows["message"].to_pylist() if table == "alerts" else []
        if self.bad & set(texts):
            raise ContractError("store refuses the statement")
        self.kept += texts

    def close(self) -> None: ...


@given(st.integers(1, 120), st.sets(st.integers(0, 119), max_size=REFUSALS_MAX // 8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
async def test_a_few_bad_rows_are_found_and_the_others_written_once(count: int, bad: set[int]) -> None:
    bad = {index for index in bad if index < count}
    store, tally = Rows({str(index) for index in bad}), Tally()
    refused = await Writer(store, QUICK, asyncio.Event(), tally, gives_up=False).write(
        alerts(list(map(str, range(count))))
    )
    assert {offset for _, _, offset in refused} == bad
    assert sorted(store.kept, key=int) == [str(index) for index in range(count) if index not in bad]
    assert (tally.rows, tally.dropped_rows) == (count - len(bad), len(bad))


async def test_a_table_that_refuses_everything_is_not_tried_row_by_row() -> None:
    texts = list(map(str, range(2000)))
    store, tally = Rows(set(texts)), Tally()
    refused = await Writer(store, QUICK, asyncio.Event(), tally, gives_up=False).write(alerts(texts))
    assert (len(refused), tally.dropped_rows, store.kept) == (2000, 2000, [])
    assert tally.dropped_inserts < 4 * REFUSALS_MAX
