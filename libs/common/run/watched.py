"""What the run loop does with the bus so that it can be watched: publishing, counted and timed, and asking for lags."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from common.events.message import Message
from common.ports import Bus, Consumer
from common.run.retry import LoopSettings, retry
from common.telemetry import Metrics, names

LAG_EVERY_S = 15.0
"""Between two questions; each costs a few requests to the broker."""
_log = logging.getLogger(__name__)


async def publish(
    bus: Bus, messages: Sequence[Message], service: str, metrics: Metrics, settings: LoopSettings
) -> None:
    """Publish, with patience; nothing to publish is fine."""
    if not messages:
        return
    with metrics.timed(names.PUBLISH, service):
        await retry(lambda: bus.publish(messages), settings)
    for topic, count in Counter(message.topic for message in messages).items():
        metrics.add(names.PUBLISHED, count, service=service, topic=topic)


@contextmanager
def watched(
    bus: Bus, consumer: Consumer, group: str, topics: Sequence[str], metrics: Metrics, every_s: float = LAG_EVERY_S
) -> Iterator[None]:
    """While inside, the member's occupation and its lags are told, if anybody listens."""
    with metrics.member(group) as lags:
        if not metrics.is_on:
            yield
            return
        asking = asyncio.create_task(_ask(bus, consumer, group, topics, lags, every_s))
        try:
            yield
        finally:
            asking.cancel()


async def _ask(
    bus: Bus, consumer: Consumer, group: str, topics: Sequence[str], lags: dict[tuple[str, int], int], every_s: float
) -> None:
    """Of the member's own partitions: the others are told by those who read them."""
    while True:
        try:
            found = await bus.lag(group, topics)
        except Exception as error:  # whatever it is, the work goes on and the next question may be answered
            _log.warning("%s: its lag is not known: %r", group, error)
        else:
            mine = {at: records for at, records in found.items() if at in consumer.assignment}
            for gone in lags.keys() - mine.keys():
                del lags[gone]
            lags.update(mine)
        await asyncio.sleep(every_s)
