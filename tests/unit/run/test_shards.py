"""Shards: when states are saved, what a replay passes over, and what is no shard."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from common.adapters.memory_bus import MemoryBus
from common.adapters.sqlite_state import SqliteStates
from common.errors import ConfigurationError
from common.events.codec import encode
from common.ports import Offsets, Saved
from common.run.loop import run_service
from common.run.retry import LoopSettings
from tests.unit.run.tiny import ALERTS, SEEDS, diary, fails, running, seed, take, texts, watch


@pytest.fixture
async def states(tmp_path: Path) -> AsyncIterator[SqliteStates]:
    store = SqliteStates(tmp_path / "states.sqlite")
    yield store
    await store.close()


async def test_states_are_saved_now_and_then_and_a_crash_replays_the_rest(tmp_path: Path) -> None:
    """Nothing is committed that no state contains: killed before a save, the log is read again from the last one."""
    states, bus = SqliteStates(tmp_path / "states.sqlite"), MemoryBus()
    answers = await watch(bus, ALERTS)
    rare = LoopSettings(wait_s=0.01, snapshot_s=3600.0)
    task = asyncio.create_task(run_service(diary(), bus, states, stop=asyncio.Event(), settings=rare))
    await asyncio.sleep(0)
    await bus.publish([encode(seed("a1")), encode(seed("b1"))])
    assert texts(await take(answers, 2)) == ["a1:1", "b1:1"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await states.load("diary", bus.log_id) == {}
    assert sum((await bus.lag("diary", [SEEDS])).values()) == 2

    async with running(diary(), bus, states, rare):
        await bus.publish([encode(seed("a2"))])
        assert sorted(texts(await take(answers, 3))) == ["a1:1", "a2:2", "b1:1"]
    assert {key: each.data for key, each in (await states.load("diary", bus.log_id)).items()} == {
        "a": b"a1\na2",
        "b": b"b1",
    }
    assert sum((await bus.lag("diary", [SEEDS])).values()) == 0


async def test_a_state_that_is_ahead_of_its_shard_passes_over_what_it_has(tmp_path: Path) -> None:
    """A save in several writes may be cut: states stand at different offsets, and each takes what it lacks."""

    class Uneven(SqliteStates):
        async def load(self, *args: Any) -> dict[str, Saved]:
            return {
                key: each._replace(offsets=ahead.get(key, each.offsets))
                for key, each in (await super().load(*args)).items()
            }

    ahead: dict[str, Offsets] = {}
    states, bus = Uneven(tmp_path / "states.sqlite"), MemoryBus(partitions=1)
    keeper = await bus.subscribe("keeper", [SEEDS])  # commits nothing, so the log is kept
    answers = await watch(bus, ALERTS)
    await bus.publish([encode(seed(text)) for text in ("a1", "b1", "a2", "b2")])
    async with running(diary(), bus, states):
        await take(answers, 4)
    await states.save("diary", bus.log_id, 0, {"b": b"b1"}, {(SEEDS, 0): 4})
    ahead |= {"b": {(SEEDS, 0): 2}}
    async with running(diary(), bus, states):
        assert texts(await take(answers, 1)) == ["b2:2"]
    assert keeper.assignment


async def test_a_state_that_a_cut_save_left_out_is_built_from_the_log(tmp_path: Path) -> None:
    class Cut(SqliteStates):
        async def load(self, *args: Any) -> dict[str, Saved]:
            return {key: each._replace(since={}) for key, each in (await super().load(*args)).items() if key != "b"}

    states, bus = Cut(tmp_path / "states.sqlite"), MemoryBus(partitions=1)
    keeper = await bus.subscribe("keeper", [SEEDS])
    answers = await watch(bus, ALERTS)
    await bus.publish([encode(seed(text)) for text in ("b1", "a1")])
    async with running(diary(), bus, states):
        await take(answers, 2)
    async with running(diary(), bus, states):
        await bus.publish([encode(seed("b2"))])
        assert texts(await take(answers, 2)) == ["b1:1", "b2:2"]
    assert keeper.assignment


async def test_events_of_one_state_from_two_shards_are_refused(states: SqliteStates) -> None:
    bus = MemoryBus(partitions=8)
    await bus.publish([encode(seed(f"a{turn}"))._replace(key=key) for turn, key in enumerate((b"x", b"y"))])
    await fails(diary(), bus, states, ConfigurationError, "one partition")
