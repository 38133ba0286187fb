"""How far groups are behind on Kafka, asked over connections that stay open.

Clients of their own for every question would cost a fifth of a second each time. After an error they are thrown away:
they may know brokers that are no more.
"""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from common.adapters.kafka_settings import KafkaSettings, translated
from common.errors import ConfigurationError, TransientError

_FAREWELL_S = 1.0


class KafkaLag:
    """Belongs to the event loop that first asks. One question at a time."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._clients: tuple[Any, Any] | None = None
        self._topics: set[str] = set()
        self._asking = asyncio.Lock()

    async def of(self, group: str, places: Collection[Any]) -> dict[Any, int]:
        """Records that the group has not committed, by partition as aiokafka names it.

        Raises TransientError, also where a partition has no leader for ``deliver_ms``.
        """
        async with self._asking:
            try:
                with translated(f"{self._settings.url}: lag of group {group}"):
                    async with asyncio.timeout(self._settings.deliver_ms / 1000):
                        reader, admin = await self._started({place.topic for place in places})
                        committed = await admin.list_consumer_group_offsets(self._settings.prefix + group)
                        # Behind the commits: what is committed meanwhile counts as not done, never as less than none.
                        starts, ends = await asyncio.gather(
                            reader.beginning_offsets(list(places)), reader.end_offsets(list(places))
                        )
            except BaseException:
                await self._discard()
                raise
        done = {place: committed[place].offset if place in committed else 0 for place in places}
        return {place: max(0, ends[place] - max(starts[place], done[place])) for place in places}

    async def _started(self, topics: set[str]) -> tuple[Any, Any]:
        if self._clients is None:
            servers = self._settings.servers
            self._clients = (
                AIOKafkaConsumer(bootstrap_servers=servers, request_timeout_ms=self._settings.deliver_ms),
                AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=self._settings.deliver_ms),
            )
            for client in self._clients:
                await client.start()
        if not topics <= self._topics:  # by itself aiokafka would learn of them one after the other
            self._topics |= topics
            await self._clients[0]._client.set_topics(self._topics)
        return self._clients

    async def _discard(self) -> None:
        clients, self._clients = self._clients, None
        self._topics.clear()
        if clients is not None:
            with contextlib.suppress(TimeoutError, TransientError, ConfigurationError), translated("close"):
                async with asyncio.timeout(_FAREWELL_S):
                    await asyncio.gather(clients[0].stop(), clients[1].close())

    async def close(self) -> None:
        """Let go of the connections; a question that waits for an answer fails."""
        await self._discard()
