"""What only Kafka has to show: brokers that die, members that freeze, producers that are out of step."""

import asyncio
import signal
import uuid

import pytest

from common.adapters.kafka_bus import KafkaBus
from common.adapters.kafka_consumer import KafkaConsumer
from common.errors import TransientError
from common.events.message import Message
from common.ports import Record, TopicPlan
from tests.adapters.kafka import BIG, PATIENCE_S, child, messages, publish, read, share
from tools.servers import Servers


@pytest.mark.proof
async def test_a_broker_killed_and_started_again_loses_nothing_acknowledged(
    bus: KafkaBus, servers_here: Servers
) -> None:
    consumer = await bus.subscribe("g", ["t"])
    acknowledged: list[str] = []
    stop = asyncio.Event()

    async def publisher() -> None:
        while not stop.is_set():
            values = [f"{len(acknowledged) + index}" for index in range(20)]
            await publish(bus, *values)
            acknowledged.extend(values)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(publisher())
    seen = {record.value.decode() for record in await read(consumer, 200)}
    assert (await bus.lag("g", ["t"])).keys() == consumer.assignment  # its connections are open from now on
    await asyncio.to_thread(servers_here.kill, "kafka-1")
    with pytest.raises(TransientError, match="lag of group g"):
        await bus.lag("g", ["t"])
    before = len(acknowledged)
    await asyncio.to_thread(servers_here.start_one, "kafka-1")
    async with asyncio.timeout(PATIENCE_S):
        while len(acknowledged) < before + 200:
            await asyncio.sleep(0.05)
    stop.set()
    await task
    async with asyncio.timeout(PATIENCE_S):
        while not seen.issuperset(acknowledged):
            found = await consumer.fetch(records_max=1000, bytes_max=BIG, wait_s=0.2)
            seen |= {record.value.decode() for record in found}
    assert len(acknowledged) >= 400
    assert (await bus.lag("g", ["t"])).keys() == consumer.assignment
    await consumer.commit(dict.fromkeys(consumer.assignment, 1))


async def test_a_publish_that_nobody_acknowledges_ends(kafka_url: str, servers_here: Servers) -> None:
    bus = KafkaBus(f"{kafka_url}/{uuid.uuid4().hex[:8]}?deliver_ms=1500")
    await bus.create([TopicPlan("t", 1)])
    await bus.publish(messages("before"))
    servers_here.pause("kafka-1")
    try:
        with pytest.raises(TransientError, match="publish"):
            await bus.publish(messages("while it sleeps"))
    finally:
        servers_here.resume("kafka-1")
    await publish(bus, "after")
    await bus.close()


async def test_a_producer_out_of_step_is_replaced(bus: KafkaBus) -> None:
    """Its numbers skip some, which is how aiokafka stands after a batch that timed out; the broker refuses that."""
    await bus.publish([Message("t", b"k", (), b"1")])
    consumer = await bus.subscribe("g", ["t"])
    [first] = await read(consumer, 1)
    broken = bus._producer
    broken._txn_manager.increment_sequence_number(bus.place("t", first.partition), 7)
    with pytest.raises(TransientError, match="OutOfOrderSequenceNumber"):
        await bus.publish([Message("t", b"k", (), b"2")])
    await bus.publish([Message("t", b"k", (), b"2")])
    assert bus._producer is not broken
    assert [record.value for record in await read(consumer, 1)] == [b"2"]


async def test_a_member_keeps_its_place_in_partitions_that_it_keeps(bus: KafkaBus) -> None:
    """Nothing is committed; Kafka would start again from the beginning."""
    first = await bus.subscribe("g", ["t"])
    await bus.publish(messages(*map(str, range(40))))
    seen = await read(first, 40)
    second = await bus.subscribe("g", ["t"])
    await share(first, 2)
    await bus.publish(messages(*map(str, range(40, 80))))
    moved = {record.value for record in seen if (record.topic, record.partition) in second.assignment}
    fresh = {str(number).encode() for number in range(40, 80)}
    got = [record.value for record in await read(second, len(moved))]
    while len(got) < len(moved) + len(fresh):
        got += [record.value for member in (first, second) for record in await read_some(member)]
    assert len(got) == len(set(got))
    assert set(got) == moved | fresh


async def test_a_member_whose_step_takes_longer_than_the_setting_leaves(url: str) -> None:
    """The heartbeat goes on beside a step in a thread: only the setting tells a long step from a process that hangs."""
    hasty, patient = KafkaBus(f"{url}?session_ms=1500&step_ms=500"), KafkaBus(f"{url}?session_ms=1500")
    await patient.create([TopicPlan("t", 4)])
    hangs, steps = await hasty.subscribe("g", ["t"]), await patient.subscribe("h", ["t"])
    await publish(patient, *map(str, range(20)))
    seen = await read(hangs, 20), await read(steps, 20)
    successor = await patient.subscribe("g", ["t"])
    await share(successor, 4)
    with pytest.raises(TransientError):
        await hangs.commit({("t", record.partition): record.offset + 1 for record in seen[0]})
    await steps.commit({("t", record.partition): record.offset + 1 for record in seen[1]})
    for bus in (hasty, patient):
        await bus.close()


async def test_a_closed_member_is_forgotten(bus: KafkaBus) -> None:
    members = [await bus.subscribe("g", ["t"]) for _ in range(3)]
    for member in members[:2]:
        await member.close()
    assert bus._members == {members[2]}
    await bus.close()
    assert bus._members == set()


async def read_some(consumer: KafkaConsumer) -> list[Record]:
    return await consumer.fetch(records_max=1000, bytes_max=BIG, wait_s=0.1)


FROZEN = """
import asyncio, sys
from common.errors import TransientError
from common.run.open import open_bus

async def main():
    bus = open_bus(sys.argv[1])
    consumer = await bus.subscribe("g", ["t"])
    found = []
    while len(found) < 20:
        found += await consumer.fetch(records_max=100, bytes_max=1 << 20, wait_s=0.2)
    print("read", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await consumer.commit({(record.topic, record.partition): record.offset + 1 for record in found})
        print("committed", flush=True)
    except TransientError as error:
        print("refused", flush=True)
    await bus.close()

asyncio.run(main())
"""


async def test_a_member_frozen_past_its_session_cannot_commit(bus: KafkaBus) -> None:
    await bus.publish(messages(*map(str, range(20))))
    with child(FROZEN, bus.settings.url) as frozen:
        assert frozen.stdout is not None
        assert frozen.stdin is not None
        assert await asyncio.to_thread(frozen.stdout.readline) == "read\n"
        frozen.send_signal(signal.SIGSTOP)
        successor = await bus.subscribe("g", ["t"])
        repeated = await read(successor, 20)
        assert {record.value.decode() for record in repeated} == set(map(str, range(20)))
        frozen.stdin.write("\n")
        frozen.stdin.flush()
        frozen.send_signal(signal.SIGCONT)
        assert await asyncio.to_thread(frozen.stdout.readline) == "refused\n"
    assert sum((await bus.lag("g", ["t"])).values()) == 20
