"""Ring migration: island i sends its best to island i + 1, which admits them a fixed number of generations later.

That an island waits for the migrants of a named generation, instead of taking whatever has arrived, makes the result
independent of timing.
"""

from dataclasses import replace

import numpy as np

from common.events.cohorts import OPERATOR_NAMES
from common.events.spec import RunSpec
from selector.state import IslandState, Members

MIGRANT = OPERATOR_NAMES.index("migrant")


def sends(run: RunSpec, generation: int) -> bool:
    """Whether closing ``generation`` sends migrants: every interval, unless the run ends before they are admitted."""
    admitted = generation + run.evolution.migration_interval
    return (
        run.islands > 1
        and run.evolution.migrants > 0
        and generation >= 0
        and (generation + 1) % run.evolution.migration_interval == 0
        and (run.generations == 0 or admitted < run.generations)
    )


def source_generation(run: RunSpec, closing: int) -> int | None:
    """The generation whose migrants are admitted when ``closing`` closes, if any."""
    source = closing - run.evolution.migration_interval
    return source if sends(run, source) else None


def receive(state: IslandState, run: RunSpec, source: int, generation: int, migrants: Members) -> IslandState:
    """The state with the migrants that ``source`` sent when it closed ``generation``; unchanged if late or known."""
    expected = sends(run, generation) and source == (state.island - 1) % run.islands
    late = generation + run.evolution.migration_interval <= state.generation
    if not expected or late or any(known == generation for known, _ in state.arrived):
        return state
    marked = migrants.copy()
    marked["operator"] = MIGRANT
    arrived = sorted([*state.arrived, (generation, marked)], key=lambda batch: batch[0])
    return replace(state, arrived=tuple(arrived))


def admitted(state: IslandState, run: RunSpec, closing: int) -> Members | None:
    """The migrants that ``closing`` admits (none: no rows); None while they have not arrived."""
    source = source_generation(run, closing)
    if source is None:
        return np.empty(0, state.population.dtype)
    return dict(state.arrived).get(source)


def send(state: IslandState, run: RunSpec) -> IslandState:
    """The state with the best of the generation just closed in ``sent``, if it sends any.

    Around the ring no island is more than ``islands - 1`` intervals behind, so that many batches
    and the newest are kept, for sending them again after a crash.
    """
    if not sends(run, state.generation):
        return state
    best = state.population[: run.evolution.migrants]
    return replace(state, sent=(*state.sent, (state.generation, best))[-run.islands :])
