"""States in a compacted topic of Kafka: a record per state, with the offsets that it contains in its headers.

The snapshot topic of a service has a partition per shard. A save writes all states of its shard, so
that the offsets of none of them fall behind; no transaction ties them together. A process that dies in the middle
leaves older states beside newer ones, each right at its own offsets: the reader replays from the lowest. What a member
writes that has lost the shard long ago is only an older snapshot: a load takes, for each key, the record that is
furthest ahead among those that compaction has left.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson

from common.adapters.kafka_bus import KafkaBus
from common.errors import TransientError
from common.events.message import Message
from common.ports import Offsets, Saved

_LOG, _OFFSETS = "log", "offsets"
_POLL_S = 0.5
_PATIENCE_S = 30.0


class KafkaStates:
    """See ``StateStore``. Belongs to one event loop."""

    def __init__(self, url: str, topic_of: Callable[[str], str]) -> None:
        self._bus = KafkaBus(url)
        self._topic_of = topic_of
        self._kept: dict[tuple[str, int], dict[str, bytes]] = {}

    async def load(self, service: str, log_id: str, shards: Collection[int] | None = None) -> dict[str, Saved]:
        """See ``StateStore``. Raises ConfigurationError where the snapshot topic is missing."""
        topic = self._topic_of(service)
        numbers = range((await self._bus.topics.counts([topic]))[topic]) if shards is None else shards
        best: dict[tuple[int, str], Saved] = {}
        if numbers:
            await self._read(topic, log_id, numbers, best)
        for number in numbers:
            self._kept[service, number] = {key: saved.data for (shard, key), saved in best.items() if shard == number}
        return {key: saved for (_, key), saved in sorted(best.items(), key=lambda item: item[0])}

    async def _read(self, topic: str, log_id: str, shards: Iterable[int], best: dict[tuple[int, str], Saved]) -> None:
        async with self._bus.reader() as client:
            places = [self._bus.place(topic, number) for number in shards]
            client.assign(places)
            ends = await client.end_offsets(places)
            await client.seek_to_beginning(*places)
            moved_s = asyncio.get_running_loop().time()
            while [place for place in places if await client.position(place) < ends[place]]:
                found = await client.getmany(timeout_ms=int(_POLL_S * 1000))
                now_s = asyncio.get_running_loop().time()
                moved_s = now_s if found else moved_s
                if now_s - moved_s > _PATIENCE_S:
                    raise TransientError(f"states {topic}: nothing came for {_PATIENCE_S:.0f} s")
                for place, records in found.items():
                    for record in records:
                        _choose(best, place.partition, log_id, record)

    async def save(self, service: str, log_id: str, shard: int, states: Mapping[str, bytes], offsets: Offsets) -> None:
        """See ``StateStore``. Raises ConfigurationError where the snapshot topic is missing."""
        if (service, shard) not in self._kept:
            await self.load(service, log_id, [shard])
        kept = self._kept[service, shard]
        kept.update(states)
        places = orjson.dumps([[topic, number, offset] for (topic, number), offset in sorted(offsets.items())])
        headers = ((_LOG, log_id.encode()), (_OFFSETS, places))
        topic = self._topic_of(service)
        messages = [Message(topic, key.encode(), headers, value) for key, value in kept.items()]
        await self._bus.publish(messages, partition=shard)

    async def close(self) -> None:
        """See ``StateStore``."""
        await self._bus.close()


def _choose(best: dict[tuple[int, str], Saved], shard: int, log_id: str, record: Any) -> None:
    """Of two records with the same key the one that is further ahead in this log; else the later one."""
    headers = dict(record.headers)
    if record.value is None or not {_LOG, _OFFSETS} <= headers.keys():
        return  # nothing that a save writes
    offsets: Offsets = {}
    if headers[_LOG] == log_id.encode():
        offsets = {(topic, number): offset for topic, number, offset in orjson.loads(headers[_OFFSETS])}
    key = record.key.decode()
    before = best.get((shard, key))
    if before is None or sum(offsets.values()) >= sum(before.offsets.values()):
        best[shard, key] = Saved(record.value, shard, offsets)
