"""``kafka://``: the bus on Kafka, over aiokafka.

The producer is idempotent and waits for all replicas in sync. After any error of a send it is thrown away and another
one made: aiokafka's numbering of batches is out of step with the broker's then (error 1017), for ever. The messages of
the failed call may be in the log; who publishes them again puts them there twice.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from common.adapters.kafka_consumer import KafkaConsumer
from common.adapters.kafka_lag import KafkaLag
from common.adapters.kafka_settings import KafkaSettings, cluster_id, translated
from common.adapters.kafka_topics import BATCH_BYTES, KafkaTopics
from common.adapters.partitioning import partition_of
from common.errors import ConfigurationError, TransientError
from common.events.message import Message
from common.ports import Partition, TopicPlan

_REQUEST_BYTES_MAX = (64 << 20) + (1 << 16)
_FLIGHT_BYTES_MAX = 32 << 20
"""Sent and not acknowledged; above one record's maximum with it a request exceeds the 100 MiB that brokers take."""
_FAREWELL_S = 1.0


class KafkaBus:
    """See ``Bus``. Belongs to the event loop that first publishes or subscribes.

    Raises ConfigurationError at once when the URL is wrong, TransientError when no broker answers for ``connect_ms``.
    """

    def __init__(self, url: str) -> None:
        self.settings = KafkaSettings.of(url)
        with ThreadPoolExecutor(1) as pool:  # an event loop may run in this thread
            cluster = pool.submit(cluster_id, self.settings).result()
        self.log_id = f"{cluster}/{self.settings.prefix}"
        self._producer: Any = None
        self._starting = asyncio.Lock()
        self.topics = KafkaTopics(self.settings)
        self._lag = KafkaLag(self.settings)
        self._members: set[KafkaConsumer] = set()
        self._discarded: set[asyncio.Task[None]] = set()

    async def create(self, topics: Sequence[TopicPlan]) -> None:
        """See ``Bus``. Three replicas, two of them in sync, where there are three brokers."""
        await self.topics.create(topics)

    async def publish(self, messages: Sequence[Message], *, partition: int | None = None) -> None:
        """See ``Bus``. ``partition``: there, rather than where the keys belong."""
        counts = await self.topics.counts({message.topic for message in messages})
        sent: list[asyncio.Future[Any]] = []
        flight_bytes = 0
        producer = None
        try:
            with translated(f"{self.settings.url}: publish"):
                async with asyncio.timeout(self.settings.deliver_ms / 1000):
                    producer = await self._started()
                    for topic, key, headers, value in messages:
                        if sent and flight_bytes + len(value) > _FLIGHT_BYTES_MAX:
                            await asyncio.gather(*sent)
                            flight_bytes = 0
                            sent.clear()
                        number = partition_of(key, counts[topic]) if partition is None else partition
                        name = self.settings.prefix + topic
                        sent.append(await producer.send(name, value, key, number, headers=list(headers)))
                        flight_bytes += len(value)
                    await asyncio.gather(*sent)
        except (TransientError, ConfigurationError):
            for each in sent:
                each.cancel()
            self.topics.forget()
            if producer is not None and producer is self._producer:
                self._producer = None
                task = asyncio.create_task(_discard(producer))
                self._discarded.add(task)
                task.add_done_callback(self._discarded.discard)
            raise

    async def _started(self) -> Any:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self.settings.servers,
                    enable_idempotence=True,
                    acks="all",
                    compression_type=self.settings.compression,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=_REQUEST_BYTES_MAX,
                    request_timeout_ms=self.settings.deliver_ms,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> KafkaConsumer:
        """See ``Bus``. What a group may lag is the topic's retention."""
        await self.topics.counts(topics)
        member = KafkaConsumer(self.settings, group, topics, self._members.discard)
        await member.start()
        self._members.add(member)
        return member

    @contextlib.asynccontextmanager
    async def reader(self) -> AsyncIterator[Any]:
        """A client of aiokafka that belongs to no group."""
        client = AIOKafkaConsumer(bootstrap_servers=self.settings.servers, auto_offset_reset="earliest")
        with translated(self.settings.url):
            try:
                await client.start()
                yield client
            finally:
                await client.stop()

    def place(self, topic: str, number: int) -> Any:
        """A partition as aiokafka names it."""
        return TopicPartition(self.settings.prefix + topic, number)

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Partition, int]:
        """See ``Bus``."""
        counts = await self.topics.counts(topics)
        places = {self.place(topic, number): (topic, number) for topic in topics for number in range(counts[topic])}
        found = await self._lag.of(group, list(places))
        return {at: found[place] for place, at in places.items()}

    async def close(self) -> None:
        """See ``Bus``."""
        producer, self._producer = self._producer, None
        await asyncio.gather(
            *(member.close() for member in self._members),
            *self._discarded,
            *([_discard(producer)] if producer is not None else []),
            self._lag.close(),
        )


async def _discard(producer: Any) -> None:
    """Close a producer that may hold what it cannot deliver: its own ``stop`` would wait for that for ever."""
    producer._closed = True
    task = producer._sender.sender_task
    task.cancel()
    await asyncio.wait([task], timeout=_FAREWELL_S)
    await producer.client.close()
    if not task.done():
        task.cancel()  # it waits for a request, which waits for a client that is closed now
        await asyncio.wait([task], timeout=_FAREWELL_S)
