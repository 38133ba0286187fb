"""A generation of an island: bred by selection, from elites and from its emitter; taught what runs know; never tabu."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from common.bloom import Words, from_text
from common.errors import ContractError
from common.events.cohorts import Emission, ParentsSelected, Pressure
from common.events.spec import OBJECTIVES, RunSpec
from common.genome.codec import genome_ids, valid
from common.genome.layout import GENOME, Population
from generator.breed import Children, breed
from generator.chances import Choice, Standing, breeders_of
from generator.elites import REAL_SLOTS, joined, lines, samples
from generator.mixing import mix_of
from generator.selection import METHODS, NOBODY, Breeders, Rows
from generator.specialise import specialty
from generator.tables import Settings
from generator.tabu import bred_again
from generator.taught import lessons_of, taught

_DAILY_BARS_PER_YEAR = 366
Make = Callable[[Rows], Children]
"""The children of some slots; parents are rows of the breeding set, and the row behind it: the emitter's genome."""


class Source(NamedTuple):
    """Who makes the children of which ``slots``."""

    slots: Rows
    make: Make


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


def lessons(
    run: RunSpec, settings: Settings, parents: Population, island: int, generation: int
) -> Callable[[Population, Rows, Rows], Population]:
    """What teaches genomes of these slots, born of these rows of ``parents``; with no knowledge it changes none."""
    known = run.evolution.knowledge
    if known.is_empty:
        return lambda population, born_of, slots: population
    learned = lessons_of(known.alleles, known.features, known.conditions)
    name = (run.stream_key, island, generation)
    return lambda population, born_of, slots: taught(population, born_of, parents, learned, settings, name, slots)


def next_children(run: RunSpec, parents: ParentsSelected) -> tuple[Children, npt.NDArray[np.void]]:
    """The children of an island's breeding set, and the ids (n, 2) of their parents, zeros for none.

    Raises ContractError where a parent, the filter or the emitter may not exist.
    """
    island, generation = parents.header.island, parents.header.generation + 1
    if not valid(parents.population).all():
        raise ContractError(f"parents of island {island}, generation {generation - 1}: at least one is not a genome")
    base = _base(parents.header.emission, island)
    tabu = tabu_of(parents.header.pressure)
    parts = [bred_again(make(slots), slots, tabu, make) for slots, make in _sources(run, parents, base)]
    born = joined(*parts)
    # NOBODY is -1 and so picks the row behind the last: an id of zeros.
    ids = np.concatenate([parents["genome_id"], genome_ids(base), np.zeros(1, parents["genome_id"].dtype)])
    return born, ids[born.parents]


def _sources(run: RunSpec, parents: ParentsSelected, base: Population) -> list[Source]:
    """Bred children in the first slots, those of elites in the next, those of the emitter in the last.

    Elites are those of the archive, and the feasible of the first front: the archive's own may be among them.
    """
    header, size, shares = parents.header, run.evolution.offspring, run.evolution.archive
    island, generation = header.island, header.generation + 1
    settings, name = settings_of(run, header.pressure, island), (run.stream_key, island, generation)
    mix = mix_of(header.pressure.mix if header.pressure else run.evolution.operators)
    teach = lessons(run, settings, parents.population, island, generation)
    elites = np.flatnonzero((parents["from_archive"] > 0) | ((parents["rank"] == 0) & (parents["violation"] <= 0)))
    lined = round(shares.iso_line * size) if len(elites) else 0
    sampled = min(round(shares.covariance * size), size - lined) if header.emission else 0
    bred, of_elites, of_emitter = np.split(np.arange(size), [size - lined - sampled, size - sampled])
    breeders = breeding_set(run, parents)

    def breed_in(slots: Rows) -> Children:
        born = breed(breeders, settings, mix, name, slots, size)
        return born._replace(population=teach(born.population, born.parents, slots))

    def line_in(slots: Rows) -> Children:
        born = lines(parents.population[elites], settings, mix, name, slots)
        return born._replace(parents=elites[born.parents])

    def sample_in(slots: Rows) -> Children:
        emission = header.emission
        born = samples(base, (np.array(emission.mean), np.array(emission.axes)), settings, mix, name, slots)
        return born._replace(parents=np.where(born.parents == 0, len(parents), NOBODY))

    sources = [Source(bred, breed_in), Source(of_elites, line_in), Source(of_emitter, sample_in)]
    # Nobody waits for the compilation of a kernel that makes no child.
    return [source for source in sources if len(source.slots)]


def tabu_of(pressure: Pressure | None) -> Words:
    """The island's filter of what shall not be bred again; raises ContractError for what is none."""
    try:
        return from_text(pressure.tabu if pressure else "")
    except ValueError as error:
        raise ContractError(f"pressure.tabu: {error}; use a filter of common.bloom, or none") from error


def _base(emission: Emission | None, island: int) -> Population:
    """The emitter's genome (1,), none where there is no emitter; raises ContractError unless it can be sampled."""
    if emission is None:
        return np.empty(0, GENOME)
    genes = len(REAL_SLOTS)
    try:
        base = np.frombuffer(bytes.fromhex(emission.genome), GENOME)
        mean, axes = np.array(emission.mean, np.float64), np.array(emission.axes, np.float64)
    except ValueError as error:
        raise ContractError(f"emission of island {island}: {error}; use a genome, a mean and its axes") from error
    if len(base) != 1 or not valid(base).all():
        raise ContractError(f"emission.genome of island {island}: is not a genome; use the record of one, as hex")
    if mean.shape != (genes,) or axes.shape != (genes, genes):
        raise ContractError(
            f"emission of island {island}: mean {mean.shape}, axes {axes.shape}; use ({genes},) and ({genes}, {genes})"
        )
    if not (np.isfinite(mean).all() and np.isfinite(axes).all()):
        raise ContractError(f"emission of island {island}: mean or axes are not finite; use finite numbers")
    return base
