"""Health of a process: whether its loop turns, and whether it has work assigned; told over HTTP and asked for."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.run.http_json import Answer, Routes
from common.run.pulse import Pulse

LIVE, READY = "/health/live", "/health/ready"
STEP_S = 3600.0
"""So long may a batch take, the longest cohort of an evaluator included; Kafka's ``step_ms`` says the same."""


@dataclass(slots=True)
class Health:
    """``live_s``: how long a loop may take for one turn, ``step_s`` for one with records; ``clock`` as the pulse's.

    A loop that is blocked does not answer at all.
    """

    live_s: float
    pulse: Pulse | None = None
    """None while the process prepares: it is alive, and not ready."""
    stopping: bool = False
    clock: Callable[[], float] = time.monotonic
    step_s: float = STEP_S

    def live(self) -> Answer:
        """503 when the loop has not turned for too long: start the process again."""
        still_s = 0.0 if self.pulse is None else self.clock() - self.pulse.last_s
        is_at_work = self.pulse is not None and self.pulse.is_at_work
        limit_s = max(self.live_s, self.step_s) if is_at_work else self.live_s
        return (503 if still_s > limit_s else 200), self._told(still_s)

    def ready(self) -> Answer:
        """200 while the process reads at least one partition."""
        is_ready = self.pulse is not None and self.pulse.partitions > 0 and not self.stopping
        still_s = 0.0 if self.pulse is None else self.clock() - self.pulse.last_s
        return (200 if is_ready else 503), self._told(still_s)

    def _told(self, still_s: float) -> dict[str, Any]:
        pulse = self.pulse
        state = "stopping" if self.stopping else "preparing" if pulse is None else "running"
        return {
            "state": state,
            "still_s": round(still_s, 3),
            "partitions": 0 if pulse is None else pulse.partitions,
            "records": 0 if pulse is None else pulse.records,
        }

    @property
    def routes(self) -> Routes:
        """For ``http_json.serve``."""
        return {LIVE: self.live, READY: self.ready}


async def ask(host: str, port: int, path: str, within_s: float = 5.0) -> int | None:
    """The status that a process answers with; None when it does not answer."""
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                words = (await reader.readline()).split()
            finally:
                writer.close()
        return int(words[1])
    except (OSError, TimeoutError, IndexError, ValueError):
        return None
