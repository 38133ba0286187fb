"""A small foundry in this process: the real services on any bus, on a market with a planted edge."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from common.backtest.arena import prepare
from common.backtest.stage import with_stage
from common.events.codec import encode
from common.events.event import Event, event_id
from common.events.public import ControlIssued
from common.events.spec import RunSpec
from common.market.synthetic import planted
from common.ports import Bus, StateStore
from common.run import topics
from common.run.loop import now_us, run_service
from common.run.open import open_states
from common.run.retry import LoopSettings
from common.run.stretches import cut_of, feed, histories
from standalone.request import build_spec
from standalone.services import breeders, desk

BARS = planted(1, 2500, 0.6)
SPEC = build_spec(
    [BARS],
    {
        "islands": 2,
        "generations": 4,
        "evolution": {"population": 64, "offspring": 128, "migration_interval": 2},
        "windows": {"warmup_bars": 100},
    },
)


def beginning(spec: RunSpec) -> list[Event]:
    """The bars of the paper stretch, and the start."""
    named = [(bars.instrument, bars) for bars in feed(spec, [BARS])]
    causes = [*named, ("run", ControlIssued(action="start"))]
    return [Event(payload, key, spec, event_id(spec, payload, (key,)), now_us()) for key, payload in causes]


@asynccontextmanager
async def foundry(
    bus: Bus,
    folder: Path,
    spec: RunSpec = SPEC,
    states: StateStore | None = None,
    causes: Sequence[Event] | None = None,
) -> AsyncIterator[None]:
    """Every service but the recorder, until the block ends; a service that fails fails the test.

    Without ``states`` they are kept in the folder; without ``causes`` the run begins.
    """
    arena = with_stage(prepare(BARS, None, 1), cut_of(len(BARS), spec.windows), 1)
    await bus.create(topics.plans())
    kept, stop = states or open_states(folder / "states.sqlite"), asyncio.Event()
    settings = LoopSettings(run=spec, snapshot_s=0.0 if states is None else 0.2)
    async with asyncio.TaskGroup() as running:
        for service in (*breeders([arena]), desk(histories(spec, [BARS]))):
            running.create_task(run_service(service, bus, kept, stop=stop, settings=settings))
        await asyncio.sleep(0)
        try:
            await bus.publish([encode(event, "cli") for event in (beginning(spec) if causes is None else causes)])
            yield
        finally:
            stop.set()
    await kept.close()
