"""The recorder on Kafka: a faust-streaming app that writes every event to the store and tells live figures.

Rows are in the store before their records are acknowledged, so a crash repeats rows and loses none; tables replace
repeated rows. While the store is down nothing is acknowledged and nothing dropped: the log keeps it as long as the
topics' retention says.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from common.errors import TransientError
from common.ports import Bus, Partition, Record, Store
from common.run.http_json import Answer, Routes
from common.run.loop import now_us
from recorder.live import Live
from recorder.progress import STALL_S, Progress
from recorder.record import DEFAULTS, GROUP, TOPICS, put_aside, read
from recorder.writer import RecorderSettings, Tally, Writer

LAG_EVERY_S = 5.0
_UNKNOWN_S = 0.5
"""Between looks while the lag is not known: at the start, until the group has settled."""
_AGAIN_S, _AGAIN_S_MAX = 0.5, 15.0
_log = logging.getLogger(__name__)


class Stream(Protocol):
    """See ``common.adapters.faust_stream``."""

    @property
    def assignment(self) -> frozenset[Partition]:
        """The partitions that are read now."""
        ...

    async def run(self, handle: Callable[[Sequence[Record]], Awaitable[None]], stop: asyncio.Event) -> None:
        """Hand over batches until ``stop``; acknowledged are those for which ``handle`` returned."""
        ...


def open_stream(url: str, settings: RecorderSettings = DEFAULTS) -> Stream:
    """The records of the recorder's topics on ``kafka://``. Raises ConfigurationError for a wrong URL."""
    from common.adapters.faust_stream import FaustStream  # a large library; other processes never need it

    return FaustStream(
        url,
        GROUP,
        TOPICS,
        records_max=settings.records_max,
        bytes_max=settings.bytes_max,
        within_s=settings.flush_s,
    )


class FaustRecorder:
    """One member of the group; ``routes`` are what it tells over HTTP. Figures are those of its own partitions."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        stop: asyncio.Event,
        settings: RecorderSettings = DEFAULTS,
        *,
        place: str = "the store",
        stall_s: float = STALL_S,
        lag_every_s: float = LAG_EVERY_S,
    ) -> None:
        self._bus, self._stop, self._lag_every_s = bus, stop, lag_every_s
        self._clock = asyncio.get_running_loop().time
        self.tally = Tally()
        self._writer = Writer(store, settings, stop, self.tally, gives_up=False, place=place)
        self.live = Live()
        self.progress = Progress(self._clock, self._writer.waiting, self.tally, stall_s=stall_s)
        self._turn: asyncio.Task[None] | None = None
        self._begun_s = 0.0

    @property
    def routes(self) -> Routes:
        """By path; see ``docs/operate.md``."""

        def of(figures: Callable[[int], dict[str, Any]]) -> Callable[[], Answer]:
            return lambda: (200, figures(now_us()))

        return {
            "/live/rates": of(self.live.rates),
            "/live/leaderboard": of(self.live.leaderboard),
            "/live/islands": of(self.live.islands),
            "/health/live": self.progress.report,
        }

    async def prepare(self) -> None:
        """Make the tables where the store answers; one that is away is waited for at the first batch.

        Raises ConfigurationError where the store's schema is another program's or its user lacks rights.
        """
        try:
            await asyncio.to_thread(self._writer.migrate)
        except TransientError as error:
            _log.warning("recorder: %s; its tables are made when it comes", error)

    async def run(self, stream: Stream) -> None:
        """Write until ``stop``. What fails of the bus is tried again for ever, and told by ``/health/live``.

        An app that stands still while records wait is replaced by a new one. Raises as ``prepare``, for a store that
        was away then.
        """
        watching = asyncio.create_task(self._watch(stream))
        pause_s = _AGAIN_S
        try:
            while not self._stop.is_set():
                before = self.progress.records
                self._begun_s = self._clock()
                self._turn = asyncio.create_task(stream.run(self._handle, self._stop))
                await asyncio.wait([self._turn])
                if self._stop.is_set() or self._reason(self._turn) is None:
                    return
                pause_s = _AGAIN_S if self.progress.records > before else min(_AGAIN_S_MAX, 2 * pause_s)
                _log.warning("recorder: %s; again in %.1f s", self._reason(self._turn), pause_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause_s)
        finally:
            ending = [watching, *([self._turn] if self._turn is not None else [])]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    @staticmethod
    def _reason(turn: "asyncio.Task[None]") -> str | None:
        """Why a turn has to be taken again; None where it ended well. Raises what another turn cannot help."""
        if turn.cancelled():
            return "records wait and nothing moves"
        try:
            turn.result()
        except TransientError as error:
            return str(error)
        return None

    async def _handle(self, records: Sequence[Record]) -> None:
        self.progress.is_writing = True
        try:
            events, tables, dead = await asyncio.to_thread(read, records)
            self.live.observe(events, now_us())
            refused = await self._writer.write(tables)
            await put_aside(self._bus, records, dead, refused)
            self.progress.done(len(records))
        finally:
            self.progress.is_writing = False

    async def _watch(self, stream: Stream) -> None:
        while True:
            self.progress.measured(*await self._lag(stream))
            is_new = self._clock() - self._begun_s < self.progress.stall_s
            if self.progress.report()[0] != 200 and not is_new and self._turn is not None:
                self._turn.cancel()
            soon_s = self._lag_every_s if self.progress.lag is not None else min(_UNKNOWN_S, self._lag_every_s)
            await asyncio.sleep(soon_s)

    async def _lag(self, stream: Stream) -> tuple[int | None, str]:
        """Of this member's own partitions; None and why where it cannot be told."""
        try:
            lags = await self._bus.lag(GROUP, TOPICS)
        except Exception as error:  # whatever it is: health has to go on
            return None, str(error)
        mine = [lags.get(at, 0) for at in stream.assignment]
        return (sum(mine), "") if mine else (None, "no partitions are assigned to this member")
