"""The host's own reader of the bus: what people should see goes into the chronicle, the rest is let through."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from common.errors import ContractError
from common.events.arrow import HEADER_KEY
from common.events.catalogue import CATALOGUE
from common.events.codec import decode
from common.events.cohorts import GenomeEvaluated, ParentsSelected
from common.events.public import ChampionPromoted, DeploymentChanged, PerformanceObserved
from common.ports import Bus, Consumer, Record
from common.run.dead_letter import SUFFIX
from standalone.chronicle import Chronicle

GROUP = "host"
_WANTED = (ParentsSelected, GenomeEvaluated, ChampionPromoted, DeploymentChanged, PerformanceObserved)
_NAMES = frozenset(topic.name for topic in CATALOGUE if topic.payload in _WANTED)
_EVALUATED = next(topic.name for topic in CATALOGUE if topic.payload is GenomeEvaluated)


async def subscribe(bus: Bus) -> Consumer:
    """Read every topic and its dead letters: then the bus keeps nothing that nobody reads, and empty means done."""
    return await bus.subscribe(GROUP, [topic.name + suffix for topic in CATALOGUE for suffix in ("", SUFFIX)])


class Watcher:
    """``say`` is told of every refusal, ``urgent`` is called when a champion or a deployment has come."""

    def __init__(
        self, consumer: Consumer, chronicle: Chronicle, say: Callable[[str], None], urgent: Callable[[], None]
    ) -> None:
        self._consumer = consumer
        self._chronicle = chronicle
        self._say = say
        self._urgent = urgent

    async def watch(self) -> None:
        """Read on until cancelled."""
        while True:
            records = await self._consumer.fetch(records_max=64, bytes_max=32 << 20, wait_s=5.0)
            news = [kind for record in records for kind in self._take(record)]
            if any(kind in (ChampionPromoted, DeploymentChanged) for kind in news):
                self._urgent()
            if records:
                await self._consumer.commit({(record.topic, record.partition): record.offset + 1 for record in records})

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
