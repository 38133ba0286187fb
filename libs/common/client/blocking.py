"""The client for programs without an event loop: one runs in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
from contextlib import suppress
from typing import Any, Self, TypeVar

import numpy as np

from common.client.asynchronous import Client, Published, Seen
from common.client.fate import Fate
from common.client.following import Begin
from common.events.public import ChampionPromoted, DeploymentChanged
from common.events.spec import RunSpec
from common.ports import Bus

Result = TypeVar("Result")
_END: Any = object()


class BlockingClient:
    """Everything that ``Client`` does, for one thread at a time; errors are the same."""

    def __init__(self, bus: str | Bus) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="galapagos-client", daemon=True)
        self._thread.start()
        try:
            self._client = self._call(_opened(bus))
        except BaseException:
            self._stop()
            raise

    def publish_seed(
        self,
        genome: Mapping[str, Any] | np.void,
        publisher: str = "anonymous",
        note: str = "",
        *,
        run: RunSpec | str = "",
    ) -> Published:
        """See ``Client``."""
        return self._call(self._client.publish_seed(genome, publisher, note, run=run))

    def champions(
        self, group: str = "", begin: Begin = "oldest", idle_s: float | None = None
    ) -> Generator[Seen[ChampionPromoted], None, None]:
        """See ``Client``."""
        return self._each(self._client.champions(group, begin, idle_s))

    def deployments(
        self, group: str = "", begin: Begin = "oldest", idle_s: float | None = None
    ) -> Generator[Seen[DeploymentChanged], None, None]:
        """See ``Client``."""
        return self._each(self._client.deployments(group, begin, idle_s))

    def outcome(self, seed_id: str, idle_s: float | None = None) -> Generator[Fate, None, None]:
        """See ``Client``."""
        return self._each(self._client.outcome(seed_id, idle_s))

    def close(self) -> None:
        """Let go of the bus and end the thread."""
        try:
            self._call(self._client.close())
        finally:
            self._stop()

    def _call(self, work: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C comes to this thread alone
            raise

    def _each(self, items: AsyncGenerator[Result, None]) -> Generator[Result, None, None]:
        try:
            while (item := self._call(_following(items))) is not _END:
                yield item
        finally:
            self._call(_closed(items))

    def _stop(self) -> None:
        self._call(_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(bus: str | Bus) -> BlockingClient:
    """``with connect("kafka://host:9092") as client:``. Raises TransientError where nobody answers."""
    return BlockingClient(bus)


async def _opened(bus: str | Bus) -> Client:
    return Client(bus)


async def _ended() -> None:
    """Client libraries leave tasks behind that have been cancelled and not awaited."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _following(items: AsyncGenerator[Result, None]) -> Result:
    return await anext(items, _END)


async def _closed(items: AsyncGenerator[Any, None]) -> None:
    with suppress(RuntimeError):  # it is being cancelled, and closes itself
        await items.aclose()
