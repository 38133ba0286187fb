"""The topics of a Kafka cluster: making them, and how many partitions each of them has."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.admin import NewTopic
from aiokafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError, for_code

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
_NAMED = 10
_ANEW = "name another namespace, or remove the topics with: galapagos topics delete"
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
        """See ``Bus``. As many replicas as the URL says, or three where there are three brokers; two of three in sync.

        Raises ConfigurationError for what cannot work with the topics that are there, before anything is made.
        """
        async with administrator(self._settings) as admin:
            there = await self._look(admin)
            self._check(topics, {name: found.partitions for name, found in there.items()})
            copies = self._settings.replicas or min(_REPLICAS_MAX, len(await _brokers(admin)))
            if few := sorted(plan.name for plan in topics if plan.name in there and there[plan.name].replicas < copies):
                _log.warning(
                    "%s: topics with fewer than %d replicas: %d, one is %s; add some with kafka-reassign-partitions.sh",
                    *(self._settings.url, copies, len(few), few[0]),
                )
            await self._make(admin, [plan for plan in topics if plan.name not in there], copies)
        self._made |= {plan.name for plan in topics}
        self._check(topics, await self.counts([plan.name for plan in topics]))  # another process may have been faster

    async def _make(self, admin: Any, topics: Sequence[TopicPlan], copies: int) -> None:
        if not topics:
            return
        prefix = self._settings.prefix
        wanted = [
            NewTopic(prefix + plan.name, plan.partitions, copies, topic_configs=_configuration(plan, copies))
            for plan in topics
        ]
        for name, code, reason in (await admin.create_topics(wanted)).topic_errors:
            error = for_code(code)
            if error is InvalidReplicationFactorError:
                raise TransientError(
                    f"{self._settings.url}: topic {name} cannot have {copies} replicas ({reason}); start the brokers "
                    "that are away, or write ?replicas=NUMBER into the URL of the bus"
                )
            if code and error is not TopicAlreadyExistsError:
                kind = TransientError if error.retriable else ConfigurationError
                raise kind(f"{self._settings.url}: topic {name} cannot be created: {error.__name__} {reason or ''}")

    def _check(self, topics: Sequence[TopicPlan], counts: Mapping[str, int]) -> None:
        """Raise ConfigurationError for too few partitions, and for unequal numbers where one member reads several."""
        first: dict[str, tuple[str, int]] = {}
        for plan in sorted(topics, key=lambda plan: (counts.get(plan.name, plan.partitions), plan.name)):
            count = counts.get(plan.name, plan.partitions)
            where = f"{self._settings.url}: topic {plan.name}"
            if count < plan.partitions:
                raise ConfigurationError(
                    f"{where} has {count} partitions, {plan.partitions} are wanted; use --partitions {count}, {_ANEW}"
                )
            name, least = first.setdefault(plan.together, (plan.name, count))
            if plan.together and count != least:
                raise ConfigurationError(
                    f"{where} has {count} partitions and {name} {least}, which one process reads together; {_ANEW}"
                    if name in counts
                    else f"{where} has {count} partitions and {name}, which is missing, would get {least}; use "
                    f"--partitions {count}, {_ANEW}"
                )

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
        raise await self._missing(missing[0])

    async def _missing(self, topic: str) -> ConfigurationError:
        """A topic that other namespaces have is one of a run's: the user has probably named the wrong one."""
        async with administrator(self._settings) as admin:
            everywhere = [each["topic"] for each in await admin.describe_topics()]
        others = sorted(name.removesuffix(f".{topic}") for name in everywhere if name.endswith(f".{topic}"))
        if not others:
            return ConfigurationError(
                f"{self._settings.url}: topic {topic} is missing; make it with: galapagos topics create"
            )
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return ConfigurationError(
            f"{self._settings.url}: no run is in this namespace (topic {topic} is missing); name one of those that "
            f"are there, as in kafka://host:port/NAMESPACE: {', '.join(others[:_NAMED])}{more}"
        )

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


async def _brokers(admin: Any) -> set[int]:
    """Those that answer, and those that are away and hold a replica of anything."""
    found = {each["node_id"] for each in (await admin.describe_cluster())["brokers"]}
    for topic in await admin.describe_topics():
        found |= {number for each in topic["partitions"] for number in each["replicas"]}
    return found


def _configuration(plan: TopicPlan, copies: int) -> dict[str, str]:
    """A record above ``max.message.bytes`` or ``segment.bytes`` is refused; a batch of many counts as one record."""
    record_bytes = max(plan.bytes_max, 2 * BATCH_BYTES) + (1 << 16)
    found = {
        "max.message.bytes": str(record_bytes),
        "segment.bytes": str(max(_SEGMENT_BYTES, record_bytes)),
        "cleanup.policy": "compact" if plan.compacted else "delete",
        "retention.ms": "-1" if plan.retention_s is None else str(int(plan.retention_s * 1000)),
        "min.insync.replicas": "2" if copies >= _REPLICAS_MAX else "1",
    }
    if plan.compacted:
        found |= {"segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
    return found
