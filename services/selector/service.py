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
from selector.judgement import outcomes
from selector.state import MEMBER, Heard, IslandState, Members, dump, join, load


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
        state = migration.receive(state, run, header.source, header.generation, _records(payload))
        return _advance(state, run)
    heard = Heard(header.purpose, header.cohort, header.generation, _born(event))
    if state.pending is not None:
        return _queued(state, heard), []
    state, out = _hear(state, heard, run)
    state, news = _advance(state, run)
    return state, [*out, *news]


def _queued(state: IslandState, heard: Heard) -> IslandState:
    """Behind the cohort that waits for its migrants, unless it is known."""
    due = state.generation + 2 + sum(other.purpose == "evolution" for other in state.behind)
    if heard.purpose == "evolution" and heard.generation < due:
        return state
    _check_turn(state, heard, due)
    if any(other[:3] == heard[:3] for other in state.behind):
        return state
    return replace(state, behind=(*state.behind, heard))


def _hear(state: IslandState, heard: Heard, run: RunSpec) -> tuple[IslandState, list[Event]]:
    """Take an evaluated cohort whose turn it is."""
    match heard.purpose:
        case "promotion":
            state, candidate = promotion.answered(state, heard.cohort, heard.members)
            return state, [] if candidate is None else reports.champions(state, run, candidate)
        case "seed":
            if heard.cohort in state.seed_cohorts:
                return state, []
            known = tuple(sorted((*state.seed_cohorts, heard.cohort)))
            return replace(state, seeds=join(state.seeds, heard.members), seed_cohorts=known), []
        case _:
            if heard.generation <= state.generation:
                return state, []
            _check_turn(state, heard, state.generation + 1)
            # Seeds join the cohort that follows them in the log, whenever its migrants come.
            joined = join(state.seeds, heard.members)
            return replace(state, pending=joined, seeds=state.seeds[:0]), []


def _check_turn(state: IslandState, heard: Heard, due: int) -> None:
    if heard.purpose == "evolution" and heard.generation > due:
        raise ContractError(f"generation {heard.generation}: island {state.island} waits for {due}; its state was lost")


def _advance(state: IslandState, run: RunSpec) -> tuple[IslandState, list[Event]]:
    """Close generations while all that the next one needs is there, and take what stood behind them."""
    out: list[Event] = []
    while True:
        before, state = state, close(state, run)
        if state is not before:
            state = replace(state, outcomes=outcomes(state, run))
            out += _closed(before, state, run)
        if state.pending is not None or not state.behind:
            return state, out
        first, *rest = state.behind
        state, news = _hear(replace(state, behind=tuple(rest)), first, run)
        out += news


def _closed(before: IslandState, state: IslandState, run: RunSpec) -> list[Event]:
    """What follows from a close. It belongs to the trace of its cohort, also when the last migrants set it off."""
    trace = unpack(before.pending["trace"][-1].tobytes()) if before.pending is not None and len(before.pending) else ""
    out = [reports.read(state, run, row) for row in range(len(before.candidates), len(state.candidates))]
    for generation, members in state.sent:
        if generation == state.generation:
            out += reports.migrants(state, run, generation, members, trace)
    return [*out, reports.parents(state, run, trace)]


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
