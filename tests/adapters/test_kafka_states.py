"""What only the snapshot topics of Kafka have to show."""

import asyncio
import signal

from common.adapters.kafka_bus import KafkaBus
from common.events.message import Message
from common.ports import TopicPlan
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


async def test_what_is_no_snapshot_is_passed_over(bus: KafkaBus, url: str) -> None:
    topic = snapshot_topic("s")
    await bus.create([TopicPlan(topic, 1, compacted=True)])
    store = open_states(url)
    await store.save("s", "log", 0, {"k": b"v"}, {("t", 0): 3})
    await bus.publish([Message(topic, b"k", (("who", b"a stranger"),), b"noise")])
    assert {key: saved.data for key, saved in (await store.load("s", "log")).items()} == {"k": b"v"}
    await store.close()
