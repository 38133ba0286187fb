"""Whether the recorder gets on: by what it has written, not by its being there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recorder.writer import Tally, Waiting

STALL_S = 30.0
"""Records wait and none was done for so long, and the store is not the reason: end the process and start again."""


@dataclass(slots=True)
class Progress:
    """Written by the app; ``clock`` counts seconds and never goes back."""

    clock: Callable[[], float]
    waiting: Waiting
    tally: Tally
    records: int = 0
    lag: int | None = None
    """Records that are not acknowledged yet; None: not known, the bus does not answer."""
    bus_error: str = ""
    stall_s: float = STALL_S
    is_writing: bool = False
    """A batch is in hand: the store's client and the bus bound how long each attempt takes."""
    moved_s: float = 0.0

    def __post_init__(self) -> None:
        self.moved_s = self.clock()

    def done(self, records: int) -> None:
        """So many records are in the store."""
        self.records += records
        self.moved_s = self.clock()

    def measured(self, lag: int | None, error: str = "") -> None:
        """What the bus says; where nothing waits, and while it does not answer, there is nothing to get on with."""
        self.lag, self.bus_error = lag, error
        if not lag:
            self.moved_s = self.clock()

    def report(self) -> tuple[int, dict[str, Any]]:
        """200, or 503 for a recorder that had better start again; and why."""
        now_s = self.clock()
        still_s = now_s - self.moved_s
        if self.is_writing:
            self.moved_s = now_s
        if self.waiting.since_s is not None:
            state = "waiting for the store"
        elif self.lag is None:
            state = "waiting for the bus"
        else:
            state = "stalled" if still_s > self.stall_s and not self.is_writing else "running"
        told = {
            "state": state,
            "lag": self.lag,
            "records": self.records,
            "rows": self.tally.rows,
            "dropped_rows": self.tally.dropped_rows,
            "dropped_reason": self.tally.reason,
            "still_s": round(still_s, 1),
            "store_error": self.waiting.reason if state == "waiting for the store" else "",
            "bus_error": self.bus_error,
        }
        return (503 if state == "stalled" else 200), told
