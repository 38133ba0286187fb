"""The generator: proposes random, expert, published and bred genomes; it has no state, so any number may run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from common.events.cohorts import OPERATOR_NAMES, GenomeProposed, ParentsSelected, ProposedHeader
from common.events.event import Event, event_id
from common.events.public import ControlIssued, GenomeSeeded
from common.events.spec import RunSpec
from common.genome.codec import from_json, genome_ids
from common.genome.layout import GENOME, Population
from common.service import Service
from generator.experts import expert_population
from generator.generation import lessons, next_children, settings_of
from generator.initialise import random_population
from generator.selection import NOBODY
from generator.specialise import settled
from generator.tables import INSTRUMENT

_RANDOM, _EXPERT, _PUBLISHED = (OPERATOR_NAMES.index(name) for name in ("random", "expert", "published"))


def _cohort(
    header: ProposedHeader, population: Population, operator: npt.NDArray[np.uint8], **columns: npt.NDArray[Any]
) -> GenomeProposed:
    ids = genome_ids(population)
    return GenomeProposed.build(header, genome=population, genome_id=ids, operator=operator, **columns)


def first_generation(run: RunSpec, island: int) -> GenomeProposed:
    """All expert seeds, dealt to the instruments in turn and shifted by the island, then random genomes."""
    seeds = expert_population()[: run.evolution.offspring]
    seeds["alleles"][:, INSTRUMENT] = (np.arange(len(seeds)) + island) % len(run.data)
    rest = run.evolution.offspring - len(seeds)
    settings = settings_of(run, island=island)
    drawn = random_population(rest, settings, run.stream_key, island, 0, first_slot=len(seeds))
    teach = lessons(run, settings, drawn[:0], island, 0)
    drawn = teach(drawn, np.full((rest, 2), NOBODY), np.arange(len(seeds), run.evolution.offspring))
    operator = np.repeat(np.array([_EXPERT, _RANDOM], np.uint8), [len(seeds), rest])
    population = settled(np.concatenate([seeds, drawn]), settings, run.stream_key, island)
    return _cohort(ProposedHeader(island=island, generation=0), population, operator)


def next_generation(run: RunSpec, parents: ParentsSelected) -> GenomeProposed:
    """The children of an island's breeding set; raises ContractError where a parent may not exist."""
    born, parent_ids = next_children(run, parents)
    header = ProposedHeader(island=parents.header.island, generation=parents.header.generation + 1)
    return _cohort(header, born.population, born.operators, applied=born.applied, parent_ids=parent_ids)


def seeded_genome(run: RunSpec, seeded: GenomeSeeded, cause: str) -> GenomeProposed:
    """A cohort of the one genome that a user published; raises GenomeError when it may not exist."""
    population = np.array([from_json(seeded.genome)], GENOME)
    island = int.from_bytes(genome_ids(population)[0].tobytes()[:4], "little") % run.islands
    header = ProposedHeader(island=island, generation=0, purpose="seed", cohort=cause)
    return _cohort(header, population, np.array([_PUBLISHED], np.uint8))


def step(state: None, events: Sequence[Event]) -> tuple[None, list[Event]]:
    """Answer a start with the first generation of every island, parents with children, a seed with its cohort."""
    return state, [born for event in events for born in _births(event)]


def _births(event: Event) -> list[Event]:
    run = event.run
    match event.payload:
        case ControlIssued(action="start"):
            cohorts = [first_generation(run, island) for island in range(run.islands)]
        case ParentsSelected() as parents:
            cohorts = [] if parents.header.final else [next_generation(run, parents)]
        case GenomeSeeded() as seeded:
            cohorts = [seeded_genome(run, seeded, event.id)]
        case _:
            cohorts = []
    return [_birth(event, cohort, index) for index, cohort in enumerate(cohorts)]


def _birth(cause: Event, cohort: GenomeProposed, index: int) -> Event:
    """A birth begins a trace of its own; that of a seed goes on in the trace of the person who published it."""
    header: ProposedHeader = cohort.header
    is_seed = header.purpose == "seed"
    middle = f"seed:{header.cohort}" if is_seed else f"{header.generation}:{header.purpose}"
    identity = event_id(cause.run, cohort, (cause.id,), index)
    trace = cause.trace if is_seed else ""
    return Event(cohort, f"{header.island}:{middle}", cause.run, identity, trace=trace, root=not is_seed)


SERVICE: Service[None] = Service(
    name="generator",
    consumes=(ControlIssued, ParentsSelected, GenomeSeeded),
    produces=(GenomeProposed,),
    step=step,
)
