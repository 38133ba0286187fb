"""What every state store must do, and that the SQLite file survives the death of its process."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from common.errors import ConfigurationError, TransientError
from common.ports import StateStore
from common.run.open import open_states

STORES: dict[str, Callable[[Path], StateStore]] = {"sqlite": lambda folder: open_states(folder / "s" / "states.sqlite")}


@pytest.fixture(params=sorted(STORES))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Opens the same store again and again."""
    return lambda: STORES[request.param](tmp_path)


@pytest.fixture
async def store(opener: Callable[[], StateStore]) -> AsyncIterator[StateStore]:
    opened = opener()
    yield opened
    await opened.close()


async def test_a_new_store_is_empty(store: StateStore) -> None:
    assert await store.load("selector", "log") == ({}, {})


async def test_states_and_offsets_come_back_from_another_opening(opener: Callable[[], StateStore]) -> None:
    first = opener()
    states = {"0": bytes(range(256)), "1": b"", "a/b c": b"\x80\x04."}
    await first.save("selector", "log", states, {("evo.x", 0): 3, ("evo.x", 7): 1})
    await first.close()
    second = opener()
    assert await second.load("selector", "log") == (states, {("evo.x", 0): 3, ("evo.x", 7): 1})
    await second.close()


async def test_a_save_replaces_what_it_names_and_keeps_the_rest(store: StateStore) -> None:
    await store.save("selector", "log", {"0": b"old", "1": b"kept"}, {("t", 0): 1, ("t", 1): 5})
    await store.save("selector", "log", {"0": b"new"}, {("t", 0): 2})
    assert await store.load("selector", "log") == ({"0": b"new", "1": b"kept"}, {("t", 0): 2, ("t", 1): 5})


async def test_services_do_not_see_each_other(store: StateStore) -> None:
    await store.save("selector", "log", {"0": b"s"}, {("t", 0): 1})
    await store.save("deployer", "log", {"0": b"d"}, {("t", 0): 9})
    assert await store.load("selector", "log") == ({"0": b"s"}, {("t", 0): 1})
    assert await store.load("deployer", "log") == ({"0": b"d"}, {("t", 0): 9})


async def test_offsets_of_another_log_mean_nothing(store: StateStore) -> None:
    await store.save("selector", "before", {"0": b"s"}, {("t", 0): 100})
    assert await store.load("selector", "after") == ({"0": b"s"}, {})
    await store.save("selector", "after", {"0": b"t"}, {("t", 0): 1})
    assert await store.load("selector", "after") == ({"0": b"t"}, {("t", 0): 1})


async def test_who_comes_late_writes_nothing(store: StateStore) -> None:
    """A process that was thought dead must not overwrite what its successor wrote."""
    await store.save("selector", "log", {"0": b"successor", "1": b"x"}, {("t", 0): 10, ("t", 1): 1})
    with pytest.raises(TransientError, match="ahead"):
        await store.save("selector", "log", {"0": b"zombie", "1": b"y"}, {("t", 1): 2, ("t", 0): 7})
    assert await store.load("selector", "log") == ({"0": b"successor", "1": b"x"}, {("t", 0): 10, ("t", 1): 1})


SAVER = """
import asyncio, sys
from pathlib import Path
from common.run.open import open_states

async def main():
    store = open_states(Path(sys.argv[1]))
    for turn in range(1, 100_000):
        value = turn.to_bytes(8, "big") * 20_000
        await store.save("s", "log", {"0": value, "1": value}, {("t", 0): turn})
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
    states, offsets = await open_states(path).load("s", "log")
    turn = offsets["t", 0]
    assert turn >= acknowledged
    assert states == dict.fromkeys(("0", "1"), turn.to_bytes(8, "big") * 20_000)


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
