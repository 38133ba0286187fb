"""The host's own reader of the bus: what people should see goes into the chronicle, the rest is let through."""

import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from common.errors import ContractError
from common.events.arrow import HEADER_KEY
from common.events.catalogue import CATALOGUE
from common.events.codec import decode
from common.events.cohorts import GenomeEvaluated, ParentsSelected
from common.events.public import ChampionPromoted, DeploymentChanged, PerformanceObserved
from common.ports import Consumer, Partition, Record
from common.run.dead_letter import SUFFIX
from common.run.retry import commit
from standalone.chronicle import Chronicle

GROUP = "host"
_WAIT_S = 5.0
_WANTED = (ParentsSelected, GenomeEvaluated, ChampionPromoted, DeploymentChanged, PerformanceObserved)
_NAMES = frozenset(topic.name for topic in CATALOGUE if topic.payload in _WANTED)
_EVALUATED = next(topic.name for topic in CATALOGUE if topic.payload is GenomeEvaluated)


class Watcher:
    """``say`` is told of every refusal, ``urgent`` is called when a champion or a deployment has come.

    ``keep_s`` above 0 is for a bus that outlives this process: the chronicle is written down before what it has taken
    in is committed, and no more often than every so many seconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        chronicle: Chronicle,
        say: Callable[[str], None],
        urgent: Callable[[], None],
        keep_s: float = 0.0,
    ) -> None:
        self._consumer = consumer
        self._chronicle = chronicle
        self._say = say
        self._urgent = urgent
        self._keep_s = keep_s
        self._done: dict[Partition, int] = {}

    async def watch(self) -> None:
        """Read on until cancelled."""
        kept_s = time.monotonic()
        while True:
            records = await self._consumer.fetch(records_max=64, bytes_max=32 << 20, wait_s=self._keep_s or _WAIT_S)
            news = [kind for record in records for kind in self._take(record)]
            if any(kind in (ChampionPromoted, DeploymentChanged) for kind in news):
                self._urgent()
            self._done |= {(record.topic, record.partition): record.offset + 1 for record in records}
            if self._done and time.monotonic() - kept_s >= self._keep_s:
                if self._keep_s:
                    self._chronicle.flush()
                await commit(self._consumer, self._done, GROUP)
                self._done, kept_s = {}, time.monotonic()

    def _take(self, record: Record) -> Iterator[type]:
        if record.topic.endswith(SUFFIX):
            self._refused(record)
        elif record.topic in _NAMES and not _is_bulk(record):
            try:
                event = decode(record.topic, record.key, record.headers, record.value)
            except ContractError:  # its reader says so in a dead letter
                return
            if self._chronicle.observe(event):
                yield type(event.payload)

    def _refused(self, record: Record) -> None:
        headers = {name: data.decode(errors="replace") for name, data in record.headers}
        row = {
            "topic": record.topic.removesuffix(SUFFIX),
            "service": headers.get("dead_service", ""),
            "reason": headers.get("dead_reason", ""),
        }
        if self._chronicle.add("dead", f"{row['topic']}:{row['service']}:{row['reason']}", row):
            self._say(f"refused by {row['service']}, {row['topic']}: {row['reason']}")


def _is_bulk(record: Record) -> bool:
    """Answers to bred cohorts are megabytes that the selector sums up; their header is read, not their columns."""
    if record.topic != _EVALUATED:
        return False
    metadata = pa.ipc.open_stream(record.value).schema.metadata or {}
    return b'"purpose":"evolution"' in metadata.get(HEADER_KEY, b"")
