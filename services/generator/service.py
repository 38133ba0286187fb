"""The generator: proposes random, expert, published and bred genomes; it has no state, so any number may run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from common.bloom import Words, from_text
from common.errors import ContractError
from common.events.cohorts import OPERATOR_NAMES, GenomeProposed, ParentsSelected, Pressure, ProposedHeader
from common.events.event import Event, event_id
from common.events.public import ControlIssued, GenomeSeeded
from common.events.spec import OBJECTIVES, RunSpec
from common.genome.codec import from_json, genome_ids, valid
from common.genome.layout import GENOME, Population
from common.service import Service
from generator.breed import Children, breed
from generator.chances import Choice, Standing, breeders_of
from generator.elites import joined, lines, samples
from generator.experts import expert_population
from generator.initialise import random_population
from generator.mixing import Mix, mix_of
from generator.selection import METHODS, Breeders
from generator.specialise import settled, specialty
from generator.tables import INSTRUMENT, Settings
from generator.tabu import bred_again
from generator.taught import NOBODY, lessons_of, taught

_DAILY_BARS_PER_YEAR = 366
_RANDOM, _EXPERT, _PUBLISHED = (OPERATOR_NAMES.index(name) for name in ("random", "expert", "published"))


def settings_of(run: RunSpec, pressure: Pressure | None = None, island: int | None = None) -> Settings:
    """What the operators need to know: rates as the island asks for them, or else those of the run."""
    rates = pressure or run.evolution
    only = {} if island is None else specialty(run.evolution.specialisation, island, len(run.data))
    return Settings(
        tournament=rates.tournament,
        crossover_rate=rates.crossover_rate,
        mutation_rate=rates.mutation_rate,
        immigrant_rate=rates.immigrant_rate,
        instruments=len(run.data),
        hours=any(data.bars_per_year > _DAILY_BARS_PER_YEAR for data in run.data),
        selection=METHODS.index(run.evolution.selection.method),
        interbreeding=run.evolution.species.interbreeding,
        step=pressure.step if pressure else Settings().step,
        **only,
    )


def breeding_set(run: RunSpec, parents: ParentsSelected) -> Breeders:
    """The parents as the kernels see them, with what the run's method of selection looks up."""
    chosen = run.evolution.selection
    choice = Choice(
        method=METHODS.index(chosen.method),
        rank_pressure=chosen.rank_pressure,
        truncation=chosen.truncation,
        sigma=chosen.scaling == "sigma",
        epsilon=chosen.epsilon,
    )
    standing = Standing(
        rank=parents["rank"],
        crowding=parents["crowding"],
        from_archive=parents["from_archive"],
        violation=parents["violation"],
        cases=parents["objectives"][:, [OBJECTIVES.index(name) for name in run.evolution.objectives]],
        species=parents["species"],
    )
    return breeders_of(parents.population, standing, choice)


def _cohort(
    header: ProposedHeader, population: Population, operator: npt.NDArray[np.uint8], **columns: npt.NDArray[Any]
) -> GenomeProposed:
    ids = genome_ids(population)
    return GenomeProposed.build(header, genome=population, genome_id=ids, operator=operator, **columns)


def _taught(
    run: RunSpec,
    population: Population,
    born_of: npt.NDArray[np.int64],
    parents: Population,
    settings: Settings,
    where: tuple[int, int],
) -> Population:
    """The genomes after the lessons that the run takes; ``where``: island and generation."""
    known = run.evolution.knowledge
    if known.is_empty:
        return population
    lessons = lessons_of(known.alleles, known.features, known.conditions)
    return taught(population, born_of, parents, lessons, settings, (run.stream_key, *where))


def first_generation(run: RunSpec, island: int) -> GenomeProposed:
    """All expert seeds, dealt to the instruments in turn and shifted by the island, then random genomes."""
    seeds = expert_population()[: run.evolution.offspring]
    seeds["alleles"][:, INSTRUMENT] = (np.arange(len(seeds)) + island) % len(run.data)
    rest = run.evolution.offspring - len(seeds)
    settings = settings_of(run, island=island)
    drawn = random_population(rest, settings, run.stream_key, island, 0, first_slot=len(seeds))
    drawn = _taught(run, drawn, np.full((rest, 2), NOBODY), drawn[:0], settings, (island, 0))
    operator = np.repeat(np.array([_EXPERT, _RANDOM], np.uint8), [len(seeds), rest])
    population = settled(np.concatenate([seeds, drawn]), settings, run.stream_key, island)
    return _cohort(ProposedHeader(island=island, generation=0), population, operator)


def tabu_of(pressure: Pressure | None) -> Words:
    """The filter of what shall not be bred again, empty for none; raises ContractError for what is no filter."""
    try:
        return from_text(pressure.tabu if pressure else "")
    except ValueError as error:
        raise ContractError(f"pressure.tabu: {error}; wanted what common.bloom.to_text writes") from error


def next_generation(run: RunSpec, parents: ParentsSelected) -> GenomeProposed:
    """The children of an island's breeding set; raises ContractError where a parent may not exist."""
    island, generation = parents.header.island, parents.header.generation + 1
    if not valid(parents.population).all():
        raise ContractError(f"parents of island {island}, generation {generation - 1}: at least one is not a genome")
    pressure, size = parents.header.pressure, run.evolution.offspring
    settings = settings_of(run, pressure, island)
    mix, name = mix_of(pressure.mix if pressure else {}), (run.stream_key, island, generation)
    others, bases = _of_elites(run, parents, settings, mix)
    breeders, slots = breeding_set(run, parents), np.arange(size - len(others.population))

    def breed_in(wanted: npt.NDArray[np.int64]) -> Children:
        return breed(breeders, settings, mix, name, wanted, size)

    born = bred_again(breed_in(slots), slots, tabu_of(pressure), breed_in)
    population = _taught(run, born.population, born.parents, parents.population, settings, (island, generation))
    # NOBODY is -1 and so picks the row behind the last: an id of zeros.
    ids = np.concatenate([parents["genome_id"], bases, np.zeros(1, parents["genome_id"].dtype)])
    born = joined(born._replace(population=population), others)
    header = ProposedHeader(island=island, generation=generation)
    return _cohort(header, born.population, born.operators, applied=born.applied, parent_ids=ids[born.parents])


def _of_elites(
    run: RunSpec, parents: ParentsSelected, settings: Settings, mix: Mix
) -> tuple[Children, npt.NDArray[np.void]]:
    """Children of elites alone, in the last slots, and the ids that parent rows behind the breeding set stand for.

    Elites are those of the archive, and the feasible of the first front: the archive's own may be among them.
    """
    size, shares, emission = run.evolution.offspring, run.evolution.archive, parents.header.emission
    elites = np.flatnonzero((parents["from_archive"] > 0) | ((parents["rank"] == 0) & (parents["violation"] <= 0)))
    lined = round(shares.iso_line * size) if len(elites) else 0
    sampled = min(round(shares.covariance * size), size - lined) if emission else 0
    name = (run.stream_key, parents.header.island, parents.header.generation + 1)
    slots = np.arange(size - lined - sampled, size)
    found, bases = lines(parents.population[elites], settings, mix, name, slots[:lined]), parents["genome_id"][:0]
    found = found._replace(parents=elites[found.parents])
    if emission and sampled:
        base = np.frombuffer(bytes.fromhex(emission.genome), GENOME)
        distribution = np.array(emission.mean), np.array(emission.axes)
        drawn = samples(base, distribution, settings, mix, name, slots[lined:])
        bases = genome_ids(base)
        found = joined(found, drawn._replace(parents=np.where(drawn.parents == 0, len(parents), NOBODY)))
    return found, bases


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
