"""Batches of records from Kafka through a faust-streaming app, acknowledged after they were handled.

Not by faust's ``take`` (version 0.15.3, read and run): it acknowledges in a ``finally``, also a batch whose handling
failed or was cut off by the end of the app. Batches are put together here, and acknowledged by one task in the order of
each partition, because what faust commits may step over one record that is acknowledged later than the next (faust
issue 606).
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from common.adapters.faust_app import app_of
from common.adapters.kafka_settings import KafkaSettings
from common.errors import TransientError
from common.ports import Partition, Record

Handle = Callable[[Sequence[Record]], Awaitable[None]]
_START_S, _STOP_S = 60.0, 15.0
_COMMIT_S = 2.0
"""Without a record; nothing is sent where all that is acknowledged is committed."""
_log = logging.getLogger(__name__)


class FaustStream:
    """``kafka://host:port[,host:port]/[NAMESPACE][?settings]``, read as a member of a group.

    A batch holds what came within ``within_s`` seconds after its first record, at most ``records_max`` records and,
    beyond the first, ``bytes_max`` bytes. Raises ConfigurationError for a wrong URL.
    """

    def __init__(
        self,
        url: str,
        group: str,
        topics: Sequence[str],
        *,
        records_max: int = 2000,
        bytes_max: int = 64 << 20,
        within_s: float = 1.0,
    ) -> None:
        self._settings = KafkaSettings.of(url)
        self._group, self._topics = group, topics
        self._records_max, self._bytes_max, self._within_s = records_max, bytes_max, within_s
        self._is_handling = False
        self._consumer: Any = None

    @property
    def assignment(self) -> frozenset[Partition]:
        """The partitions that are read now; none before the group has settled, and after the end."""
        if self._consumer is None:
            return frozenset()
        places = self._consumer.assignment()
        return frozenset((topic.removeprefix(self._settings.prefix), number) for topic, number in places)

    async def run(self, handle: Handle, stop: asyncio.Event) -> None:
        """Hand over batches until ``stop``; the batch in hand is finished first, if it takes less than 15 seconds.

        One batch is handled at a time, and committed then. What ``handle`` raises is raised here, and nothing of its
        batch is committed: it comes again, to the next reader. Raises TransientError when the app cannot start or has
        crashed: run again.
        """
        with tempfile.TemporaryDirectory(prefix="galapagos-faust-") as folder:
            app = app_of(self._settings, self._group, folder)
            events: asyncio.Queue[Any] = asyncio.Queue(1)
            names = [self._settings.prefix + name for name in self._topics]
            topic = app.topic(*names, key_type=bytes, value_type=bytes)

            async def feed(stream: Any) -> None:
                async for event in stream.noack().events():
                    await events.put(event)

            app.agent(topic, name=f"{self._group}.feed")(feed)
            watched: list[asyncio.Task[Any]] = []
            try:
                await self._start(app)
                watched.append(asyncio.create_task(self._work(app, events, handle, stop)))
                watched.append(asyncio.create_task(app.wait_for_stopped(stop)))
                await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                if self._is_handling:
                    await asyncio.wait(watched[:1], timeout=_STOP_S)
                if watched[0].done():
                    watched[0].result()
                if not stop.is_set():
                    raise TransientError(f"{self._settings.url}: the stream app stopped: {app.crash_reason!r}")
            finally:
                for task in watched:
                    task.cancel()
                await asyncio.gather(*watched, return_exceptions=True)
                await self._end(app)

    async def _start(self, app: Any) -> None:
        try:
            async with asyncio.timeout(_START_S):
                await app.start()
            self._consumer = app.consumer
        except Exception as error:  # whatever faust and aiokafka raise: the next try may find a broker
            raise TransientError(f"{self._settings.url}: the stream app does not start: {error!r}") from error

    async def _end(self, app: Any) -> None:
        self._consumer = None
        try:
            async with asyncio.timeout(_STOP_S):
                await app.stop()
        except Exception as error:  # nothing depends on it: what is not committed comes again
            _log.warning("%s: the stream app did not stop well: %r", self._settings.url, error)

    async def _work(self, app: Any, events: "asyncio.Queue[Any]", handle: Handle, stop: asyncio.Event) -> None:
        while not stop.is_set():
            batch = await self._collect(app, events)
            self._is_handling = True
            try:
                await handle([self._record(event.message) for event in batch])
                for event in batch:
                    event.ack()
                await app.consumer.commit()
            finally:
                self._is_handling = False

    async def _first(self, app: Any, events: "asyncio.Queue[Any]") -> Any:
        """The next event. Meanwhile commits are repeated: faust only returns False for one that was lost."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMMIT_S):
                    return await events.get()
            await app.consumer.commit()

    async def _collect(self, app: Any, events: "asyncio.Queue[Any]") -> list[Any]:
        batch = [await self._first(app, events)]
        room = self._bytes_max - len(batch[0].message.value or b"")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._within_s):
                while len(batch) < self._records_max and room > 0:
                    batch.append(await events.get())
                    room -= len(batch[-1].message.value or b"")
        return batch

    def _record(self, message: Any) -> Record:
        place = message.topic.removeprefix(self._settings.prefix), message.partition, message.offset
        headers = tuple((name, value or b"") for name, value in message.headers or ())
        return Record(*place, message.key or b"", headers, message.value or b"")
