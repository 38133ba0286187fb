"""Topics on Kafka: how many partitions and replicas they get, and what is refused."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator

import pytest

from common.adapters.kafka_bus import KafkaBus
from common.adapters.kafka_settings import administrator
from common.errors import ConfigurationError, TransientError
from common.ports import TopicPlan
from tests.adapters.kafka import PATIENCE_S, publish
from tools.servers import Servers, temporary


@pytest.fixture(scope="module")
def three(kafka_url: str) -> Iterator[Servers]:
    """A cluster of three brokers; who kills one starts it again."""
    assert kafka_url  # Kafka can be installed here
    with temporary() as servers:
        servers.start(3, ["kafka"])
        yield servers


def namespace(servers: Servers) -> str:
    return f"{servers.urls['kafka']}/{uuid.uuid4().hex[:8]}"


async def without(bus: KafkaBus, broker: int) -> None:
    """Wait until the cluster has noticed that the broker is away."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(TransientError):  # the one that is away was asked
                async with administrator(bus.settings) as admin:
                    if broker not in {each["node_id"] for each in (await admin.describe_cluster())["brokers"]}:
                        return
            await asyncio.sleep(0.2)


async def home(bus: KafkaBus, topic: str) -> int:
    """The broker that alone has the one partition of a topic."""
    async with administrator(bus.settings) as admin:
        [found] = [each for each in await admin.describe_topics() if each["topic"] == bus.settings.prefix + topic]
    [number] = found["partitions"][0]["replicas"]
    return int(number)


async def replicas(bus: KafkaBus, topic: str) -> set[int]:
    async with administrator(bus.settings) as admin:
        [found] = [each for each in await admin.describe_topics() if each["topic"] == bus.settings.prefix + topic]
    return {len(each["replicas"]) for each in found["partitions"]}


async def test_topics_with_fewer_partitions_than_planned_are_refused_before_anything_is_made(url: str) -> None:
    bus = KafkaBus(url)
    await bus.create([TopicPlan("s", 6), TopicPlan("t", 4)])
    with pytest.raises(ConfigurationError, match=r"topic t has 4 partitions, 8 are wanted; use --partitions 4"):
        await bus.create([TopicPlan("s", 8), TopicPlan("t", 8), TopicPlan("new", 8)])
    assert await bus.topics.known() == {"s": 6, "t": 4}
    await bus.close()


async def test_topics_that_one_process_reads_together_have_equal_numbers_of_partitions(url: str) -> None:
    bus = KafkaBus(url)
    await bus.create([TopicPlan("s", 6), TopicPlan("t", 4), TopicPlan("other", 1)])
    await bus.create([TopicPlan("s", 4), TopicPlan("t", 4, together="a"), TopicPlan("other", 1, together="b")])
    with pytest.raises(ConfigurationError, match="topic s has 6 partitions and t 4, which one process reads together"):
        await bus.create([TopicPlan("s", 4, together="a"), TopicPlan("t", 4, together="a")])
    with pytest.raises(ConfigurationError, match="and new, which is missing, would get 5; use --partitions 6"):
        await bus.create([TopicPlan("s", 5, together="a"), TopicPlan("new", 5, together="a")])
    assert (await bus.topics.known()).keys() == {"s", "t", "other"}
    await bus.close()


async def test_replicas_are_a_setting_and_too_many_for_the_brokers_that_are_there_may_work_later(url: str) -> None:
    bus = KafkaBus(f"{url}?replicas=2")
    with pytest.raises(TransientError, match=r"cannot have 2 replicas .*start the brokers that are away"):
        await bus.create([TopicPlan("t", 1)])
    await bus.close()


@pytest.mark.proof
async def test_a_topic_made_while_a_broker_is_away_gets_its_replicas(
    three: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    url = namespace(three)
    before, few = KafkaBus(url), KafkaBus(f"{url}?replicas=1")
    await before.create([TopicPlan("s", 3)])
    await few.create([TopicPlan("few", 1)])
    away = await home(few, "few") % 3 + 1
    three.kill(f"kafka-{away}")
    try:
        await without(before, away)
        bus = KafkaBus(url)
        await bus.create([TopicPlan("t", 3), TopicPlan("few", 1)])
        assert await replicas(bus, "t") == {3}
        assert "topics with fewer than 3 replicas: 1, one is few" in caplog.text
    finally:
        three.start_one(f"kafka-{away}")
    for each in (before, few, bus):
        await each.close()


@pytest.mark.proof
async def test_a_topic_without_a_leader_is_waited_for_and_one_that_is_not_there_is_a_setting(three: Servers) -> None:
    bus = KafkaBus(f"{namespace(three)}?replicas=1")
    await bus.create([TopicPlan("t", 1)])
    broker = await home(bus, "t")
    three.kill(f"kafka-{broker}")
    try:
        await without(bus, broker)
        late = KafkaBus(bus.settings.url)
        with pytest.raises(TransientError, match="topic t has a partition without a leader; start the brokers"):
            await late.subscribe("g", ["t"])
        with pytest.raises(ConfigurationError, match="topic u is missing; make it with: galapagos topics create"):
            await late.subscribe("g", ["t", "u"])
    finally:
        three.start_one(f"kafka-{broker}")
    await publish(late, "after")
    for each in (bus, late):
        await each.close()
