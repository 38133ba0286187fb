"""The deployer in the real run loop: bars and champions through the bus, a restart on an empty one, the same end."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from common.adapters.memory_bus import MemoryBus
from common.adapters.sqlite_state import SqliteStates
from common.events.codec import decode, encode
from common.events.event import Event
from common.events.public import DeploymentChanged, PerformanceObserved
from common.run.loop import run_service
from common.run.retry import LoopSettings
from common.run.topics import plans
from deployer.service import service
from deployer.state import fingerprint, load
from tests.unit.deployer.paper_world import BARS, HISTORIES, champion_event, feed, promoted, strategies
from tests.unit.run.tiny import take, watch

CHANGES, PERFORMANCE = "evo.deployment.changed.v1", "evo.performance.observed.v1"


async def session(
    store: SqliteStates, events: Sequence[Event], changes: int, performances: int
) -> tuple[list[Event], list[Event], bytes]:
    """A process's life on a new bus: what it said (so many of each), and the fingerprint of the state it left."""
    bus, stop, deployer = MemoryBus(), asyncio.Event(), service(HISTORIES)
    await bus.create(plans())
    readers = [await watch(bus, CHANGES), await watch(bus, PERFORMANCE)]
    loop = asyncio.create_task(run_service(deployer, bus, store, stop=stop, settings=LoopSettings(wait_s=0.01)))
    await asyncio.sleep(0)
    try:
        await bus.publish([encode(event.at(1)) for event in events])
        said = [await take(reader, count) for reader, count in zip(readers, (changes, performances), strict=True)]
    finally:
        stop.set()
        await loop
    saved = await store.load(deployer.name, "no bus")
    heard = [[decode(r.topic, r.key, r.headers, r.value) for r in records] for records in said]
    return heard[0], heard[1], fingerprint(load(saved["paper"].data))


async def test_a_restart_on_an_empty_bus_says_everything_again_and_ends_the_same(tmp_path: Path) -> None:
    champions = [champion_event(promoted(strategies()[k], f"niche {k}")) for k in range(4)]
    bars = [event for series in BARS for event in feed(series, [])]
    store = SqliteStates(tmp_path / "states.sqlite")
    changes, _, before = await session(store, [*bars, *champions], 12, 4)
    assert [event.payload.state for event in changes if event.key == changes[0].key] == [
        "candidate",
        "validated",
        "paper",
    ]

    again, performances, after = await session(store, [*champions, *bars], 12, 4)
    await store.close()
    assert after == before
    assert {event.id: event.payload for event in again} == {event.id: event.payload for event in changes}
    assert all(isinstance(event.payload, DeploymentChanged) for event in again)
    assert {event.payload.bars for event in performances if isinstance(event.payload, PerformanceObserved)} == {150}
