"""Reading a bus as a guest: with a group's name to go on where it stopped, without one to see everything again."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from common.ports import Bus, Record
from common.run.retry import DEFAULTS, commit, retry

Begin = Literal["oldest", "now"]
"""With the oldest record kept that the group has not read, or with what comes after the call."""
_TURN_S = 0.25
_RECORDS_MAX = 64
_BYTES_MAX = 32 << 20


async def follow(
    bus: Bus, topics: Sequence[str], group: str = "", begin: Begin = "oldest", *, are_kept: bool = True
) -> AsyncGenerator[Record | None, None]:
    """Records for ever; None now and then while there is nothing that the group has not read.

    A named group has read a record when the next one is asked for: whoever stops in between gets it again. Without a
    name nothing is remembered. ``are_kept`` False: the oldest records may go, so None means only that none has come
    for a quarter of a second. Raises TransientError when the bus stays away, ConfigurationError without the topics.
    """
    name = group or f"client-{uuid.uuid4().hex}"
    consumer = await retry(lambda: bus.subscribe(name, topics, may_lag=True), DEFAULTS)
    try:
        unread = await retry(lambda: bus.lag(name, topics), DEFAULTS)
        passed = dict(unread) if begin == "now" else {}
        while True:
            records = await retry(
                lambda: consumer.fetch(records_max=_RECORDS_MAX, bytes_max=_BYTES_MAX, wait_s=_TURN_S), DEFAULTS
            )
            for record in records:
                at = (record.topic, record.partition)
                unread[at] = unread.get(at, 0) - 1
                if passed.get(at, 0) > 0:
                    passed[at] -= 1
                else:
                    yield record
                if group:
                    await commit(consumer, {at: record.offset + 1}, name)
            if not records:
                is_behind = any(count > 0 for count in unread.values())
                if is_behind and group:  # another member may have read the rest
                    unread = await retry(lambda: bus.lag(name, topics), DEFAULTS)
                elif not is_behind or (consumer.assignment and not are_kept):
                    yield None
    finally:
        await asyncio.shield(consumer.close())
