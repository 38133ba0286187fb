"""What only the bus in memory has to show: bounded memory, and that nobody misses the beginning."""

import logging

import pytest

from common.adapters.memory_bus import MemoryBus
from common.events.message import Message


def messages(topic: str, count: int, size: int = 1000) -> list[Message]:
    return [Message(topic, str(index).encode(), (), b"x" * size) for index in range(count)]


async def test_what_every_group_has_committed_is_dropped() -> None:
    bus = MemoryBus()
    fast, slow = await bus.subscribe("fast", ["t"]), await bus.subscribe("slow", ["t"])
    await bus.publish(messages("t", 100))
    kept = bus.size_bytes()
    for consumer in (fast, slow):
        assert bus.size_bytes() == kept
        records = await consumer.fetch(records_max=100, bytes_max=1 << 20, wait_s=1)
        await consumer.commit({("t", record.partition): record.offset + 1 for record in records})
    assert bus.size_bytes() == 0


async def test_offsets_go_on_after_records_were_dropped() -> None:
    bus = MemoryBus(partitions=1)
    consumer = await bus.subscribe("g", ["t"])
    offsets = []
    for _ in range(5):
        await bus.publish(messages("t", 3))
        records = await consumer.fetch(records_max=100, bytes_max=1 << 20, wait_s=1)
        offsets += [record.offset for record in records]
        await consumer.commit({("t", 0): records[-1].offset + 1})
    assert offsets == list(range(15))


async def test_a_reader_that_stands_still_costs_bounded_memory(caplog: pytest.LogCaptureFixture) -> None:
    bus = MemoryBus(partitions=1, retention_bytes=100_000)
    still = await bus.subscribe("still", ["t"], may_lag=True)
    with caplog.at_level(logging.WARNING):
        await bus.publish(messages("t", 500))
    assert bus.size_bytes() <= 100_000
    assert "unread records dropped" in caplog.text
    records = await still.fetch(records_max=1000, bytes_max=1 << 20, wait_s=1)
    assert records[-1].offset == 499


async def test_a_reader_that_must_not_miss_anything_does_not() -> None:
    bus = MemoryBus(partitions=1, retention_bytes=10_000)
    late, core = await bus.subscribe("late", ["t"], may_lag=True), await bus.subscribe("core", ["t"])
    for _ in range(10):
        await bus.publish(messages("t", 10))
    assert len(await core.fetch(records_max=1000, bytes_max=1 << 20, wait_s=1)) == 100
    assert bus.size_bytes() > 100_000
    await core.commit({("t", 0): 100})
    assert bus.size_bytes() <= 10_000
    assert (await late.fetch(records_max=1000, bytes_max=1 << 20, wait_s=1))[-1].offset == 99


async def test_one_message_above_the_retention_still_passes() -> None:
    bus = MemoryBus(partitions=1, retention_bytes=1000)
    consumer = await bus.subscribe("g", ["t"])
    await bus.publish(messages("t", 1, size=50_000))
    assert len(await consumer.fetch(records_max=1, bytes_max=1, wait_s=1)) == 1


async def test_a_topic_that_nobody_reads_costs_bounded_memory() -> None:
    bus = MemoryBus(partitions=1, retention_bytes=10_000)
    await bus.publish(messages("t.dead", 100))
    assert bus.size_bytes() <= 10_000


async def test_two_buses_are_two_logs() -> None:
    assert MemoryBus().log_id != MemoryBus().log_id


async def test_a_full_partition_does_not_starve_the_others() -> None:
    bus = MemoryBus(partitions=4)
    consumer = await bus.subscribe("g", ["t"])
    await bus.publish([Message("t", b"flood", (), b"x")] * 1000)
    await bus.publish([Message("t", str(index).encode(), (), b"quiet") for index in range(8)])
    seen: set[bytes] = set()
    for _ in range(4):
        seen |= {record.value for record in await consumer.fetch(records_max=10, bytes_max=1 << 20, wait_s=1)}
    assert b"quiet" in seen


def test_subscribing_does_not_suspend() -> None:
    """Tasks that subscribe first thing have all subscribed before any of them publishes."""
    joining = MemoryBus().subscribe("g", ["t"])
    with pytest.raises(StopIteration):
        joining.send(None)


async def test_a_closed_consumer_is_not_read_from() -> None:
    bus = MemoryBus()
    consumer = await bus.subscribe("g", ["t"])
    await consumer.close()
    with pytest.raises(RuntimeError, match="closed"):
        await consumer.fetch(records_max=1, bytes_max=1, wait_s=0)
