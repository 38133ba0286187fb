"""What every bus must do. A new adapter joins by one entry in ``BUSES``; nothing here knows which one runs."""

import asyncio
import itertools
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable

import pytest

from common.errors import TransientError
from common.events.message import Message
from common.ports import Bus, Consumer, Partition, Record, TopicPlan
from common.run.open import open_bus

BUSES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "memory": lambda _: "memory://",
    "kafka": lambda request: request.getfixturevalue("kafka_url") + "/suite?session_ms=2000",
}
PARTITIONS = 4
BIG = 1 << 30
PATIENCE_S = 20.0


@pytest.fixture(params=sorted(BUSES))
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    opened = open_bus(BUSES[request.param](request))
    yield opened
    await opened.close()


def name(what: str) -> str:
    return f"{what}.{uuid.uuid4().hex[:8]}"


async def topics_of(bus: Bus, *names: str) -> list[str]:
    """New topics of four partitions, with these names and something random behind."""
    made = [name(each) for each in names]
    await bus.create([TopicPlan(each, PARTITIONS) for each in made])
    return made


async def topic_of(bus: Bus, what: str) -> str:
    return (await topics_of(bus, what))[0]


def everything(*topics: str) -> frozenset[Partition]:
    return frozenset((topic, number) for topic in topics for number in range(PARTITIONS))


def message(topic: str, key: str, value: bytes = b"v") -> Message:
    return Message(topic, key.encode(), (), value)


def many(topic: str, count: int) -> list[Message]:
    return [message(topic, str(index % 16), str(index).encode()) for index in range(count)]


async def read(consumer: Consumer, count: int, records_max: int = 1000) -> list[Record]:
    """Exactly ``count`` records, and the certainty that there is not one more."""
    found: list[Record] = []
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while len(found) < count and asyncio.get_running_loop().time() < deadline:
        found += await consumer.fetch(records_max=records_max, bytes_max=BIG, wait_s=0.5)
    found += await consumer.fetch(records_max=records_max, bytes_max=BIG, wait_s=0.02)
    assert len(found) == count
    return found


async def settled(whole: frozenset[Partition], *members: Consumer) -> None:
    """Wait until the members share all of these partitions, and each has some."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < deadline:
        held = [at for member in members for at in member.assignment]
        if len(held) == len(whole) and set(held) == whole and all(member.assignment for member in members):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the group did not settle")


def ends(records: list[Record]) -> dict[tuple[str, int], int]:
    return {(record.topic, record.partition): record.offset + 1 for record in records}


async def test_bytes_arrive_as_they_were_sent(bus: Bus) -> None:
    topic = await topic_of(bus, "bytes")
    sent = Message(topic, b"\xff\x00key", (("a", b"\x00\xff"), ("b", b""), ("a", b"again")), bytes(range(256)) * 40)
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish([sent])
    found = (await read(consumer, 1))[0]
    assert (found.topic, found.key, found.headers, found.value) == tuple(sent)


async def test_equal_keys_share_a_partition_and_stay_in_order(bus: Bus) -> None:
    topic = await topic_of(bus, "keys")
    consumer = await bus.subscribe(name("group"), [topic])
    for start in range(0, 200, 20):
        await bus.publish([message(topic, str(i % 7), str(i).encode()) for i in range(start, start + 20)])
    by_key = defaultdict(list)
    for record in await read(consumer, 200):
        by_key[record.key].append(record)
    for key, records in by_key.items():
        assert len({record.partition for record in records}) == 1
        assert [int(record.value) for record in records] == [i for i in range(200) if str(i % 7).encode() == key]


async def test_keys_spread_over_partitions(bus: Bus) -> None:
    topic = await topic_of(bus, "spread")
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish([message(topic, f"island-{i}") for i in range(64)])
    assert {record.partition for record in await read(consumer, 64)} == set(range(PARTITIONS))


async def test_the_same_key_finds_the_same_partition_in_every_topic(bus: Bus) -> None:
    topics = await topics_of(bus, "evaluated", "migrant")
    consumer = await bus.subscribe(name("group"), topics)
    await bus.publish([message(topic, str(key)) for topic in topics for key in range(20)])
    places = defaultdict(set)
    for record in await read(consumer, 40):
        places[record.key].add(record.partition)
    assert all(len(found) == 1 for found in places.values())


async def test_offsets_grow_by_one_within_a_partition(bus: Bus) -> None:
    topic = await topic_of(bus, "offsets")
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish(many(topic, 100))
    by_partition = defaultdict(list)
    for record in await read(consumer, 100, records_max=7):
        by_partition[record.partition].append(record.offset)
    assert all(found == list(range(len(found))) for found in by_partition.values())


async def test_every_group_sees_everything_and_each_record_once(bus: Bus) -> None:
    topic = await topic_of(bus, "groups")
    consumers = [await bus.subscribe(name("group"), [topic]) for _ in range(2)]
    await bus.publish(many(topic, 50))
    for consumer in consumers:
        assert sorted(int(record.value) for record in await read(consumer, 50)) == list(range(50))


async def test_a_group_reads_only_its_topics(bus: Bus) -> None:
    wanted, other = await topics_of(bus, "wanted", "other")
    consumer = await bus.subscribe(name("group"), [wanted])
    await bus.publish([message(other, "k"), message(wanted, "k"), message(other, "k")])
    assert [record.topic for record in await read(consumer, 1)] == [wanted]


async def test_a_late_group_starts_at_the_oldest_record(bus: Bus) -> None:
    topic = await topic_of(bus, "late")
    await bus.publish(many(topic, 30))
    consumer = await bus.subscribe(name("group"), [topic])
    assert len(await read(consumer, 30)) == 30


async def test_a_fetch_is_bounded_by_records(bus: Bus) -> None:
    topic = await topic_of(bus, "count")
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish(many(topic, 40))
    sizes = []
    while sum(sizes) < 40:
        sizes.append(len(await consumer.fetch(records_max=9, bytes_max=BIG, wait_s=PATIENCE_S)))
    assert max(sizes) <= 9


async def test_a_fetch_is_bounded_by_bytes_but_never_empty_handed(bus: Bus) -> None:
    topic = await topic_of(bus, "bytes")
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish([message(topic, str(i), b"x" * (100_000 if i == 3 else 1000)) for i in range(10)])
    batches = []
    while sum(map(len, batches)) < 10:
        batches.append(await consumer.fetch(records_max=100, bytes_max=5000, wait_s=PATIENCE_S))
    sizes = [sum(len(record.value) for record in batch) for batch in batches]
    assert all(size <= 5000 or len(batch) == 1 for size, batch in zip(sizes, batches, strict=True))


async def test_a_fetch_waits_for_a_record(bus: Bus) -> None:
    topic = await topic_of(bus, "wait")
    consumer = await bus.subscribe(name("group"), [topic])
    assert await consumer.fetch(records_max=1, bytes_max=BIG, wait_s=0.05) == []
    waiting = asyncio.create_task(consumer.fetch(records_max=1, bytes_max=BIG, wait_s=PATIENCE_S))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await bus.publish([message(topic, "k")])
    assert len(await waiting) == 1


async def test_what_was_not_committed_comes_again(bus: Bus) -> None:
    topic, group = await topic_of(bus, "again"), name("group")
    first = await bus.subscribe(group, [topic])
    await bus.publish(many(topic, 60))
    seen = await read(first, 60)
    done = seen[:25]
    await first.commit(ends(done))
    await first.close()
    second = await bus.subscribe(group, [topic])
    repeated = await read(second, 35)
    assert {record.value for record in repeated} == {record.value for record in seen[25:]}
    await second.commit(ends(repeated))
    await second.close()
    third = await bus.subscribe(group, [topic])
    assert await read(third, 0) == []


async def test_members_share_the_partitions_and_every_record_goes_to_one(bus: Bus) -> None:
    topics, group = await topics_of(bus, "one", "two"), name("group")
    alone = await bus.subscribe(group, topics)
    await settled(everything(*topics), alone)
    other = await bus.subscribe(group, topics)
    await settled(everything(*topics), alone, other)
    for number in range(PARTITIONS):
        owners = {alone if (topic, number) in alone.assignment else other for topic in topics}
        assert len(owners) == 1
    await bus.publish(many(topics[0], 40) + many(topics[1], 40))
    found = []
    while len(found) < 80:
        found += await alone.fetch(records_max=100, bytes_max=BIG, wait_s=0.05)
        found += await other.fetch(records_max=100, bytes_max=BIG, wait_s=0.05)
    assert len({(record.topic, record.value) for record in found}) == len(found) == 80


async def test_a_rebalance_shows_even_when_everything_came_back(bus: Bus) -> None:
    topic, group = await topic_of(bus, "show"), name("group")
    first = await bus.subscribe(group, [topic])
    await settled(everything(topic), first)
    before = first.assignment
    second = await bus.subscribe(group, [topic])
    await settled(everything(topic), first, second)
    await second.close()
    await settled(everything(topic), first)
    assert first.assignment == before
    assert first.assignment is not before


async def test_who_leaves_passes_on_what_it_did_not_commit(bus: Bus) -> None:
    topic, group = await topic_of(bus, "leave"), name("group")
    stays, leaves = await bus.subscribe(group, [topic]), await bus.subscribe(group, [topic])
    await settled(everything(topic), stays, leaves)
    await bus.publish(many(topic, 64))
    mine = await stays.fetch(records_max=1000, bytes_max=BIG, wait_s=PATIENCE_S)
    lost = await leaves.fetch(records_max=1000, bytes_max=BIG, wait_s=PATIENCE_S)
    assert len(mine) + len(lost) == 64
    await leaves.close()
    assert {record.value for record in await read(stays, len(lost))} == {record.value for record in lost}


async def test_a_lost_partition_cannot_be_committed(bus: Bus) -> None:
    topic, group = await topic_of(bus, "lost"), name("group")
    first = await bus.subscribe(group, [topic])
    await bus.publish(many(topic, 64))
    seen = await read(first, 64)
    second = await bus.subscribe(group, [topic])
    await settled(everything(topic), first, second)
    with pytest.raises(TransientError):
        await first.commit(ends(seen))
    repeated = await read(second, sum((record.topic, record.partition) in second.assignment for record in seen))
    assert {record.value for record in repeated} <= {record.value for record in seen}


async def test_everything_is_delivered_while_members_come_and_go(bus: Bus) -> None:
    """At least once for all, and never again after a commit."""
    topic, group = await topic_of(bus, "churn"), name("group")
    committed: dict[int, int] = defaultdict(int)
    members: list[Consumer] = []
    counter = itertools.count()
    for turn in range(24):
        if turn % 4 == 0 or not members:
            members.append(await bus.subscribe(group, [topic]))
        await bus.publish([message(topic, str(next(counter) % 11), str(turn).encode()) for _ in range(10)])
        await settled(everything(topic), *members)
        for index, member in enumerate(members):
            batch = await member.fetch(records_max=6, bytes_max=BIG, wait_s=0.02)
            for record in batch:
                assert record.offset >= committed[record.partition]
            if (turn + index) % 3:
                await member.commit(ends(batch))
                for (_, partition), following in ends(batch).items():
                    committed[partition] = following
        if turn % 5 == 4:
            await members.pop(0).close()
    for member in members:
        await member.close()
    last = await bus.subscribe(group, [topic])
    rest = await read(last, 240 - sum(committed.values()))
    assert all(record.offset >= committed[record.partition] for record in rest)


async def test_reading_goes_on_where_it_is_told_to(bus: Bus) -> None:
    topic = await topic_of(bus, "seek")
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish(many(topic, 200))
    first = ends(await read(consumer, 200))
    at = min(first)
    for offset in (first[at] - 3, 0, first[at]):
        await consumer.seek({at: offset})
        again = await read(consumer, first[at] - offset)
        assert [record.offset for record in again] == list(range(offset, first[at]))
        assert ends(again) == ({at: first[at]} if again else {})


async def test_a_seek_forgets_what_was_read_ahead(bus: Bus) -> None:
    topic = await topic_of(bus, "ahead")
    consumer = await bus.subscribe(name("group"), [topic])
    await bus.publish([message(topic, "k", str(i).encode() * 100) for i in range(10)])
    found = await consumer.fetch(records_max=10, bytes_max=150, wait_s=PATIENCE_S)
    at = (topic, found[0].partition)
    for start in (5, 2, 0):
        await consumer.seek({at: start})
        found = await consumer.fetch(records_max=10, bytes_max=150, wait_s=PATIENCE_S)
        assert [record.offset for record in found] == [start]


async def test_a_seek_beyond_the_end_or_into_a_lost_partition_is_refused(bus: Bus) -> None:
    topic, group = await topic_of(bus, "refuse"), name("group")
    first = await bus.subscribe(group, [topic])
    await settled(everything(topic), first)
    with pytest.raises(TransientError, match="end"):
        await first.seek({(topic, 0): 1})
    second = await bus.subscribe(group, [topic])
    await settled(everything(topic), first, second)
    with pytest.raises(TransientError, match="moved"):
        await first.seek(dict.fromkeys(second.assignment, 0))


async def test_lag_is_what_a_group_has_not_committed(bus: Bus) -> None:
    topic, group = await topic_of(bus, "lag"), name("group")
    assert await bus.lag(group, [topic]) == dict.fromkeys(everything(topic), 0)
    await bus.publish(many(topic, 64))
    assert sum((await bus.lag(group, [topic])).values()) == 64
    consumer = await bus.subscribe(group, [topic])
    seen = await read(consumer, 64)
    await consumer.commit(ends(seen[:40]))
    found = await bus.lag(group, [topic])
    assert found.keys() == everything(topic)
    assert sum(found.values()) == 24


async def test_a_topic_that_is_there_stays_as_it_is(bus: Bus) -> None:
    topic = await topic_of(bus, "there")
    await bus.publish(many(topic, 64))
    await bus.create([TopicPlan(topic, PARTITIONS - 1), TopicPlan(name("new"), 1, retention_s=3600)])
    consumer = await bus.subscribe(name("group"), [topic])
    await read(consumer, 64)
    assert consumer.assignment == everything(topic)


async def test_the_log_has_one_name(bus: Bus) -> None:
    assert bus.log_id
    assert bus.log_id == bus.log_id
