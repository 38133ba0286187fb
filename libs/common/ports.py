"""Ports: what the services need from the outside, so that the URL of an adapter is the only switch.

Every adapter of a port passes the same conformance suite (``tests/adapters``). All of them raise TransientError for
what may work a moment later, and nothing of the client library behind them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

from common.events.message import Headers, Message

Partition = tuple[str, int]
"""Topic and partition number."""
Offsets = Mapping[Partition, int]
"""Per partition the offset of the next record to read: one past the last one that is done."""


class Record(NamedTuple):
    """A message as a log keeps it; ``offset`` grows by one within a partition."""

    topic: str
    partition: int
    offset: int
    key: bytes
    headers: Headers
    value: bytes


class TopicPlan(NamedTuple):
    """How a topic is to be made. ``compacted``: for every key the latest record is kept for ever."""

    name: str
    partitions: int
    retention_s: float | None = None
    """None: for ever."""
    compacted: bool = False
    bytes_max: int = 64 << 20
    """Of one record."""
    together: str = ""
    """Topics with the same word need equal numbers of partitions: one service reads or keeps them by shard."""


class Consumer(Protocol):
    """One member of a consumer group: it alone reads the partitions assigned to it."""

    @property
    def assignment(self) -> frozenset[Partition]:
        """The partitions this member reads now; another object after every rebalance, even when it is equal."""
        ...

    async def fetch(self, *, records_max: int, bytes_max: int, wait_s: float) -> list[Record]:
        """Records in the order of their partition, as soon as there are any; empty after ``wait_s`` seconds.

        At most ``records_max`` records and ``bytes_max`` bytes of values, though always at least one record when there
        is one. No record comes twice to a member that keeps its partition.
        """
        ...

    async def commit(self, offsets: Offsets) -> None:
        """Everything below is done: the group never sees it again.

        Raises TransientError when one of the partitions has moved to another member, who then repeats those records.
        """
        ...

    async def seek(self, offsets: Offsets) -> None:
        """Read on from here, in partitions of the assignment; below the oldest record kept means from that one.

        Raises TransientError when one of the partitions has moved to another member, and for an offset beyond the end.
        """
        ...

    async def close(self) -> None:
        """Leave the group; what was fetched and not committed goes to the other members, or to the next one."""
        ...


class Bus(Protocol):
    """Logs of bytes. Equal keys go to one partition and stay in order; delivery is at least once.

    Topics with the same number of partitions are assigned alike, so one member of a group gets an island's events from
    all of its topics.
    """

    @property
    def log_id(self) -> str:
        """Names this set of logs: offsets stored under another name mean nothing here."""
        ...

    async def create(self, topics: Sequence[TopicPlan]) -> None:
        """Make those topics that are missing; those that are there stay as they are.

        A bus that outlives its processes raises ConfigurationError for topics that do not fit: see ``TopicPlan``.
        """
        ...

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append in this order; on return every message is acknowledged. Raises TransientError, some may be in then."""
        ...

    async def subscribe(self, group: str, topics: Sequence[str], *, may_lag: bool = False) -> Consumer:
        """Join a group, which starts at the oldest record kept and goes on where it last committed.

        ``may_lag``: rather than keep everything for this group without bound, a bus in memory may drop its oldest.
        """
        ...

    async def lag(self, group: str, topics: Sequence[str]) -> dict[Partition, int]:
        """Records that the group has not committed yet, for each partition of these topics."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Saved(NamedTuple):
    """A state as bytes, which contains everything of these partitions below these offsets and nothing above."""

    data: bytes
    shard: int
    offsets: Offsets
    since: Offsets
    """Of its shard: below it every state is complete, and one that is not there had no event."""


class StateStore(Protocol):
    """States of the stateful services, each with the offsets it contains.

    Partition i of all topics that a service reads is its *shard* i: one member reads it, and a state belongs to one
    shard. What is written late by a process that was thought dead may be older than what it replaces, never wrong: any
    state is right at its own offsets.
    """

    async def load(self, service: str, log_id: str, shards: Collection[int] | None = None) -> dict[str, Saved]:
        """The states of these shards (None: of all) by key; without offsets where they were saved with another log."""
        ...

    async def save(self, service: str, log_id: str, shard: int, states: Mapping[str, bytes], offsets: Offsets) -> None:
        """Replace these states of a shard and move all its states to these offsets: the others had no event meanwhile.

        A state and its offsets are one write that survives the death of the process. Raises TransientError, also where
        the store can see that another member has gone further.
        """
        ...

    async def close(self) -> None:
        """Let go of the file or the connection."""
        ...


class Cache(Protocol):
    """Bytes that may vanish at any moment. Blocking, called from the threads of steps, always with many keys."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values in the order of the keys, None for what is not there."""
        ...

    def put_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Remember; what was there under the same key is replaced."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Store(Protocol):
    """The analytical store. Blocking: call it from a thread.

    Raises ContractError for a statement that is wrong, ConfigurationError where the user has no right to it, also when
    it is opened, and TransientError for whatever else goes wrong.
    """

    def execute(self, statement: str) -> None:
        """Run a statement without a result (DDL)."""
        ...

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append rows; columns are matched by name."""
        ...

    def query(self, sql: str) -> pa.Table:
        """The rows of a SELECT; a DateTime comes as whole seconds since 1970, UTC."""
        ...

    def close(self) -> None:
        """Let go."""
        ...
