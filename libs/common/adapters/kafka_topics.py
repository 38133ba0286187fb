"""The topics of a Kafka cluster: making them, and how many partitions each of them has."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from common.adapters.kafka_settings import KafkaSettings, administrator
from common.errors import ConfigurationError, TransientError
from common.ports import TopicPlan

BATCH_BYTES = 1 << 20
"""What a producer puts together before compression; the broker bounds such a batch like a record."""
_REPLICAS_MAX = 3
_SEGMENT_BYTES = 128 << 20
_LOOKS = 12
_LOOK_S = 0.3
"""One that was just made is not known to every broker yet; a leader that has died has a successor by then."""
_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A topic that is there; ``replicas``: of the partition that has the fewest."""

    partitions: int
    replicas: int


class KafkaTopics:
    """Of one namespace; names come and go without it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._counts: dict[str, int] = {}
        self._made: set[str] = set()

    def forget(self) -> None:
        """Ask again: somebody may have removed or enlarged a topic."""
        self._counts.clear()

    async def create(self, topics: Sequence[TopicPlan]) -> None:
        """See ``Bus``. Three replicas, two of them in sync, where there are three brokers."""
        async with administrator(self._settings) as admin:
            copies = min(_REPLICAS_MAX, len((await admin.describe_cluster())["brokers"]))
            wanted = [
                NewTopic(
                    self._settings.prefix + plan.name,
                    plan.partitions,
                    copies,
                    topic_configs=_configuration(plan, copies),
                )
                for plan in topics
            ]
            made = await admin.create_topics(wanted)
            for name, code, reason in made.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    kind = TransientError if error.retriable else ConfigurationError
                    raise kind(f"{self._settings.url}: topic {name} cannot be created: {error.__name__} {reason or ''}")
        self._made |= {plan.name for plan in topics}
        counts = await self.counts([plan.name for plan in topics])
        for plan in topics:
            if counts[plan.name] != plan.partitions:
                _log.warning("topic %s has %d partitions, not %d", plan.name, counts[plan.name], plan.partitions)

    async def known(self) -> dict[str, int]:
        """Every topic of the namespace with its number of partitions, by name; without one, every topic there is."""
        async with administrator(self._settings) as admin:
            found = await self._look(admin)
        return {name: found[name].partitions for name in sorted(found)}

    async def delete(self, topics: Sequence[str]) -> None:
        """Remove topics with all that is in them, and what groups have committed there."""
        async with administrator(self._settings) as admin:
            await admin.delete_topics([self._settings.prefix + topic for topic in topics])
        self.forget()
        self._made -= set(topics)

    async def counts(self, topics: Collection[str]) -> dict[str, int]:
        """The number of partitions of each topic.

        Raises ConfigurationError for one that is not there, TransientError for one that has no leader yet, or that was
        made here and is not known to the broker that was asked.
        """
        there: set[str] = set()
        for _ in range(_LOOKS):
            missing = [topic for topic in topics if topic not in self._counts]
            if not missing:
                return {topic: self._counts[topic] for topic in topics}
            async with administrator(self._settings) as admin:
                there |= (await self._look(admin)).keys()
            if any(topic not in self._counts for topic in missing):
                await asyncio.sleep(_LOOK_S)
        missing.sort(key=lambda topic: topic in there or topic in self._made)
        where = f"{self._settings.url}: topic {missing[0]}"
        if missing[0] in there:
            raise TransientError(f"{where} has a partition without a leader; start the brokers that are away")
        if missing[0] in self._made:
            raise TransientError(f"{where} was made and is not known everywhere yet; try again")
        raise ConfigurationError(f"{where} is missing; make it with: galapagos topics create")

    async def _look(self, admin: Any) -> dict[str, Found]:
        """The topics of the namespace, as one of the brokers knows them; counts those that can be used."""
        found = {}
        for each in await admin.describe_topics():
            if each["topic"].startswith(self._settings.prefix):
                name, partitions = each["topic"].removeprefix(self._settings.prefix), each["partitions"]
                found[name] = Found(len(partitions), min((len(part["replicas"]) for part in partitions), default=0))
                if min((part["leader"] for part in partitions), default=-1) >= 0:
                    self._counts[name] = len(partitions)
        return found


def _configuration(plan: TopicPlan, copies: int) -> dict[str, str]:
    """A record above ``max.message.bytes`` or ``segment.bytes`` is refused; a batch of many counts as one record."""
    record_bytes = max(plan.bytes_max, 2 * BATCH_BYTES) + (1 << 16)
    found = {
        "max.message.bytes": str(record_bytes),
        "segment.bytes": str(max(_SEGMENT_BYTES, record_bytes)),
        "cleanup.policy": "compact" if plan.compacted else "delete",
        "retention.ms": "-1" if plan.retention_s is None else str(int(plan.retention_s * 1000)),
        "min.insync.replicas": "2" if copies == _REPLICAS_MAX else "1",
    }
    if plan.compacted:
        found |= {"segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
    return found
