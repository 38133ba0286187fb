"""Reading from aiokafka without the ways in which it waits for ever, loses records or hangs in silence."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import IllegalStateError

from common.adapters.kafka_settings import translated
from common.errors import TransientError

GRACE_S = 0.2
ANSWER_S = 10.0
_log = logging.getLogger(__name__)


async def poll(client: Any, positions: dict[Any, int], records_max: int, wait_s: float) -> Mapping[Any, list[Any]]:
    """Records by partition, within ``wait_s`` or so; none while the group rebalances, which has no end in aiokafka.

    ``positions``: where the caller stands, per partition; those that are missing are added.
    """
    seen = client.assignment()
    try:
        async with asyncio.timeout(wait_s + GRACE_S):
            for place in seen:
                if place not in positions:
                    positions[place] = await client.position(place)
            return await client.getmany(timeout_ms=int(wait_s * 1000), max_records=records_max)
    except (TimeoutError, IllegalStateError):
        return {}
    except UnicodeDecodeError:
        found = await step_over(client, positions)
        return found if client.assignment() is seen else {}


async def step_over(client: Any, positions: Mapping[Any, int]) -> dict[Any, list[Any]]:
    """Leave out the record that aiokafka cannot read, with the rest of its batch, which is of the same publisher.

    It raises for a header whose name is no UTF-8, and forgets what it had read with it. A stranger's publisher may
    send such a record, and would stop every reader for good.
    """
    found: dict[Any, list[Any]] = {}
    for place in client.assignment() & positions.keys():
        client.seek(place, positions[place])
        try:
            found |= await client.getmany(place, timeout_ms=int(GRACE_S * 1000))
        except UnicodeDecodeError:
            client.seek(place, positions[place])
            found[place] = await _around(client, place)
    return found


async def _around(client: Any, place: Any) -> list[Any]:
    """The records before the one that cannot be read, and the first one behind its batch, which is of any length."""
    found: list[Any] = []
    left_out: list[int] = []
    while True:
        try:
            one = await client.getmany(place, timeout_ms=int(GRACE_S * 1000), max_records=1)
        except UnicodeDecodeError:
            left_out.append(await client.position(place))
            client.seek(place, left_out[-1] + 1)
            continue
        found += one.get(place, [])
        if left_out or not one:
            _log.warning("%s/%d: left out, a header is no text: offsets %s", *place, left_out)
            return found


async def behind(client: Any) -> Any:
    """A partition that has records beyond the position of this member, or None; None too when no broker answers."""
    places = list(client.assignment())
    try:
        with translated("end offsets"):
            async with asyncio.timeout(ANSWER_S):
                ends = await client.end_offsets(places)
    except TransientError:
        return None
    for place in places:
        try:
            async with asyncio.timeout(GRACE_S):
                if await client.position(place) < ends[place]:
                    return place
        except TimeoutError:
            return place
        except IllegalStateError:
            return None
    return None
