"""The faust-streaming app of ``faust_stream``: what of faust 0.15.3 is used, and what not.

At least once only; raw bytes; no tables, so no changelogs; no leader topic, no replies: it makes no topic at all. No
worker: no command line, no logging, no signals; the app lives on the caller's event loop, its consumer in a thread of
its own, so the group stays together however long a batch takes.
"""

import asyncio
from pathlib import Path
from typing import Any

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.transport.drivers.aiokafka import Consumer as _Consumer

from common.adapters.kafka_poll import step_over
from common.adapters.kafka_settings import KafkaSettings

_QUEUE_RECORDS = 64
"""Read ahead of what is handled; a record of a bulk topic may have megabytes."""
_POSITION_S = 5.0
_EVER_S = 7 * 86_400.0
"""A store may be down for days: neither the group nor faust's own watchdogs are to mind."""


class _Thread(AIOKafkaConsumerThread):
    """Reads on behind a record that aiokafka cannot read; as it is, faust would stop at it at every start."""

    async def _fetch_records(self, consumer: Any, active_partitions: Any, *args: Any, **settings: Any) -> Any:
        places = [place for place in consumer.assignment() if place in active_partitions]
        try:
            async with asyncio.timeout(_POSITION_S):
                positions = {place: await consumer.position(place) for place in places}
            return await super()._fetch_records(consumer, active_partitions, *args, **settings)
        except (TimeoutError, IllegalStateError):  # the group rebalances
            return {}
        except UnicodeDecodeError:
            return await step_over(consumer, positions)


class _App(faust.App):
    class _Transport(Transport):
        class Consumer(_Consumer):
            def _new_consumer_thread(self) -> _Thread:
                return _Thread(self, loop=self.loop, beacon=self.beacon)

    def _new_transport(self) -> Any:
        return self._Transport(self.conf.broker_consumer, self)


def app_of(settings: KafkaSettings, group: str, folder: str) -> Any:
    """An app that is not started; ``group`` without the namespace, ``folder`` for what it writes: nothing."""
    return _App(
        settings.prefix + group,
        broker=[f"kafka://{server}" for server in settings.servers.split(",")],
        datadir=Path(folder),
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        processing_guarantee="at_least_once",
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=_QUEUE_RECORDS,
        stream_wait_empty=False,
        stream_processing_timeout=_EVER_S,
        broker_commit_livelock_soft_timeout=_EVER_S,
        broker_max_poll_interval=_EVER_S,
        broker_max_poll_records=_QUEUE_RECORDS,
        broker_commit_interval=_EVER_S,
        broker_commit_every=1 << 62,
        broker_session_timeout=settings.session_ms / 1000,
        broker_heartbeat_interval=max(0.1, settings.session_ms / 20_000),
        broker_request_timeout=max(settings.deliver_ms, settings.session_ms) / 1000,
    )
