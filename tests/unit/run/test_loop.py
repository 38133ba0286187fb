"""The run loop on the bus in memory: order of effects, isolation of the poisoned, retries, restarts."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.adapters.memory_bus import MemoryBus, MemoryConsumer
from common.adapters.sqlite_state import SqliteStates
from common.errors import ConfigurationError, TransientError
from common.events.codec import decode, encode, user_message
from common.events.event import Event
from common.events.message import Message
from common.events.public import AlertRaised, GenomeSeeded
from common.ports import Offsets
from common.run.loop import run_service
from common.run.retry import LoopSettings
from common.service import Service
from tests.unit.run.tiny import (
    ALERTS,
    QUICK,
    RUN,
    SEEDS,
    TIME_US,
    Note,
    alert,
    diary,
    diary_step,
    fails,
    running,
    seed,
    take,
    texts,
    watch,
)


@pytest.fixture
async def states(tmp_path: Path) -> AsyncIterator[SqliteStates]:
    store = SqliteStates(tmp_path / "states.sqlite")
    yield store
    await store.close()


async def test_outputs_are_stamped_and_state_lies_beside_the_offset(states: SqliteStates) -> None:
    bus = MemoryBus()
    answers = await watch(bus, ALERTS)
    async with running(diary(), bus, states):
        await bus.publish([encode(seed("a1")), encode(seed("b1")), encode(seed("a2"))])
        found = await take(answers, 3)
    assert sorted(texts(found)) == ["a1:1", "a2:2", "b1:1"]
    assert {decode(*record[:1], *record[3:]).time_us for record in found} == {TIME_US}
    saved = await states.load("diary", bus.log_id)
    assert {key: each.data for key, each in saved.items()} == {"a": b"a1\na2", "b": b"b1"}
    assert {sum(each.offsets.values()) for each in saved.values()} == {3}


@pytest.mark.parametrize("is_stateful", [True, False])
async def test_a_poisoned_event_is_put_aside_and_nobody_else_suffers(states: SqliteStates, is_stateful: bool) -> None:
    bus = MemoryBus(partitions=1)
    answers, dead = await watch(bus, ALERTS), await watch(bus, f"{SEEDS}.dead")
    stateless = diary(
        initial_state=None, dump=None, load=None, step=lambda _, events: (None, diary_step(Note(), events)[1])
    )
    service, store = (diary(), states) if is_stateful else (stateless, None)
    messages = [encode(seed(text)) for text in ("a1", "a-poison", "a2", "b1")]
    broken = user_message(GenomeSeeded, "run", b'{"genome": {}, "note": NaN}')
    await bus.publish([*messages[:2], broken, *messages[2:]])
    async with running(service, bus, store):
        found = texts(await take(answers, 3))
        refused = {record.value: record for record in await take(dead, 2)}
    assert [text.split(":")[0] for text in found] == ["a1", "a2", "b1"]
    assert set(refused) == {messages[1].value, broken.value}
    original = messages[1]
    letter = refused[original.value]
    headers = dict(letter.headers)
    assert letter.key == original.key
    assert letter.headers[: len(original.headers)] == original.headers
    assert headers["dead_service"] == b"diary"
    assert headers["dead_error"] == b"ContractError"
    assert b"a-poison" in headers["dead_reason"]
    assert headers["dead_source"] == f"{SEEDS}/0/1".encode()


async def test_an_event_of_another_run_is_put_aside(states: SqliteStates) -> None:
    """Or the first that comes, from whoever, would say which run a state works for."""
    bus = MemoryBus(partitions=1)
    answers, dead = await watch(bus, ALERTS), await watch(bus, f"{SEEDS}.dead")
    alien = replace(seed("a0"), run=RUN.model_copy(update={"seed": RUN.seed + 1}))
    await bus.publish([encode(alien), encode(seed("a1"))])
    async with running(diary(), bus, states):
        assert texts(await take(answers, 1)) == ["a1:1"]
        letter = (await take(dead, 1))[0]
    assert b"this bus is for" in dict(letter.headers)["dead_reason"]


async def test_ten_megabytes_become_a_dead_letter_byte_for_byte(states: SqliteStates) -> None:
    bus = MemoryBus()
    dead = await watch(bus, f"{SEEDS}.dead")
    value = b'{"genome": "' + b"x" * 10_000_000 + b'"}'
    async with running(diary(), bus, states):
        await bus.publish([user_message(GenomeSeeded, "run", value)])
        letter = (await take(dead, 1))[0]
    assert letter.value == value
    assert b"at most 1048576 bytes" in dict(letter.headers)["dead_reason"]


async def test_batches_are_bounded_and_keep_the_order(states: SqliteStates) -> None:
    sizes = []

    def step(state: Note, events: Sequence[Event]) -> tuple[Note, list[Event]]:
        sizes.append(len(events))
        return diary_step(state, events)

    bus = MemoryBus(partitions=1)
    answers = await watch(bus, ALERTS)
    await bus.publish([encode(seed(f"a{index}")) for index in range(25)])
    async with running(diary(step=step), bus, states, LoopSettings(records_max=4, wait_s=0.01)):
        found = texts(await take(answers, 25))
    assert found == [f"a{index}:{index + 1}" for index in range(25)]
    assert max(sizes) == 4


async def test_the_event_loop_goes_on_while_a_step_works(states: SqliteStates) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def step(state: Note, events: Sequence[Event]) -> tuple[Note, list[Event]]:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)
        return diary_step(state, events)

    bus = MemoryBus()
    answers = await watch(bus, ALERTS)
    async with running(diary(step=step), bus, states):
        await bus.publish([encode(seed("a1"))])
        await asyncio.wait_for(begun.wait(), 20)
        go_on.set()
        assert texts(await take(answers, 1)) == ["a1:1"]


class Flaky:
    """Raises TransientError so many times, then acts."""

    def __init__(self, failures: int) -> None:
        self.left = failures

    def pass_or_raise(self) -> None:
        if self.left:
            self.left -= 1
            raise TransientError("try again")


class FlakyBus(MemoryBus):
    flaky, joining = Flaky(0), Flaky(0)

    async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> MemoryConsumer:
        self.joining.pass_or_raise()
        return await super().subscribe(group, topics, may_lag=may_lag)

    async def publish(self, messages: Sequence[Message]) -> None:
        self.flaky.pass_or_raise()
        await super().publish(messages)


class FlakyStates(SqliteStates):
    flaky = Flaky(0)

    async def save(self, service: str, log_id: str, shard: int, states: Mapping[str, bytes], offsets: Offsets) -> None:
        self.flaky.pass_or_raise()
        await super().save(service, log_id, shard, states, offsets)


async def test_what_may_recover_is_tried_again_in_every_place(tmp_path: Path) -> None:
    in_step = Flaky(2)

    def step(state: Note, events: Sequence[Event]) -> tuple[Note, list[Event]]:
        in_step.pass_or_raise()
        return diary_step(state, events)

    bus, states = FlakyBus(), FlakyStates(tmp_path / "states.sqlite")
    answers = await watch(bus, ALERTS)
    await bus.publish([encode(seed("a1"))])
    bus.flaky, bus.joining, states.flaky = Flaky(2), Flaky(2), Flaky(2)
    async with running(diary(step=step), bus, states):
        assert texts(await take(answers, 1)) == ["a1:1"]
    assert in_step.left == bus.flaky.left == bus.joining.left == states.flaky.left == 0
    assert (await states.load("diary", bus.log_id))["a"].data == b"a1"


async def test_retries_are_bounded_and_nothing_is_committed(states: SqliteStates) -> None:
    always = Flaky(10**9)

    def step(state: Note, events: Sequence[Event]) -> tuple[Note, list[Event]]:
        always.pass_or_raise()
        return state, []

    bus = MemoryBus()
    answers = await watch(bus, ALERTS)
    await bus.publish([encode(seed("a1"))])
    await fails(diary(step=step), bus, states, TransientError, "try again")
    assert 10**9 - always.left == QUICK.attempts
    async with running(diary(), bus, states):
        assert texts(await take(answers, 1)) == ["a1:1"]


@pytest.mark.parametrize("error", [ZeroDivisionError, ConfigurationError])
async def test_a_bug_in_a_step_ends_the_task_and_a_restart_replays(
    states: SqliteStates, error: type[Exception]
) -> None:
    def step(state: Note, events: Sequence[Event]) -> tuple[Note, list[Event]]:
        raise error("bug")

    bus = MemoryBus()
    answers, dead = await watch(bus, ALERTS), await watch(bus, f"{SEEDS}.dead")
    await bus.publish([encode(seed("a1"))])
    await fails(diary(step=step), bus, states, error, "bug")
    async with running(diary(), bus, states):
        assert texts(await take(answers, 1)) == ["a1:1"]
    assert await dead.fetch(records_max=1, bytes_max=1, wait_s=0.02) == []


async def test_an_undeclared_output_is_a_bug(states: SqliteStates) -> None:
    bus = MemoryBus()
    await bus.publish([encode(seed("a1"))])
    await fails(diary(produces=()), bus, states, TypeError, "diary does not declare AlertRaised")


@pytest.mark.parametrize(
    ("changes", "has_store", "match"),
    [
        ({"dump": None}, True, "diary has a state; give it"),
        ({"load": None}, True, "diary has a state; give it"),
        ({}, False, "state store"),
        ({"consumes": (GenomeSeeded, int)}, True, "int is no event"),
        ({"produces": (str,)}, True, "str is no event"),
    ],
)
async def test_a_service_that_cannot_run_is_refused(
    states: SqliteStates, changes: dict[str, Any], has_store: bool, match: str
) -> None:
    await fails(diary(**changes), MemoryBus(), states if has_store else None, ConfigurationError, match)


async def test_a_restart_goes_on_from_the_saved_state_and_recovers(states: SqliteStates) -> None:
    def recover(state: Note) -> list[Event]:
        return [alert(f"again {text}") for text in state.texts]

    first = MemoryBus()
    answers = await watch(first, ALERTS)
    async with running(diary(), first, states):
        await first.publish([encode(seed("a1")), encode(seed("b1"))])
        await take(answers, 2)
    second = MemoryBus()
    answers = await watch(second, ALERTS)
    async with running(diary(recover=recover), second, states):
        assert sorted(texts(await take(answers, 2))) == ["again a1", "again b1"]
        await second.publish([encode(seed("a2"))])
        assert texts(await take(answers, 1)) == ["a2:2"]


async def test_an_event_whose_effect_is_saved_is_not_stepped_again(tmp_path: Path) -> None:
    """Killed between save and commit: the bus delivers again, the offset beside the state knows better."""

    class Dies(MemoryBus):
        async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> Any:
            consumer = await super().subscribe(group, topics, may_lag=may_lag)
            if group == "diary" and self.deaths:
                self.deaths -= 1
                consumer.commit = _die  # type: ignore[method-assign]
            return consumer

        deaths = 1

    async def _die(_: Offsets) -> None:
        raise RuntimeError("killed")

    states, bus = SqliteStates(tmp_path / "states.sqlite"), Dies()
    answers = await watch(bus, ALERTS)
    await bus.publish([encode(seed("a1"))])
    await fails(diary(), bus, states, RuntimeError, "killed")
    async with running(diary(), bus, states):
        await bus.publish([encode(seed("a2"))])
        assert texts(await take(answers, 2)) == ["a1:1", "a2:2"]


@pytest.mark.parametrize("is_stateful", [True, False])
async def test_a_commit_that_is_lost_is_made_again_though_no_record_follows(
    states: SqliteStates, is_stateful: bool
) -> None:
    lost = Flaky(2)

    class Loses(MemoryBus):
        async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> MemoryConsumer:
            consumer = await super().subscribe(group, topics, may_lag=may_lag)
            commit = consumer.commit

            async def unsure(offsets: Offsets) -> None:
                lost.pass_or_raise()
                await commit(offsets)

            if group == "diary":
                consumer.commit = unsure  # type: ignore[method-assign]
            return consumer

    def quiet(state: None, _: Sequence[Event]) -> tuple[None, list[Event]]:
        return state, []

    bus = Loses()
    stateless: Service[Any] = Service("diary", (GenomeSeeded,), (AlertRaised,), quiet)
    async with running(diary() if is_stateful else stateless, bus, states):
        await bus.publish([encode(seed("a1"))])
        async with asyncio.timeout(20):
            while lost.left or any((await bus.lag("diary", [SEEDS])).values()):
                await asyncio.sleep(0.01)
    assert not lost.left


async def test_two_loops_of_one_service_share_its_keys(states: SqliteStates) -> None:
    """Partitions move when the second joins and again when it leaves; every note lands once, in order."""
    bus = MemoryBus(partitions=8)
    expected: dict[str, list[str]] = {}

    async def say(turn: int) -> None:
        for letter in "abcdefgh":
            event = seed(f"{letter}{turn}")
            expected.setdefault(letter, []).append(event.payload.note)  # type: ignore[union-attr]
            await bus.publish([encode(event)._replace(key=letter.encode())])
            await asyncio.sleep(0.002)

    async def saved(turns: int) -> dict[str, list[str]]:
        for _ in range(2000):
            saved = await states.load("diary", bus.log_id)
            found = {key: each.data.decode().split("\n") for key, each in saved.items()}
            if sum(map(len, found.values())) >= turns * 8:
                break
            await asyncio.sleep(0.01)
        return found

    async with running(diary(), bus, states):
        await say(0)
        assert await saved(1) == expected
        async with running(diary(), bus, states):
            await say(1)
            assert await saved(2) == expected
        await say(2)
        assert await saved(3) == expected


async def test_services_started_together_miss_nothing() -> None:
    """The first to restore publishes at once; the last to start still reads it."""
    bus, seen = MemoryBus(), []

    def note(_: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
        seen.extend(events)
        return None, []

    def collector(name: str) -> Service[None]:
        return Service(name, (AlertRaised,), (), note)

    stop = asyncio.Event()
    tasks = [asyncio.create_task(run_service(collector(str(i)), bus, stop=stop, settings=QUICK)) for i in range(3)]
    tasks.append(asyncio.create_task(bus.publish([encode(alert("first"))])))
    tasks.append(asyncio.create_task(run_service(collector("late"), bus, stop=stop, settings=QUICK)))
    for _ in range(500):
        if len(seen) == 4:
            break
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*tasks)
    assert len(seen) == 4


async def test_stop_ends_an_idle_service_at_once_and_frees_its_partitions() -> None:
    bus = MemoryBus()
    async with running(diary(initial_state=None, dump=None, load=None), bus, None):
        pass
    successor = await bus.subscribe("diary", [SEEDS])
    assert len(successor.assignment) == bus.partitions
