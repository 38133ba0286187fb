"""The selector: closes generations, keeps the fit and the different, and promotes what survives its sealed read."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from common.errors import ContractError, GenomeError
from common.events.cohorts import STATUS, Cohort, GenomeEvaluated, GenomeProposed, MigrantSent, ParentsSelected
from common.events.event import Event
from common.events.public import ChampionPromoted
from common.events.spec import RunSpec
from common.events.trace import pack, unpack
from common.genome.codec import check, genome_ids, valid
from common.service import Service
from selector import migration, promotion, reports
from selector.closing import close
from selector.state import MEMBER, IslandState, Members, dump, join, load


def step(state: IslandState, events: Sequence[Event]) -> tuple[IslandState, list[Event]]:
    """Take evaluated cohorts and migrants of one island; answer with parents, migrants, sealed reads and champions.

    What was seen before changes nothing. Raises ContractError for an event of another run, for a cohort whose
    generation cannot exist yet, and for measures of a genome that may not exist or goes by an id that is not its own.
    """
    out: list[Event] = []
    for event in events:
        state, news = _react(state, event)
        out += news
    return state, out


def _react(state: IslandState, event: Event) -> tuple[IslandState, list[Event]]:
    run, payload = event.run, event.payload
    assert isinstance(payload, Cohort)
    if state.run is None:
        state = replace(state, run=run, island=payload.header.island)
    elif state.run.run_id != run.run_id:
        raise ContractError(f"run {run.run_id}: island {state.island} works for {state.run.run_id}; use another bus")
    header = payload.header
    if isinstance(payload, MigrantSent):
        return _close(migration.receive(state, run, header.source, header.generation, _records(payload)), run)
    match header.purpose:
        case "promotion":
            state, candidate = promotion.answered(state, header.cohort, _born(event))
            return state, [] if candidate is None else reports.champions(state, run, candidate)
        case "seed":
            return _with_seed(state, header.cohort, _born(event)), []
        case _:
            return _close(_with_cohort(state, header.generation, _born(event)), run)


def _with_seed(state: IslandState, cohort: str, members: Members) -> IslandState:
    if cohort in state.seed_cohorts:
        return state
    known = tuple(sorted((*state.seed_cohorts, cohort)))
    return _counted(replace(state, seeds=join(state.seeds, members), seed_cohorts=known), members)


def _with_cohort(state: IslandState, generation: int, members: Members) -> IslandState:
    expected = state.generation + 1
    if generation > expected:
        raise ContractError(f"generation {generation}: island {state.island} waits for {expected}; its state was lost")
    if generation < expected or state.pending is not None:
        return state
    return _counted(replace(state, pending=members), members)


def _counted(state: IslandState, members: Members) -> IslandState:
    counts = np.bincount(members["status"], minlength=len(STATUS))
    return replace(
        state,
        evaluated=state.evaluated + len(members),
        refused=state.refused + int(counts[STATUS.index("refused")]),
        failed=state.failed + int(counts[STATUS.index("failed")]),
    )


def _close(before: IslandState, run: RunSpec) -> tuple[IslandState, list[Event]]:
    """Close the next generation if all it needs is there, and say what follows."""
    state = close(before, run)
    if state is before or before.pending is None:
        return state, []
    # The close belongs to the trace of its cohort, also when the last migrants set it off.
    trace = unpack(before.pending["trace"][0].tobytes()) if len(before.pending) else ""
    out = [reports.read(state, run, row) for row in range(len(before.candidates), len(state.candidates))]
    for generation, members in state.sent:
        if generation == state.generation:
            out.append(reports.migrants(state, run, generation, members, trace))
    return state, [*out, reports.parents(state, run, trace)]


def _born(event: Event) -> Members:
    """The records of an evaluated cohort, with their birth."""
    assert isinstance(event.payload, GenomeEvaluated)
    members = _records(event.payload)
    members["born_generation"] = event.payload.header.generation
    members["born_us"] = event.payload.header.proposed_us
    members["trace"] = np.frombuffer(pack(event.trace), MEMBER["trace"])
    return members


def _records(cohort: Cohort) -> Members:
    """The rows of a cohort. Those that were measured compete, so what they say of their genomes must be true."""
    members = np.zeros(len(cohort), MEMBER)
    for name, column in cohort.data.items():
        members[name] = column
    competing = np.flatnonzero(members["status"] == STATUS.index("measured"))
    population = cohort.population[competing]
    wrong = competing[~valid(population) | (genome_ids(population) != members["genome_id"][competing])]
    if len(wrong):
        check(cohort.population[wrong[0]])
        named = members["genome_id"][wrong[0]].tobytes().hex()
        raise GenomeError("genome_id", named, "the id of the genome it comes with")
    return members


SERVICE = Service(
    name="selector",
    consumes=(GenomeEvaluated, MigrantSent),
    produces=(GenomeProposed, ParentsSelected, MigrantSent, ChampionPromoted),
    step=step,
    initial_state=IslandState,
    dump=dump,
    load=load,
    recover=reports.recovery,
)
