"""The topics of a run on Kafka, by its URL: for `galapagos topics`."""

from collections.abc import Sequence

from common.adapters.kafka_settings import KafkaSettings
from common.adapters.kafka_topics import KafkaTopics
from common.run.topics import plans
from common.settings import read_settings
from standalone.server_crew import kept
from standalone.servers import urls_of


def url_of(bus: str) -> str:
    """The bus that is named, or that was started here. Raises ConfigurationError."""
    return urls_of(read_settings(bus=bus or None)).bus


def _topics(url: str) -> KafkaTopics:
    return KafkaTopics(KafkaSettings.of(url))


async def create(url: str, partitions: int) -> int:
    """Make what is missing; how many there are now. Raises ConfigurationError, TransientError."""
    wanted = plans(kept(), partitions)
    await _topics(url).create(wanted)
    return len(wanted)


async def known(url: str) -> dict[str, int]:
    """The number of partitions of every topic in the namespace, by name without it."""
    return await _topics(url).known()


async def ours(url: str) -> list[str]:
    """Those of the namespace that a run makes."""
    there = await known(url)
    return [plan.name for plan in plans(kept()) if plan.name in there]


async def delete(url: str, names: Sequence[str]) -> None:
    """Remove these."""
    if names:
        await _topics(url).delete(names)
