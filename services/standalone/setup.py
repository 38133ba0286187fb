"""Set-up: condition banks for every instrument, and every kernel compiled before the clock of the evolution starts."""

import asyncio
from collections.abc import Callable, Sequence

from common.backtest.arena import Arena
from common.events.event import Event
from common.events.public import ControlIssued
from common.events.spec import RunSpec
from common.market.bars import Bars
from evaluator.preparing import arenas_of
from standalone.services import breeders

WARM_UP_OFFSPRING = 64


async def prepare_all(spec: RunSpec, bars: Sequence[Bars], workers: int, is_wanted: Callable[[], bool]) -> list[Arena]:
    """An arena with its scenarios per instrument, in the order of ``spec.data``; then one tiny run while wanted."""
    arenas = await asyncio.to_thread(arenas_of, spec, bars, workers)
    await asyncio.to_thread(warm_up, spec, arenas, is_wanted)
    return arenas


def warm_up(spec: RunSpec, arenas: Sequence[Arena], is_wanted: Callable[[], bool]) -> None:
    """Let two generations of a small run pass through the services, one event after the other.

    Numba compiles on the first call; a newcomer's two minutes should be spent on strategies.
    """
    evolution = spec.evolution.model_copy(
        update={"population": 16, "offspring": WARM_UP_OFFSPRING, "migration_interval": 1}
    )
    small = spec.model_copy(update={"islands": 2, "generations": 2, "evolution": evolution})
    services, states = breeders(arenas), dict[tuple[str, str], object]()
    queue = [Event(ControlIssued(action="start"), "run", RunSpec(**small.model_dump()), "warm-up")]
    while queue and is_wanted():
        event = queue.pop(0)
        for service in services:
            if type(event.payload) not in service.consumes:
                continue
            key = service.name, event.key
            if key not in states:
                states[key] = service.initial_state() if service.initial_state is not None else None
            states[key], answers = service.step(states[key], [event])
            queue += answers
