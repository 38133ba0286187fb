"""What every state store must do, and that the SQLite file survives the death of its process."""

import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from common.errors import ConfigurationError, TransientError
from common.ports import Offsets, Saved, StateStore, TopicPlan
from common.run.open import open_bus, open_states
from common.run.topics import snapshot_topic

SERVICES = ("selector", "deployer")
SHARDS = 4


@pytest.fixture(params=["sqlite", "kafka"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Opens the same store again and again."""
    if request.param == "sqlite":
        return lambda: open_states(tmp_path / "s" / "states.sqlite")
    url = f"{request.getfixturevalue('kafka_url')}/{uuid.uuid4().hex[:8]}"
    bus = open_bus(url)
    await bus.create([TopicPlan(snapshot_topic(service), SHARDS, compacted=True) for service in SERVICES])
    await bus.close()
    return lambda: open_states(url)


@pytest.fixture
async def store(opener: Callable[[], StateStore]) -> AsyncIterator[StateStore]:
    opened = opener()
    yield opened
    await opened.close()


def saved(data: bytes, shard: int, offsets: Offsets) -> Saved:
    """A state as it comes from a save that was not cut."""
    return Saved(data, shard, offsets, offsets)


def data(found: Mapping[str, Saved]) -> dict[str, bytes]:
    return {key: each.data for key, each in found.items()}


async def test_a_new_store_is_empty(store: StateStore) -> None:
    assert await store.load("selector", "log") == {}


async def test_states_and_offsets_come_back_from_another_opening(opener: Callable[[], StateStore]) -> None:
    first = opener()
    states = {"0": bytes(range(256)), "1": b"", "a/b c": b"\x80\x04."}
    offsets = {("evo.x", 3): 3, ("evo.y", 3): 1}
    await first.save("selector", "log", 3, states, offsets)
    await first.close()
    second = opener()
    assert await second.load("selector", "log") == {key: saved(value, 3, offsets) for key, value in states.items()}
    await second.close()


async def test_a_save_replaces_what_it_names_and_moves_the_rest_of_its_shard(store: StateStore) -> None:
    await store.save("selector", "log", 0, {"0": b"old", "1": b"kept"}, {("t", 0): 1, ("u", 0): 5})
    await store.save("selector", "log", 1, {"2": b"far"}, {("t", 1): 7, ("u", 1): 0})
    await store.save("selector", "log", 0, {"0": b"new"}, {("t", 0): 2, ("u", 0): 5})
    at = {("t", 0): 2, ("u", 0): 5}
    assert await store.load("selector", "log") == {
        "0": saved(b"new", 0, at),
        "1": saved(b"kept", 0, at),
        "2": saved(b"far", 1, {("t", 1): 7, ("u", 1): 0}),
    }


async def test_only_the_shards_asked_for_are_loaded(store: StateStore) -> None:
    for shard in range(3):
        await store.save("selector", "log", shard, {str(shard): b"s"}, {("t", shard): 1})
    assert set(await store.load("selector", "log", {0, 2})) == {"0", "2"}
    assert await store.load("selector", "log", set()) == {}


async def test_services_do_not_see_each_other(store: StateStore) -> None:
    await store.save("selector", "log", 0, {"0": b"s"}, {("t", 0): 1})
    await store.save("deployer", "log", 0, {"0": b"d"}, {("t", 0): 9})
    assert await store.load("selector", "log") == {"0": saved(b"s", 0, {("t", 0): 1})}
    assert await store.load("deployer", "log") == {"0": saved(b"d", 0, {("t", 0): 9})}


async def test_offsets_of_another_log_mean_nothing(store: StateStore) -> None:
    await store.save("selector", "before", 0, {"0": b"s"}, {("t", 0): 100})
    assert await store.load("selector", "after") == {"0": saved(b"s", 0, {})}
    await store.save("selector", "after", 0, {"0": b"t"}, {("t", 0): 1})
    assert await store.load("selector", "after") == {"0": saved(b"t", 0, {("t", 0): 1})}


async def test_a_late_save_loses_nothing(store: StateStore) -> None:
    """What a process that was thought dead writes is refused, or stands at its own older offsets, to be replayed."""
    await store.save("selector", "log", 0, {"0": b"ten"}, {("t", 0): 10})
    with suppress(TransientError):
        await store.save("selector", "log", 0, {"0": b"seven"}, {("t", 0): 7})
    found = (await store.load("selector", "log"))["0"]
    assert found in (saved(b"ten", 0, {("t", 0): 10}), saved(b"seven", 0, {("t", 0): 7}))


SAVER = """
import asyncio, sys
from pathlib import Path
from common.run.open import open_states

async def main():
    store = open_states(Path(sys.argv[1]))
    for turn in range(1, 100_000):
        value = turn.to_bytes(8, "big") * 20_000
        await store.save("s", "log", 0, {"0": value, "1": value}, {("t", 0): turn})
        print(turn, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("saves", [1, 40])
async def test_sqlite_survives_kill_9_with_state_and_offset_in_step(tmp_path: Path, saves: int) -> None:
    path = tmp_path / "states.sqlite"
    command = [sys.executable, "-c", SAVER, str(path)]
    libs = str(Path(__file__).resolve().parents[2] / "libs")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": libs}) as process:
        assert process.stdout is not None
        for _ in range(saves):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    acknowledged = int(rest[-1]) if rest else acknowledged
    found = await open_states(path).load("s", "log")
    turn = found["0"].offsets["t", 0]
    assert turn >= acknowledged
    assert data(found) == dict.fromkeys(("0", "1"), turn.to_bytes(8, "big") * 20_000)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "states.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationError, match=r"states\.sqlite"):
        open_states(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "states.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="format 99"):
        open_states(path)
