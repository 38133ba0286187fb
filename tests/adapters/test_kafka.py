"""What only Kafka has to show: brokers that die, members that freeze, strangers, and records of any size."""

import asyncio
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.record.util import calc_crc32c

from common.adapters.kafka_bus import KafkaBus
from common.adapters.kafka_consumer import KafkaConsumer
from common.errors import ConfigurationError, TransientError
from common.events.message import Message
from common.ports import Record, TopicPlan
from common.run.open import open_bus, open_states
from common.run.topics import snapshot_topic
from tools.servers import Servers
from tools.tidy import ROOT

BIG = 1 << 30
PATIENCE_S = 30.0


@pytest.fixture
def url(kafka_url: str) -> str:
    """A namespace of this test's own."""
    return f"{kafka_url}/{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def bus(url: str) -> AsyncIterator[KafkaBus]:
    """With the topic "t" of four partitions."""
    opened = KafkaBus(f"{url}?session_ms=1500")
    await opened.create([TopicPlan("t", 4)])
    yield opened
    await opened.close()


def messages(*values: str) -> list[Message]:
    return [Message("t", value.encode(), (), value.encode()) for value in values]


async def read(consumer: KafkaConsumer, count: int) -> list[Record]:
    """At least ``count`` records."""
    found: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found += await consumer.fetch(records_max=1000, bytes_max=BIG, wait_s=0.2)
    return found


async def share(consumer: KafkaConsumer, partitions: int) -> None:
    """Wait until the member has so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(consumer.assignment) != partitions:
            await asyncio.sleep(0.02)


async def publish(bus: KafkaBus, *values: str) -> None:
    """As the run loop does it: again, until it works."""
    for _ in range(60):
        try:
            return await bus.publish(messages(*values))
        except TransientError:
            await asyncio.sleep(0.5)
    raise AssertionError(values)


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
    await asyncio.to_thread(servers_here.kill, "kafka-1")
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
    async with asyncio.timeout(PATIENCE_S):  # the group's coordinator has come back as well
        while (await bus.lag("g", ["t"])).keys() != consumer.assignment:
            await asyncio.sleep(0.1)
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


def child(program: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join([str(ROOT / "libs"), *sys.path])},
    )


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


async def test_namespaces_do_not_see_each_other(kafka_url: str) -> None:
    one, other = (KafkaBus(f"{kafka_url}/{uuid.uuid4().hex[:8]}") for _ in range(2))
    for bus in (one, other):
        await bus.create([TopicPlan("t", 1)])
    assert one.log_id != other.log_id
    await one.publish(messages("one"))
    await other.publish(messages("other"))
    for bus, text in ((one, b"one"), (other, b"other")):
        consumer = await bus.subscribe("g", ["t"])
        assert [(record.topic, record.value) for record in await read(consumer, 1)] == [("t", text)]
        assert await bus.lag("g", ["t"]) == {("t", 0): 1}
    for bus in (one, other):
        await bus.close()


async def test_a_record_of_twenty_megabytes_passes(bus: KafkaBus) -> None:
    data = [bytes([number]) + uuid.uuid4().bytes * (20 << 16) for number in range(3)]
    consumer = await bus.subscribe("g", ["t"])
    await bus.publish([Message("t", b"k", (), each) for each in data])
    assert [record.value for record in await read(consumer, 3)] == data


async def test_a_record_above_the_topic_s_bound_is_refused_for_good(bus: KafkaBus) -> None:
    with pytest.raises(ConfigurationError, match="MessageSizeTooLarge"):
        await bus.publish([Message("t", b"k", (), bytes(65 << 20))])
    await bus.publish(messages("and the next one passes"))


async def strange_batch(bus: KafkaBus, partition: int) -> None:
    """Three records, the second with a header whose name is no UTF-8, as any other client may send it."""
    async with AIOKafkaProducer(bootstrap_servers=bus.settings.servers) as producer:
        batch = producer.create_batch()
        for value, name in ((b"0", "fine"), (b"1", "NOUTF8"), (b"2", "fine")):
            batch.append(key=b"k", value=value, timestamp=None, headers=[(name, b"x")])
        batch.close()
        data = bytearray(bytes(batch._build()).replace(b"NOUTF8", b"\xff\xfe\xfd\xfc\xfb\xfa"))
        data[17:21] = calc_crc32c(memoryview(data)[21:]).to_bytes(4, "big")
        batch._build = lambda: data
        await (await producer.send_batch(batch, f"{bus.settings.prefix}t", partition=partition))


async def test_a_record_that_aiokafka_cannot_read_is_left_out(bus: KafkaBus, caplog: pytest.LogCaptureFixture) -> None:
    consumer = await bus.subscribe("g", ["t"])
    for partition in range(4):
        await bus.publish([Message("t", b"k", (), b"before")], partition=partition)
    await strange_batch(bus, 2)
    await bus.publish([Message("t", b"k", (), b"after")], partition=2)
    found = await read(consumer, 6)
    assert sorted(record.value for record in found if record.partition != 2) == [b"before"] * 3
    assert [record.value for record in found if record.partition == 2] == [b"before", b"0", b"after"]
    assert "left out" in caplog.text
    assert "[2, 3]" in caplog.text


async def test_a_fetcher_that_hangs_ends_the_process(url: str) -> None:
    """A partition on pause stands for aiokafka 727: records are there, and none comes."""
    bus = KafkaBus(f"{url}?stall_ms=400")
    await bus.create([TopicPlan("t", 1)])
    consumer = await bus.subscribe("g", ["t"])
    for _ in range(4):
        assert await consumer.fetch(records_max=1, bytes_max=1, wait_s=0.3) == []  # idle at the end is no stall
    consumer._client.pause(TopicPartition(f"{bus.settings.prefix}t", 0))
    await bus.publish(messages("x"))
    with pytest.raises(TransientError, match="has records and none comes"):
        await read(consumer, 1)
    await bus.close()


async def test_a_missing_topic_names_the_command_that_makes_it(bus: KafkaBus) -> None:
    for act in (bus.subscribe("g", ["t", "missing"]), bus.publish([Message("missing", b"", (), b"")])):
        with pytest.raises(ConfigurationError, match=r"topic missing is missing.*galapagos topics create"):
            await act


def test_where_no_broker_answers_the_url_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"kafka://127\.0\.0\.1:1/\?connect_ms=300: no broker answers"):
        open_bus("kafka://127.0.0.1:1/?connect_ms=300")


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("kafka://", "use kafka://host:port"),
        ("kafka://host", "use kafka://host:port"),
        ("kafka://host:1,:2/", "use kafka://host:port"),
        ("kafka://host:1/a/b", "namespace 'a/b'"),
        ("kafka://host:1/?sesion_ms=1", "unknown setting 'sesion_ms'; use session_ms"),
        ("kafka://host:1/?session_ms=0", "session_ms='0' is not allowed; use a whole number above 0"),
        ("kafka://host:1/?compression=rar", "compression=rar is not possible here; use none, gzip"),
    ],
)
def test_a_url_without_sense_is_refused_before_anything_is_asked(url: str, match: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_bus(url)
    assert match in str(caught.value)


async def test_a_session_that_the_broker_forbids_is_a_setting(kafka_url: str) -> None:
    bus = KafkaBus(f"{kafka_url}/{uuid.uuid4().hex[:8]}?session_ms=10")
    await bus.create([TopicPlan("t", 1)])
    with pytest.raises(ConfigurationError, match="InvalidSessionTimeout"):
        await bus.subscribe("g", ["t"])
    await bus.close()


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
