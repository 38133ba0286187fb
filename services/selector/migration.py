"""Migration: who sends to whom along a ring, to everybody or along a drawn ring, whom, and when they are admitted.

That an island waits for the migrants of a named generation and named islands, instead of taking whatever has arrived,
makes the result independent of timing. Every topology is a function of the run and the generation, so that sender and
receiver agree on it without a word. Each connects all islands within a few intervals, so none can be left behind.
"""

from dataclasses import replace

import numpy as np

from common.events.cohorts import OPERATOR_NAMES
from common.events.spec import RunSpec
from selector.distance import genotypes, spread_out
from selector.key import key_of
from selector.shuffling import shuffled
from selector.state import IslandState, Members, join

MIGRANT = OPERATOR_NAMES.index("migrant")
TOPOLOGY_SLOT = 1 << 33
"""The random stream, of island 0 whoever asks, that draws the ring of a generation."""
CHOICE_SLOT = TOPOLOGY_SLOT + 1
"""That of an island that draws whom it sends."""


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


def sources(run: RunSpec, island: int, generation: int) -> tuple[int, ...]:
    """The islands whose migrants of ``generation`` come to ``island``, ascending."""
    if run.evolution.migration.topology == "full":
        return tuple(other for other in range(run.islands) if other != island)
    order = _order(run, generation)
    return (order[(order.index(island) - 1) % run.islands],)


def destinations(run: RunSpec, island: int, generation: int) -> tuple[int, ...]:
    """The islands to which the migrants of ``generation`` go from ``island``, ascending."""
    if run.evolution.migration.topology == "full":
        return tuple(other for other in range(run.islands) if other != island)
    order = _order(run, generation)
    return (order[(order.index(island) + 1) % run.islands],)


def receive(state: IslandState, run: RunSpec, source: int, generation: int, migrants: Members) -> IslandState:
    """The state with the migrants that ``source`` sent when it closed ``generation``; unchanged if late or known."""
    expected = sends(run, generation) and source in sources(run, state.island, generation)
    late = generation + run.evolution.migration_interval <= state.generation
    if not expected or late or any(batch[:2] == (generation, source) for batch in state.arrived):
        return state
    marked = migrants.copy()
    marked["operator"] = MIGRANT
    arrived = sorted([*state.arrived, (generation, source, marked)], key=lambda batch: batch[:2])
    return replace(state, arrived=tuple(arrived))


def admitted(state: IslandState, run: RunSpec, closing: int) -> Members | None:
    """The migrants that ``closing`` admits (none: no rows), by source; None while not all of them have arrived."""
    generation = source_generation(run, closing)
    if generation is None:
        return np.empty(0, state.population.dtype)
    here = {source: members for sent, source, members in state.arrived if sent == generation}
    awaited = sources(run, state.island, generation)
    return join(*(here[source] for source in awaited)) if len(here) == len(awaited) else None


def send(state: IslandState, run: RunSpec) -> IslandState:
    """The state with the emigrants of the generation just closed in ``sent``, if it sends any.

    Older batches are kept, for sending them again after a crash, as long as somebody may wait for them.
    """
    if not sends(run, state.generation):
        return state
    sent = (*state.sent, (state.generation, _emigrants(state, run)))
    oldest = _oldest_awaited(run, state.island, [generation for generation, _ in sent])
    return replace(state, sent=tuple(batch for batch in sent if batch[0] >= oldest))


def _emigrants(state: IslandState, run: RunSpec) -> Members:
    """Whom the island sends; the population stands in order, the best first."""
    size, wanted = len(state.population), run.evolution.migrants
    match run.evolution.migration.choice:
        case "best":
            return state.population[:wanted]
        case "random":
            return state.population[
                np.sort(shuffled(key_of(run), state.island, state.generation, CHOICE_SLOT, size)[:wanted])
            ]
        case "diverse":
            if size == 0:
                return state.population
            return state.population[np.sort(spread_out(genotypes(state.population["genome"]), 0, wanted))]


def _oldest_awaited(run: RunSpec, island: int, sent: list[int]) -> int:
    """The oldest of the generations in ``sent`` whose migrants some island may not have admitted yet.

    What this island closed tells how far others are: to close the last of ``sent`` it needed its sources to have closed
    the one before, and these needed theirs. A batch is past once all that it went to are known to have closed the next.
    """
    known, oldest = {island}, sent[-1]
    for before in reversed(sent[:-1]):
        if not known.issuperset(destinations(run, island, before)):
            oldest = before
        known |= {source for one in known for source in sources(run, one, before)}
    return oldest


def _order(run: RunSpec, generation: int) -> list[int]:
    """The islands in the order of the ring on which the migrants of ``generation`` go."""
    if run.evolution.migration.topology == "ring":
        return list(range(run.islands))
    return shuffled(key_of(run), 0, generation, TOPOLOGY_SLOT, run.islands).tolist()
