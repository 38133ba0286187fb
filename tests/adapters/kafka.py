"""What the tests of Kafka share."""

import asyncio
import subprocess
import sys

from common.adapters.kafka_bus import KafkaBus
from common.adapters.kafka_consumer import KafkaConsumer
from common.errors import TransientError
from common.events.message import Message
from common.ports import Record
from tools.tidy import ROOT

BIG = 1 << 30
PATIENCE_S = 30.0


def messages(*values: str) -> list[Message]:
    return [Message("t", value.encode(), (), value.encode()) for value in values]


async def read(consumer: KafkaConsumer, count: int) -> list[Record]:
    """At least ``count`` records."""
    found: list[Record] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found += await consumer.fetch(records_max=1000, bytes_max=BIG, wait_s=0.2)
    return found


async def share(consumer: KafkaConsumer, partitions: int) -> None:
    """Wait until the member has so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(consumer.assignment) != partitions:
            await asyncio.sleep(0.02)


async def publish(bus: KafkaBus, *values: str) -> None:
    """As the run loop does it: again, until it works."""
    for _ in range(60):
        try:
            return await bus.publish(messages(*values))
        except TransientError:
            await asyncio.sleep(0.5)
    raise AssertionError(values)


def child(program: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join([str(ROOT / "libs"), *sys.path])},
    )
