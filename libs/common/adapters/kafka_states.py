"""States in a compacted topic of Kafka: a record per state, with the offsets that it contains in its headers.

The snapshot topic of a service has a partition per shard. A save writes all states of its shard, so that the offsets of
none of them fall behind, and then the *head*: which states there are, and that they are complete up to its offsets. No
transaction ties them together. A process that dies in the middle leaves older states beside newer ones, each right at
its own offsets, perhaps one missing that is new, and the head of the save before: the reader replays from the lowest.
What a member writes that has lost the shard long ago is only an older snapshot.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, NamedTuple

import orjson
import pyarrow as pa

from common.adapters.kafka_bus import KafkaBus
from common.events.message import Message
from common.ports import Offsets, Saved

_LOG, _OFFSETS, _BYTES = "log", "offsets", "bytes"
_HEAD = b""
_CODEC: Literal["zstd"] = "zstd"
"""Of our own: Kafka's limit on a record counts bytes before the producer compresses them."""
_TAIL = 512
"""Records at the end of a shard in which its latest states are looked for first."""
_POLL_S = 0.5
_PATIENCE_S = 30.0


class _Kept(NamedTuple):
    """What the topic has of one key: the state, or the keys of a head."""

    data: bytes
    offsets: Offsets


class KafkaStates:
    """See ``StateStore``. Belongs to one event loop."""

    def __init__(self, url: str, topic_of: Callable[[str], str]) -> None:
        self._bus = KafkaBus(url)
        self._topic_of = topic_of
        self._kept: dict[tuple[str, int], dict[bytes, _Kept]] = {}

    async def load(self, service: str, log_id: str, shards: Collection[int] | None = None) -> dict[str, Saved]:
        """See ``StateStore``. Raises ConfigurationError where the snapshot topic is missing."""
        topic = self._topic_of(service)
        numbers = set(range((await self._bus.topics.counts([topic]))[topic])) if shards is None else set(shards)
        found: dict[int, dict[bytes, _Kept]] = {number: {} for number in numbers}
        if numbers:
            await self._read(topic, log_id, found, _TAIL)
        torn: dict[int, dict[bytes, _Kept]] = {number: {} for number in numbers if not _is_whole(found[number])}
        if torn:
            await self._read(topic, log_id, torn, None)
            found |= torn
        saved = {}
        for number, kept in sorted(found.items()):
            head = kept.pop(_HEAD, _Kept(b"", {}))
            self._kept[service, number] = kept
            for key, (data, offsets) in kept.items():
                saved[key.decode()] = Saved(data, number, offsets, head.offsets if offsets else {})
        return saved

    async def _read(self, topic: str, log_id: str, found: Mapping[int, dict[bytes, _Kept]], tail: int | None) -> None:
        """Fill in what the last ``tail`` records of each shard hold, None: all that are left of it."""
        async with self._bus.reader() as client, asyncio.timeout(None) as patience:
            places = [self._bus.place(topic, number) for number in found]
            client.assign(places)
            patience.reschedule(_later())
            starts, ends = await client.beginning_offsets(places), await client.end_offsets(places)
            for place in places:
                client.seek(place, starts[place] if tail is None else max(starts[place], ends[place] - tail))
            while [place for place in places if await client.position(place) < ends[place]]:
                for place, records in (await client.getmany(timeout_ms=int(_POLL_S * 1000))).items():
                    patience.reschedule(_later())
                    for record in records:
                        _choose(found[place.partition], log_id, record)

    async def save(self, service: str, log_id: str, shard: int, states: Mapping[str, bytes], offsets: Offsets) -> None:
        """See ``StateStore``. Raises ConfigurationError where the snapshot topic is missing."""
        if (service, shard) not in self._kept:
            await self.load(service, log_id, [shard])
        kept = self._kept[service, shard]
        # What is not named had no event up to here; it may be ahead, from a save that was cut.
        kept.update({key: _Kept(each.data, _ahead(each.offsets, offsets)) for key, each in kept.items()})
        kept.update({key.encode(): _Kept(data, offsets) for key, data in states.items()})
        topic, keys = self._topic_of(service), orjson.dumps(sorted(key.decode() for key in kept))
        messages = [_message(topic, log_id, key, each) for key, each in kept.items()]
        await self._bus.publish([*messages, _message(topic, log_id, _HEAD, _Kept(keys, offsets))], partition=shard)

    async def close(self) -> None:
        """See ``StateStore``."""
        await self._bus.close()


def _later() -> float:
    return asyncio.get_running_loop().time() + _PATIENCE_S


def _is_whole(kept: Mapping[bytes, _Kept]) -> bool:
    """Whether a head and all that it names are there."""
    return _HEAD in kept and all(key.encode() in kept for key in orjson.loads(kept[_HEAD].data))


def _ahead(one: Offsets, other: Offsets) -> dict[Any, int]:
    return {at: max(one.get(at, 0), other.get(at, 0)) for at in {*one, *other}} if one else dict(other)


def _message(topic: str, log_id: str, key: bytes, kept: _Kept) -> Message:
    places = orjson.dumps([[name, number, offset] for (name, number), offset in sorted(kept.offsets.items())])
    headers = ((_LOG, log_id.encode()), (_OFFSETS, places), (_BYTES, str(len(kept.data)).encode()))
    packed = pa.compress(kept.data, _CODEC, asbytes=True) if kept.data else b""
    return Message(topic, key, headers, packed)


def _choose(kept: dict[bytes, _Kept], log_id: str, record: Any) -> None:
    """Of two records with the same key the one that is further ahead in this log; else the later one."""
    headers = dict(record.headers)
    if record.value is None or not {_LOG, _OFFSETS, _BYTES} <= headers.keys():
        return  # nothing that a save writes
    offsets: Offsets = {}
    if headers[_LOG] == log_id.encode():
        offsets = {(topic, number): offset for topic, number, offset in orjson.loads(headers[_OFFSETS])}
    key, before = record.key or b"", kept.get(record.key or b"")
    if before is None or sum(offsets.values()) >= sum(before.offsets.values()):
        size = int(headers[_BYTES])
        data = pa.decompress(record.value, size, _CODEC, asbytes=True) if size else b""
        kept[key] = _Kept(data, offsets)
