"""What an island says: each event is a function of the state, so a step and a recovery say it in the same bytes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from common.events.cohorts import (
    GENOME_COLUMNS,
    GenomeProposed,
    MigrantHeader,
    MigrantSent,
    ParentsSelected,
    ProposedHeader,
    SelectedHeader,
    Summary,
)
from common.events.event import Event, Payload, event_id
from common.events.spec import RunSpec
from common.events.trace import unpack
from common.random import new_stream
from selector import learning
from selector.archive import sample
from selector.diversity import genetic_diversity
from selector.elites import cell_count
from selector.emission import asked
from selector.innovation import bonus
from selector.judgement import champion
from selector.key import key_of
from selector.migration import destinations
from selector.places import run_objectives, standing_in
from selector.species import crowded, has_species, species_of
from selector.state import MEMBER_FIELDS, IslandState, Members, join, known_ids

ARCHIVE_SLOT = 1 << 32
"""The random stream that draws elites; offspring use the slots below."""


def recovery(state: IslandState) -> list[Event]:
    """What a lost bus may have swallowed: unanswered reads, migrants still awaited, champions, the latest parents."""
    run = state.run
    if run is None or state.generation < 0:
        return []
    reads = [read(state, run, row) for row in range(len(state.candidates)) if not state.candidates["answered"][row]]
    sent = [event for generation, members in state.sent for event in migrants(state, run, generation, members)]
    answered = state.candidates[state.candidates["answered"] == 1]
    return [*reads, *sent, *(event for one in answered for event in champions(state, run, one)), parents(state, run)]


def parents(state: IslandState, run: RunSpec, trace: str = "") -> Event:
    """The breeding set: the population, then elites of the archive that are not in it, drawn by the island's stream.

    An elite stands for its cell: its rank is that of the first front and its crowding distance 0, behind the others.
    """
    stream = new_stream(key_of(run), state.island, state.generation, ARCHIVE_SLOT)
    others = state.archive[~known_ids(state.archive, state.population)]
    elites = others[sample(stream, len(others), run.evolution.archive_parents)]
    size, count = len(state.population), len(elites)
    rank, crowding = standing_in(state.learned, state.population, run)
    breeding = join(state.population, elites)
    species = species_of(state.learned, breeding, run)
    if has_species(run):
        crowding = crowded(crowding, species[:size])
    crowding = crowding + bonus(state.learned, state.population, run)
    header = SelectedHeader(
        island=state.island,
        generation=state.generation,
        final=run.generations > 0 and state.generation == run.generations - 1,
        summary=_summary(state, run, rank),
        pressure=learning.pressure(state, run),
        emission=asked(state.learned),
    )
    payload = ParentsSelected.build(
        header,
        **_columns(breeding),
        rank=np.concatenate([rank, np.zeros(count, np.int32)]),
        crowding=np.concatenate([crowding, np.zeros(count)]),
        from_archive=np.repeat(np.array([0, 1], np.uint8), [size, count]),
        species=species,
    )
    return _event(state, run, payload, str(state.island), str(state.generation), trace)


def migrants(state: IslandState, run: RunSpec, generation: int, members: Members, trace: str = "") -> list[Event]:
    """What each island is sent to which these members go; ``generation`` is the one that had closed."""
    events = []
    for island in destinations(run, state.island, generation):
        payload = MigrantSent.build(
            MigrantHeader(island=island, generation=generation, source=state.island), **_columns(members)
        )
        events.append(_event(state, run, payload, str(island), f"{generation}:{island}", trace))
    return events


def read(state: IslandState, run: RunSpec, row: int) -> Event:
    """The cohort of one that asks for the sealed read of the candidate in ``row``, in the trace of its birth."""
    candidate = state.candidates[row]
    header = ProposedHeader(
        island=state.island,
        generation=int(candidate["registered_generation"]),
        purpose="promotion",
        cohort=candidate["genome_id"].tobytes().hex(),
    )
    record = candidate.reshape(1)
    payload = GenomeProposed.build(header, **{name: record[name] for name in GENOME_COLUMNS})
    key = f"{state.island}:{header.generation}:promotion:{row}"
    return _event(state, run, payload, key, header.cohort, unpack(candidate["trace"].tobytes()))


def champions(state: IslandState, run: RunSpec, candidate: np.void) -> list[Event]:
    """The promotion of an answered candidate, in the trace of its birth; nothing if it failed a gate."""
    payload = champion(candidate, state.island, run)
    if payload is None:
        return []
    trace = unpack(candidate["trace"].tobytes())
    return [_event(state, run, payload, f"{run.run_id}:{payload.niche}", payload.genome_id, trace)]


def _event(state: IslandState, run: RunSpec, payload: Payload, key: str, cause: str, trace: str) -> Event:
    """The cause is what is reported, not the delivery that set it off: a recovered event has the id of the first."""
    return Event(payload, key, run, event_id(run, payload, (str(state.island), cause)), trace=trace)


def _columns(members: Members) -> dict[str, npt.NDArray[Any]]:
    return {name: members[name] for name in MEMBER_FIELDS}


def _summary(state: IslandState, run: RunSpec, rank: npt.NDArray[np.int32]) -> Summary:
    feasible = state.population["violation"] <= 0
    values = dict(zip(run.evolution.objectives, run_objectives(state.population[feasible], run).T, strict=True))
    promoted, refusals = state.outcomes
    return Summary(
        evaluated=state.evaluated,
        refused=state.refused,
        failed=state.failed,
        best={name: float(column.max()) for name, column in values.items() if len(column)},
        median={name: float(np.median(column)) for name, column in values.items() if len(column)},
        front_size=int((feasible & (rank == 0)).sum()),
        archive_size=len(state.archive),
        archive_cells=cell_count(run),
        diversity=genetic_diversity(state.population),
        registered=len(state.candidates),
        champions=promoted,
        refusals=dict(refusals),
        **learning.told(state, run),
    )
