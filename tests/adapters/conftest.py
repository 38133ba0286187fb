"""A namespace and a bus on Kafka for each test that asks."""

import uuid
from collections.abc import AsyncIterator

import pytest

from common.adapters.kafka_bus import KafkaBus
from common.ports import TopicPlan


@pytest.fixture
def url(kafka_url: str) -> str:
    """A namespace of this test's own."""
    return f"{kafka_url}/{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def bus(url: str) -> AsyncIterator[KafkaBus]:
    """With the topic "t" of four partitions."""
    opened = KafkaBus(f"{url}?session_ms=1500")
    await opened.create([TopicPlan("t", 4)])
    yield opened
    await opened.close()
