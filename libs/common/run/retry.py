"""How often and how long the run loop tries, and how much it takes at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from common.errors import ConfigurationError, TransientError
from common.events.spec import RunSpec
from common.ports import Consumer, Offsets

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Bounds of a batch, and how often and how long to try again after a TransientError."""

    records_max: int = 64
    bytes_max: int = 32 << 20
    wait_s: float = 0.2
    attempts: int = 6
    backoff_s: float = 0.05
    backoff_s_max: float = 2.0
    snapshot_s: float = 0.0
    """Seconds between saves of a state. Above 0 only on a log that outlives the process: it replays what came since."""
    run: RunSpec | None = None
    """The only run it works for, to which a user's event belongs that names none; None: any."""


DEFAULTS = LoopSettings()


async def retry(act: Callable[[], Awaitable[Result]], settings: LoopSettings) -> Result:
    """Act until it works; the TransientError of the last attempt is raised."""
    for attempt in range(settings.attempts):
        try:
            return await act()
        except TransientError as error:
            if attempt + 1 == settings.attempts:
                raise
            pause_s = min(settings.backoff_s_max, settings.backoff_s * 2.0**attempt)
            _log.warning("%s; again in %.2f s", error, pause_s)
            await asyncio.sleep(pause_s)
    raise ConfigurationError(f"attempts: {settings.attempts} is not allowed; use at least 1")


async def commit(consumer: Consumer, offsets: Offsets, who: str) -> bool:
    """Commit; whether it has worked. Partitions that have moved meanwhile are the business of their new reader."""
    try:
        await consumer.commit(offsets)
    except TransientError as error:
        _log.warning("%s: %s", who, error)
        return False
    return True
