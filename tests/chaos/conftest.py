"""A real history, told by a run in one process: with seeds, good, bad and unreadable, and a store."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from common.events.codec import encode, user_message
from common.events.event import Event, event_id
from common.events.public import GenomeSeeded
from common.genome.codec import to_json
from common.ports import Record
from common.run.open import open_bus, open_store
from generator.experts import expert_population
from recorder.record import run_recorder
from recorder.tables import BY_NAME
from tests.client.foundry import SPEC, foundry
from tools.chaos.collecting import all_topics, collect, lags

HOPELESS = b'{"genome": {"version": 2, "risk": {"leverage_max": 9.0}}}'


class Told(NamedTuple):
    """What a run left behind."""

    records: list[Record]
    lags: dict[str, int]
    tables: dict[str, pa.Table]


def seed(note: str) -> Event:
    payload = GenomeSeeded(genome=to_json(expert_population()[7]), note=note)
    return Event(payload, "run", SPEC, event_id(SPEC, payload, (note,)))


async def _tell(folder: Path) -> Told:
    bus, store, stop = open_bus("memory://"), open_store(f"chdb://{folder / 'store'}"), asyncio.Event()
    async with foundry(bus, folder):
        listener = await bus.subscribe("chaos-history", all_topics())  # before the first event: a bus in memory forgets
        await listener.close()
        recorder = asyncio.create_task(run_recorder(bus, store, stop=stop))
        await asyncio.sleep(0)
        seeds = [encode(seed(note), "user") for note in ("the first", "the second", "the first")]
        unreadable = [user_message(GenomeSeeded, "run", each) for each in (HOPELESS, b"{", HOPELESS)]
        await bus.publish([*seeds, *unreadable])
        records: list[Record] = []
        finals = b'"final":true'
        while sum(finals in each.value for each in records) < SPEC.islands or any((await lags(bus)).values()):
            records += await collect(bus)
        records += await collect(bus)
        behind = await lags(bus)
    stop.set()
    await recorder
    tables = {name: store.query(f"SELECT * FROM {name} FINAL") for name in BY_NAME}
    store.close()
    await bus.close()
    return Told(records, behind, tables)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Never written to: a test that breaks the history breaks a copy."""
    return asyncio.run(_tell(tmp_path_factory.mktemp("history")))
