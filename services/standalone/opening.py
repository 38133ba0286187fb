"""What a run begins with on its bus: the bars of its paper stretch, and the seeds that people put into its folder."""

import asyncio
from collections.abc import Sequence

from common.events.codec import encode
from common.events.event import Event, Payload, event_id
from common.events.message import Message
from common.events.public import ControlIssued
from common.events.spec import RunSpec
from common.market.bars import Bars
from common.ports import Bus
from common.run.loop import now_us
from common.run.retry import LoopSettings, retry
from common.run.stretches import feed
from standalone.seeds import Inbox

SOURCE = "cli"
PATIENT = LoopSettings(attempts=300)
"""For a bus that has answered once: it may be away for ten minutes."""
_WAIT_S = 0.2


def opening(spec: RunSpec, bars: Sequence[Bars], *, is_new: bool) -> list[Message]:
    """The bars of the paper stretch, and what starts a run that ``is_new``; the same events whenever it is said."""
    named: list[tuple[str, Payload]] = [(each.instrument, each) for each in feed(spec, bars)]
    if is_new:
        named.append(("run", ControlIssued(action="start")))
    events = [
        Event(payload, key, spec, event_id(spec, payload, (key, str(index))), time_us=now_us())
        for index, (key, payload) in enumerate(named)
    ]
    return [encode(event, SOURCE) for event in events]


class Post:
    """Publishes the seeds of a folder; a bus that is away holds up nobody but them."""

    def __init__(self, inbox: Inbox, bus: Bus, run_id: str) -> None:
        self._inbox, self._bus, self._run_id = inbox, bus, run_id
        self._sending: asyncio.Task[None] | None = None

    async def tick(self) -> None:
        """Send what is new, as far as that is quickly done. Raises TransientError after long patience."""
        if self._sending is None and (messages := await self._inbox.new(self._run_id)):
            self._sending = asyncio.create_task(retry(lambda: self._bus.publish(messages), PATIENT), name="seeds")
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=_WAIT_S)
            if self._sending.done():
                sent, self._sending = self._sending, None
                sent.result()

    @property
    def is_done(self) -> bool:
        """Whether nothing waits for the bus."""
        return self._sending is None

    async def close(self) -> None:
        """What is still to be sent is sent by whoever resumes the run."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
