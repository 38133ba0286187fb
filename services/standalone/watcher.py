"""The host's own reader of the bus: what people should see goes into the chronicle, the rest is let through."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from common.errors import ContractError, TransientError
from common.events.arrow import header_of
from common.events.catalogue import CATALOGUE
from common.events.codec import decode
from common.events.cohorts import GenomeEvaluated, ParentsSelected
from common.events.public import ChampionPromoted, DeploymentChanged, PerformanceObserved
from common.ports import Bus, Consumer, Partition, Record
from common.run.dead_letter import SUFFIX
from common.run.retry import commit, retry
from standalone.chronicle import Chronicle
from standalone.opening import PATIENT

GROUP = "host"
_WAIT_S, _PAUSE_S = 5.0, 1.0
_WANTED = (ParentsSelected, GenomeEvaluated, ChampionPromoted, DeploymentChanged, PerformanceObserved)
_NAMES = frozenset(topic.name for topic in CATALOGUE if topic.payload in _WANTED)
_log = logging.getLogger(__name__)
_EVALUATED = next(topic.name for topic in CATALOGUE if topic.payload is GenomeEvaluated)


class Watcher:
    """``say`` is told of every refusal, ``urgent`` is called when a champion or a deployment has come.

    ``keep_s`` above 0 is for a bus that outlives this process: the chronicle is written down before what it has taken
    in is committed, and no more often than every so many seconds.
    """

    def __init__(
        self,
        bus: Bus,
        topics: Sequence[str],
        chronicle: Chronicle,
        say: Callable[[str], None],
        urgent: Callable[[], None],
        keep_s: float = 0.0,
    ) -> None:
        self._bus, self._topics = bus, topics
        self._consumer: Consumer | None = None
        self._chronicle = chronicle
        self._say = say
        self._urgent = urgent
        self._keep_s = keep_s
        self._done: dict[Partition, int] = {}
        self._is_full = False

    async def subscribe(self) -> None:
        """From now on nothing is missed. Raises TransientError after long patience."""
        self._consumer = await retry(lambda: self._bus.subscribe(GROUP, self._topics), PATIENT)

    async def watch(self) -> None:
        """Read on until cancelled; a reader that fails is replaced, and what it had not committed comes again."""
        while True:
            if self._consumer is None:
                await self.subscribe()
            assert self._consumer is not None
            try:
                await self._read(self._consumer)
            except TransientError as error:
                _log.warning("%s; reading anew", error)
                broken, self._consumer, self._done = self._consumer, None, {}
                await broken.close()
                await asyncio.sleep(_PAUSE_S)

    async def _read(self, consumer: Consumer) -> None:
        kept_s = time.monotonic()
        while True:
            records = await consumer.fetch(records_max=64, bytes_max=32 << 20, wait_s=self._keep_s or _WAIT_S)
            news = [kind for record in records for kind in self._take(record)]
            if any(kind in (ChampionPromoted, DeploymentChanged) for kind in news):
                self._urgent()
            self._done |= {(record.topic, record.partition): record.offset + 1 for record in records}
            if self._done and time.monotonic() - kept_s >= self._keep_s:
                if self._keep_s:
                    self._chronicle.flush()
                kept_s = time.monotonic()
                if await commit(consumer, self._done, GROUP):
                    self._done = {}
                else:  # partitions that are somebody else's would fail for ever
                    self._done = {at: offset for at, offset in self._done.items() if at in consumer.assignment}

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
        topic, service = record.topic.removesuffix(SUFFIX), headers.get("dead_service", "")
        reason = headers.get("dead_reason", "")
        is_new = self._chronicle.refused(topic, service, reason)
        if is_new:
            self._say(f"refused by {service}, {topic}: {reason}")
        elif is_new is None and not self._is_full:
            self._is_full = True
            self._say("further refusals are not listed; the topics whose names end in .dead have them all")


def _is_bulk(record: Record) -> bool:
    """Answers to bred cohorts are megabytes that the selector sums up; their header is read, not their columns."""
    return record.topic == _EVALUATED and header_of(record.value).get("purpose") == "evolution"
