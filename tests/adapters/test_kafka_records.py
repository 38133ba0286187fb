"""Kafka again: namespaces, records of any size and of strangers, and what is refused with a remedy."""

import uuid

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.record.util import calc_crc32c

from common.adapters.kafka_bus import KafkaBus
from common.errors import ConfigurationError, TransientError
from common.events.message import Message
from common.ports import TopicPlan
from common.run.open import open_bus
from tests.adapters.kafka import messages, read


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


def test_where_no_broker_answers_the_url_and_a_remedy_are_named_and_it_may_be_tried_again() -> None:
    with pytest.raises(TransientError, match=r"kafka://127\.0\.0\.1:1/\?connect_ms=300: no broker .*; start Kafka"):
        open_bus("kafka://127.0.0.1:1/?connect_ms=300")


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("kafka://", "use kafka://host:port"),
        ("kafka://host", "use kafka://host:port"),
        ("kafka://host:1,:2/", "use kafka://host:port"),
        ("kafka://host:99999", "the port of host:99999 is not allowed; use 1 to 65535"),
        ("kafka://host:1,other:0/", "the port of other:0 is not allowed; use 1 to 65535"),
        ("kafka://host:1234567/", "the port of host:1234567 is not allowed"),
        ("kafka://host:1/a/b", "namespace 'a/b'"),
        ("kafka://host:1/?sesion_ms=1", "unknown setting 'sesion_ms'; use session_ms, step_ms"),
        ("kafka://host:1/?session_ms=0", "session_ms='0' is not allowed; use a whole number above 0"),
        ("kafka://host:1/?compression=rar", "compression=rar is not possible here; use none, gzip"),
    ],
)
def test_a_url_without_sense_is_refused_before_anything_is_asked(url: str, match: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_bus(url)
    assert match in str(caught.value)


@pytest.mark.parametrize("secret", ["me:hidden", "me:hid@den", "me:/hidden", "me:?hidden", "hidden", "me:#hidden"])
@pytest.mark.parametrize("rest", ["host:9092/mine", "host:99999", ""])
def test_a_password_in_the_url_is_refused_and_never_shown(secret: str, rest: str) -> None:
    with pytest.raises(ConfigurationError, match="user and password are not allowed; use kafka://host") as caught:
        open_bus(f"kafka://{secret}@{rest}")
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)
    assert rest in str(caught.value)


async def test_a_session_that_the_broker_forbids_is_a_setting(kafka_url: str) -> None:
    bus = KafkaBus(f"{kafka_url}/{uuid.uuid4().hex[:8]}?session_ms=10")
    await bus.create([TopicPlan("t", 1)])
    with pytest.raises(ConfigurationError, match="InvalidSessionTimeout"):
        await bus.subscribe("g", ["t"])
    await bus.close()
