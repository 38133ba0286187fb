"""The event in memory: a payload, whom it concerns, what caused it, and the trace it belongs to."""

import hashlib
from dataclasses import dataclass, replace
from typing import Self

from common.events.cohorts import Cohort
from common.events.public import Public
from common.events.spec import RunSpec

Payload = Public | Cohort


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """``id`` is deterministic, so a repeated delivery is recognised; ``time_us`` is stamped when it is published.

    ``trace`` is a W3C traceparent. A step copies it from the event it answers, or from the birth it reports on;
    ``root`` asks the run loop to begin a new trace here (a birth).
    """

    payload: Payload
    key: str
    run: RunSpec
    id: str
    time_us: int = 0
    trace: str = ""
    root: bool = False

    def answer(self, payload: Payload, key: str, index: int = 0) -> "Event":
        """An event caused by this one, in the same trace."""
        return Event(payload, key, self.run, event_id(self.run, payload, (self.id,), index), trace=self.trace)

    def at(self, time_us: int) -> Self:
        """The same event, stamped."""
        return replace(self, time_us=time_us)


def event_id(run: RunSpec, payload: Payload, causes: tuple[str, ...], index: int = 0) -> str:
    """hash(run, type, causes, index), 128 bits, hex: the same step gives the same ids on every replay."""
    text = "|".join((run.run_id, type(payload).__name__, *causes, str(index)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
