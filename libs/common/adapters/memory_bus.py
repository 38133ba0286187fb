"""``memory://``: the bus inside one process, with keys, partitions, groups, offsets and redelivery."""

import asyncio
import itertools
import logging
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Self

from common.adapters.partitioning import partition_of
from common.errors import TransientError
from common.events.message import Message
from common.ports import Offsets, Partition, Record, TopicPlan

PARTITIONS = 8
RETENTION_BYTES = 32 << 20
_RECORD_BYTES = 1000
"""What a record costs beside its value: headers and objects."""
_log = logging.getLogger(__name__)


class _Log:
    """One partition: a window of records that starts at offset ``start``."""

    def __init__(self) -> None:
        self.start = 0
        self.records: deque[Record] = deque()
        self.size_bytes = 0

    @property
    def end(self) -> int:
        return self.start + len(self.records)

    def append(self, record: Record) -> None:
        self.records.append(record)
        self.size_bytes += len(record.value) + _RECORD_BYTES

    def drop_first(self) -> None:
        self.size_bytes -= len(self.records.popleft().value) + _RECORD_BYTES
        self.start += 1

    def read(self, offset: int) -> Iterator[Record]:
        return itertools.islice(self.records, max(0, offset - self.start), None)


class _Group:
    def __init__(self, may_lag: bool) -> None:
        self.may_lag = may_lag
        self.members: list[MemoryConsumer] = []
        self.topics: set[str] = set()
        self.committed: dict[Partition, int] = {}


class MemoryBus:
    """Belongs to one event loop. A record is dropped once every group that reads its topic has committed it.

    For a group that may lag, and where nobody reads, ``retention_bytes`` a partition are kept and the oldest goes
    first, as in Kafka. Other groups lose nothing: what they have not read is bounded by what a run has in flight.
    """

    def __init__(self, partitions: int = PARTITIONS, retention_bytes: int = RETENTION_BYTES) -> None:
        self.partitions = partitions
        self.retention_bytes = retention_bytes
        self.log_id = uuid.uuid4().hex
        self._topics: dict[str, list[_Log]] = {}
        self._groups: dict[str, _Group] = {}

    async def create(self, topics: Sequence[TopicPlan]) -> None:
        """See ``Bus``. Of the plans only the number of partitions means something in memory."""
        for plan in topics:
            if plan.name not in self._topics:
                self._topics[plan.name] = [_Log() for _ in range(plan.partitions)]
        for group in self._groups.values():
            self.rebalance(group)

    async def publish(self, messages: Sequence[Message]) -> None:
        """See ``Bus``."""
        touched: set[Partition] = set()
        for topic, key, headers, value in messages:
            number = partition_of(key, len(self._logs(topic)))
            log = self.log((topic, number))
            log.append(Record(topic, number, log.end, key, headers, value))
            touched.add((topic, number))
        for partition in touched:
            self.trim(partition)
        for group in self._groups.values():
            for member in group.members:
                if not touched.isdisjoint(member.assignment):
                    member.wake.set()

    async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> "MemoryConsumer":
        """See ``Bus``. Does not suspend: who is subscribed before anything is published misses nothing."""
        joined = self._groups.setdefault(group, _Group(may_lag))
        member = MemoryConsumer(self, joined, tuple(topics))
        joined.members.append(member)
        joined.topics.update(topics)
        self.rebalance(joined)
        return member

    async def close(self) -> None:
        """Close every member and forget every record."""
        for group in list(self._groups.values()):
            for member in list(group.members):
                await member.close()
        self._topics.clear()

    def log(self, partition: Partition) -> _Log:
        """The log of a partition; a topic begins to exist when it is first named."""
        topic, number = partition
        return self._logs(topic)[number]

    def _logs(self, topic: str) -> list[_Log]:
        return self._topics.setdefault(topic, [_Log() for _ in range(self.partitions)])

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Partition, int]:
        """See ``Bus``."""
        committed = self._groups[group].committed if group in self._groups else {}
        logs = {(topic, number): log for topic in topics for number, log in enumerate(self._logs(topic))}
        return {at: log.end - max(log.start, committed.get(at, 0)) for at, log in logs.items()}

    def size_bytes(self) -> int:
        """Bytes of all records kept."""
        return sum(log.size_bytes for logs in self._topics.values() for log in logs)

    def rebalance(self, group: _Group) -> None:
        """Partition i of every topic goes to the same member, so that an island's events stay together."""
        for member in group.members:
            member.assign(frozenset())
        for topic in group.topics:
            readers = [member for member in group.members if topic in member.topics]
            for index, member in enumerate(readers):
                mine = {(topic, number) for number in range(index, len(self._logs(topic)), len(readers))}
                member.assign(member.assignment | mine)
        for member in group.members:
            member.settle()

    def trim(self, partition: Partition) -> None:
        """Drop what every reader has committed; above the retention, also what only those miss who may lag."""
        log = self.log(partition)
        readers = [group for group in self._groups.values() if partition[0] in group.topics]
        done = [group.committed.get(partition, 0) for group in readers]
        needed = [group.committed.get(partition, 0) for group in readers if not group.may_lag]
        while log.start < min(done, default=0):
            log.drop_first()
        first, free = log.start, min(needed, default=log.end)
        while log.size_bytes > self.retention_bytes and log.start < min(free, log.end - 1):
            log.drop_first()
        if readers and log.start > first:
            _log.warning("%s/%d: %d unread records dropped, a reader lags", *partition, log.start - first)


class MemoryConsumer:
    """See ``Consumer``."""

    def __init__(self, bus: MemoryBus, group: _Group, topics: tuple[str, ...]) -> None:
        self.topics = topics
        self.wake = asyncio.Event()
        self._bus = bus
        self._group = group
        self._assignment: frozenset[Partition] = frozenset()
        self._positions: dict[Partition, int] = {}
        self._turn = 0
        self._open = True

    @property
    def assignment(self) -> frozenset[Partition]:
        """See ``Consumer``."""
        return self._assignment

    def assign(self, partitions: frozenset[Partition]) -> None:
        """Called by the bus while it rebalances."""
        self._assignment = partitions

    def settle(self) -> None:
        """Called by the bus after a rebalance: kept partitions go on, new ones start at the group's commit."""
        committed = self._group.committed
        self._positions = {at: self._positions.get(at, committed.get(at, 0)) for at in self._assignment}
        self.wake.set()

    async def fetch(self, *, records_max: int, bytes_max: int, wait_s: float) -> list[Record]:
        """See ``Consumer``."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while self._open:
            if records := self._take(records_max, bytes_max):
                return records
            self.wake.clear()
            remaining = deadline - asyncio.get_running_loop().time()
            try:
                # Not wait_for: in Python 3.11 it may swallow a cancellation that comes together with a record.
                async with asyncio.timeout(max(0.0, remaining)):
                    await self.wake.wait()
            except TimeoutError:
                return []
        raise RuntimeError("fetch on a closed consumer")

    def _take(self, records_max: int, bytes_max: int) -> list[Record]:
        """Partitions take turns at being first, so that a full one cannot starve the others."""
        partitions = sorted(self._assignment)
        self._turn += 1
        taken: list[Record] = []
        size = 0
        for index in range(len(partitions)):
            at = partitions[(self._turn + index) % len(partitions)]
            for record in self._bus.log(at).read(self._positions[at]):
                if taken and (len(taken) >= records_max or size + len(record.value) > bytes_max):
                    return taken
                taken.append(record)
                size += len(record.value)
                self._positions[at] = record.offset + 1
        return taken

    async def commit(self, offsets: Offsets) -> None:
        """See ``Consumer``."""
        if lost := set(offsets) - self._assignment:
            raise TransientError(f"commit of {sorted(lost)[0]}: the partition has moved to another member")
        for partition, offset in offsets.items():
            self._group.committed[partition] = max(offset, self._group.committed.get(partition, 0))
            self._bus.trim(partition)

    async def seek(self, offsets: Offsets) -> None:
        """See ``Consumer``."""
        for partition, offset in offsets.items():
            if partition not in self._assignment:
                raise TransientError(f"seek of {partition}: the partition has moved to another member")
            if offset > self._bus.log(partition).end:
                raise TransientError(f"seek of {partition} to {offset}: its end is {self._bus.log(partition).end}")
            self._positions[partition] = offset

    async def close(self) -> None:
        """See ``Consumer``."""
        if self._open:
            self._open = False
            self._group.members.remove(self)
            self._assignment = frozenset()
            self._bus.rebalance(self._group)
            self.wake.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
