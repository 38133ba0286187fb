"""One member of a Kafka consumer group, over aiokafka."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from common.adapters.kafka_poll import ANSWER_S, behind, poll
from common.adapters.kafka_settings import KafkaSettings, translated
from common.errors import TransientError
from common.ports import Offsets, Partition, Record

_HEARTBEATS = 20
"""A session has so many: members learn of a rebalance from the answers, so few of them would make it slow."""
_POLL_MS = 50
"""aiokafka asks a broker again only after its last answer: what comes to a partition that has just been read waits
that long while the others are empty."""
_JOIN_S = 60.0
_log = logging.getLogger(__name__)


class KafkaConsumer:
    """See ``Consumer``. Commits are its only writes; after a rebalance a kept partition goes on where it stood."""

    def __init__(
        self, settings: KafkaSettings, group: str, topics: Iterable[str], forget: Callable[["KafkaConsumer"], None]
    ) -> None:
        """``forget``: told when this member is closed."""
        self._forget = forget
        self._prefix = settings.prefix
        self._stall_s = settings.stall_ms / 1000
        self._name = f"{settings.url}: group {group}"
        self._client: Any = AIOKafkaConsumer(
            *(settings.prefix + topic for topic in topics),
            bootstrap_servers=settings.servers,
            group_id=settings.prefix + group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=settings.session_ms,
            max_poll_interval_ms=settings.step_ms,
            heartbeat_interval_ms=max(1, settings.session_ms // _HEARTBEATS),
            fetch_max_wait_ms=_POLL_MS,
        )
        self._seen: object = None
        self._assignment: frozenset[Partition] = frozenset()
        self._next: dict[Any, int] = {}
        self._floors: dict[Any, int] = {}
        self._committed: dict[Any, int] = {}
        self._buffer: deque[Record] = deque()
        self._checked_s = 0.0
        self._is_suspect = self._is_closed = False

    async def start(self) -> None:
        """Join the group. Raises TransientError, ConfigurationError for a session the broker does not allow."""
        try:
            with translated(self._name):
                async with asyncio.timeout(_JOIN_S):
                    await self._client.start()
        except BaseException:
            await self.close()
            raise
        self._checked_s = asyncio.get_running_loop().time()

    @property
    def assignment(self) -> frozenset[Partition]:
        """See ``Consumer``."""
        self._settle()
        return self._assignment

    def _settle(self) -> None:
        """After a rebalance aiokafka reads from what is committed: what was handed out already is passed over."""
        places = self._client.assignment()
        if places is not self._seen:  # aiokafka makes one object a rebalance
            kept = places & (self._seen or frozenset())
            self._seen = places
            self._assignment = frozenset(map(self._partition, places))
            self._next = {place: self._next[place] for place in kept if place in self._next}
            self._floors = dict(self._next)
            self._committed = {place: self._committed[place] for place in kept if place in self._committed}
            self._buffer.clear()

    async def fetch(self, *, records_max: int, bytes_max: int, wait_s: float) -> list[Record]:
        """See ``Consumer``. Raises TransientError too when records are there and none came for ``stall_ms``."""
        if self._is_closed:
            raise RuntimeError("fetch on a closed consumer")
        self._settle()
        if not self._buffer:
            with translated(self._name):
                found = await poll(self._client, self._next, records_max, wait_s)
            self._settle()
            for place, records in found.items():
                self._keep(place, records)
        if not self._buffer:
            await self._watch()
            return []
        self._checked_s, self._is_suspect = asyncio.get_running_loop().time(), False
        return self._take(records_max, bytes_max)

    def _keep(self, place: Any, records: Iterable[Any]) -> None:
        at = self._partition(place)
        if at not in self._assignment:
            return
        for each in records:
            if each.offset >= self._floors.get(place, 0):
                self._floors.pop(place, None)
                headers = tuple((name, value or b"") for name, value in each.headers)
                self._buffer.append(Record(*at, each.offset, each.key or b"", headers, each.value or b""))

    def _take(self, records_max: int, bytes_max: int) -> list[Record]:
        taken: list[Record] = []
        size = 0
        while self._buffer and len(taken) < records_max:
            size += len(self._buffer[0].value)
            if taken and size > bytes_max:
                break
            record = self._buffer.popleft()
            self._next[self._place((record.topic, record.partition))] = record.offset + 1
            taken.append(record)
        return taken

    async def _watch(self) -> None:
        """A fetcher that hangs shows no error (aiokafka 727): twice behind the end, half a limit apart, is one."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._checked_s < self._stall_s / 2:
            return
        self._checked_s = now_s
        place = await behind(self._client)
        if place is not None and self._is_suspect:
            raise TransientError(f"{self._name}: {place} has records and none comes; end the process and start again")
        self._is_suspect = place is not None

    async def commit(self, offsets: Offsets) -> None:
        """See ``Consumer``. Never goes back behind an own commit."""
        places = self._places(offsets, "commit")
        ahead = {place: offset for place, offset in places.items() if offset > self._committed.get(place, -1)}
        if ahead:
            with translated(f"{self._name}: commit"):
                async with asyncio.timeout(ANSWER_S):
                    await self._client.commit(ahead)
            self._committed |= ahead

    async def seek(self, offsets: Offsets) -> None:
        """See ``Consumer``."""
        places = self._places(offsets, "seek")
        with translated(f"{self._name}: seek"):
            async with asyncio.timeout(ANSWER_S):
                ends = await self._client.end_offsets(list(places))
        for place, offset in places.items():
            if offset > ends[place]:
                raise TransientError(f"{self._name}: seek of {place} to {offset}: its end is {ends[place]}")
        for place, offset in self._places(offsets, "seek").items():
            self._client.seek(place, offset)
            self._next[place] = offset
            self._floors.pop(place, None)
        self._buffer = deque(each for each in self._buffer if (each.topic, each.partition) not in offsets)

    async def close(self) -> None:
        """See ``Consumer``."""
        self._is_closed = True
        self._forget(self)
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._client.stop()
        except TimeoutError:
            _log.warning("%s: left without a word, no broker answers", self._name)

    def _places(self, offsets: Offsets, what: str) -> dict[Any, int]:
        if lost := set(offsets) - self.assignment:
            raise TransientError(f"{self._name}: {what} of {min(lost)}: the partition has moved to another member")
        return {self._place(at): offset for at, offset in offsets.items()}

    def _partition(self, place: Any) -> Partition:
        return place.topic.removeprefix(self._prefix), place.partition

    def _place(self, at: Partition) -> Any:
        return TopicPartition(self._prefix + at[0], at[1])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
