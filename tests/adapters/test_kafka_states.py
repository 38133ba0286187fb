"""What only the snapshot topics of Kafka have to show."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from common.adapters.kafka_bus import KafkaBus
from common.adapters.kafka_states import KafkaStates
from common.errors import TransientError
from common.events.message import Message
from common.ports import Saved, TopicPlan
from common.run.open import open_states
from common.run.topics import snapshot_topic
from tests.adapters.kafka import child

SAVER = """
import asyncio, sys
from common.run.open import open_states

async def main():
    store = open_states(sys.argv[1])
    for turn in range(1, 100_000):
        value = turn.to_bytes(8, "big") * 20_000
        await store.save("s", "log", 0, {str(key): value for key in range(8)}, {("t", 0): turn})
        print(turn, flush=True)

asyncio.run(main())
"""


async def test_states_survive_kill_9_each_right_at_its_own_offsets(bus: KafkaBus, url: str) -> None:
    await bus.create([TopicPlan(snapshot_topic("s"), 2, compacted=True)])
    with child(SAVER, url) as process:
        assert process.stdout is not None
        acknowledged = [await asyncio.to_thread(process.stdout.readline) for _ in range(10)][-1]
        process.send_signal(signal.SIGKILL)
    store = open_states(url)
    found = await store.load("s", "log")
    assert found.keys() == {str(key) for key in range(8)}
    for saved in found.values():
        turn = saved.offsets["t", 0]
        assert turn >= int(acknowledged)
        assert saved.data == turn.to_bytes(8, "big") * 20_000
    await store.close()


async def test_the_snapshot_furthest_ahead_counts_not_the_last_one(bus: KafkaBus, url: str) -> None:
    await bus.create([TopicPlan(snapshot_topic("s"), 1, compacted=True)])
    zombie, successor = open_states(url), open_states(url)
    await zombie.save("s", "log", 0, {"k": b"three"}, {("t", 0): 3})
    await successor.save("s", "log", 0, {"k": b"nine"}, {("t", 0): 9})
    await zombie.save("s", "log", 0, {"k": b"four"}, {("t", 0): 4})
    assert (await successor.load("s", "log"))["k"].data == b"nine"
    for store in (zombie, successor):
        await store.close()


async def test_a_save_that_is_cut_hides_no_state_that_is_missing(bus: KafkaBus, url: str) -> None:
    """The first save of two states dies behind the first of them: the other one has events from the very beginning."""
    await bus.create([TopicPlan(snapshot_topic("s"), 1, compacted=True)])
    store = KafkaStates(url, snapshot_topic)
    whole, store._bus.publish = store._bus.publish, _cut_after(1, store._bus)
    with pytest.raises(TransientError, match="killed"):
        await store.save("s", "log", 0, {"a": b"a2", "b": b"b2"}, {("t", 0): 2})
    assert await KafkaStates(url, snapshot_topic).load("s", "log") == {"a": Saved(b"a2", 0, {("t", 0): 2}, {})}
    store._bus.publish = whole
    await store.save("s", "log", 0, {"a": b"a2", "b": b"b2"}, {("t", 0): 2})
    store._bus.publish = _cut_after(2, store._bus)
    with pytest.raises(TransientError, match="killed"):
        await store.save("s", "log", 0, {"a": b"a9", "c": b"c9"}, {("t", 0): 9})
    found = await KafkaStates(url, snapshot_topic).load("s", "log")
    assert {each.since["t", 0] for each in found.values()} == {2}
    assert (found["a"].data, found["a"].offsets) == (b"a9", {("t", 0): 9})
    await store.close()


async def test_a_state_that_is_ahead_keeps_its_offsets_in_the_next_save(bus: KafkaBus, url: str) -> None:
    await bus.create([TopicPlan(snapshot_topic("s"), 1, compacted=True)])
    store = KafkaStates(url, snapshot_topic)
    whole = store._bus.publish
    await store.save("s", "log", 0, {"b": b"b2", "a": b"a2"}, {("t", 0): 2})
    store._bus.publish = _cut_after(1, store._bus)
    with pytest.raises(TransientError, match="killed"):
        await store.save("s", "log", 0, {"b": b"b6"}, {("t", 0): 6})
    store._bus.publish = whole
    successor = KafkaStates(url, snapshot_topic)
    assert (await successor.load("s", "log"))["b"].offsets == {("t", 0): 6}
    await successor.save("s", "log", 0, {"a": b"a3"}, {("t", 0): 3})
    found = await KafkaStates(url, snapshot_topic).load("s", "log")
    assert {key: (each.data, each.offsets["t", 0]) for key, each in found.items()} == {"a": (b"a3", 3), "b": (b"b6", 6)}
    await successor.close()
    await store.close()


async def test_a_state_above_the_size_of_a_record_is_kept(bus: KafkaBus, url: str) -> None:
    await bus.create([TopicPlan(snapshot_topic("s"), 1, compacted=True)])
    store = open_states(url)
    large = bytes(range(256)) * (80 << 12)
    await store.save("s", "log", 0, {"k": large}, {("t", 0): 3})
    assert (await store.load("s", "log"))["k"].data == large
    await store.close()


def _cut_after(count: int, bus: KafkaBus) -> Any:
    publish = KafkaBus.publish

    async def cut(messages: Sequence[Message], *, partition: int | None = None) -> None:
        await publish(bus, messages[:count], partition=partition)
        raise TransientError("killed")

    return cut


async def test_what_is_no_snapshot_is_passed_over(bus: KafkaBus, url: str) -> None:
    topic = snapshot_topic("s")
    await bus.create([TopicPlan(topic, 1, compacted=True)])
    store = open_states(url)
    await store.save("s", "log", 0, {"k": b"v"}, {("t", 0): 3})
    await bus.publish([Message(topic, b"k", (("who", b"a stranger"),), b"noise")])
    assert {key: saved.data for key, saved in (await store.load("s", "log")).items()} == {"k": b"v"}
    await store.close()
