"""A generation from all its sources: what the island asks for is obeyed, and an emitter that cannot be is refused."""

from typing import Any

import numpy as np
import pytest

from common.bloom import known, no_words, put, to_text
from common.errors import ContractError
from common.events.cohorts import Emission, ParentsSelected, Pressure, SelectedHeader
from common.events.knowledge import Knowledge
from common.events.search import Archive
from common.events.spec import Evolution, RunSpec
from common.genome.codec import genome_ids, valid
from common.genome.layout import Population
from generator.elites import REAL_SLOTS, lines
from generator.generation import next_children, settings_of
from generator.initialise import random_population
from generator.mixing import BIT, USUAL
from tests.unit.generator.test_service import DATA, SUMMARY

GENES = len(REAL_SLOTS)
OFFSPRING = 240
RATES = {"crossover_rate": 0.7, "mutation_rate": 0.9, "immigrant_rate": 0.1, "tournament": 3}
EVERYTHING = Evolution(
    offspring=OFFSPRING,
    archive=Archive(iso_line=0.2, covariance=0.2),
    knowledge=Knowledge(features={"rsi(14)": 4.0, "rsi(2)": 0.25}),
)


def run_with(evolution: Evolution) -> RunSpec:
    return RunSpec(data=DATA, islands=2, evolution=evolution)


def parents_of(run: RunSpec, population: Population, **header: Any) -> ParentsSelected:
    size = len(population)
    return ParentsSelected.build(
        SelectedHeader(island=1, generation=4, summary=SUMMARY, **header),
        genome=population.view(np.dtype((np.void, population.dtype.itemsize))),
        genome_id=genome_ids(population),
        rank=np.arange(size, dtype=np.int32) // 8,
        crowding=np.arange(size, dtype=float),
        from_archive=(np.arange(size) >= size - 8).astype(np.uint8),
    )


def population_of(run: RunSpec) -> Population:
    return random_population(48, settings_of(run), 5, 0, 0)


def emission(base: Population) -> Emission:
    return Emission(genome=base[:1].tobytes().hex(), mean=[0.5] * GENES, axes=(0.1 * np.eye(GENES)).tolist())


def test_no_source_of_children_makes_what_is_tabu() -> None:
    run = run_with(EVERYTHING)
    population = population_of(run)
    emitted = emission(population)
    first, _ = next_children(run, parents_of(run, population, emission=emitted, pressure=Pressure(**RATES)))
    words = no_words(4 * OFFSPRING, 32)
    put(words, genome_ids(first.population))
    again, _ = next_children(
        run, parents_of(run, population, emission=emitted, pressure=Pressure(**RATES, tabu=to_text(words)))
    )
    assert valid(again.population).all()
    assert not known(words, genome_ids(again.population)).any()
    for name in ("iso_line", "covariance"):
        assert ((again.applied & BIT[name]) > 0).sum() == round(0.2 * OFFSPRING)


def test_a_lesson_does_not_depend_on_who_else_is_bred() -> None:
    plain, elites = run_with(EVERYTHING.model_copy(update={"archive": Archive()})), run_with(EVERYTHING)
    population = population_of(plain)
    alone, _ = next_children(plain, parents_of(plain, population))
    beside, _ = next_children(elites, parents_of(elites, population))
    bred = OFFSPRING - round(0.2 * OFFSPRING)
    assert np.array_equal(alone.population[:bred], beside.population[:bred])


def test_without_pressure_the_mix_is_that_of_the_run() -> None:
    run = run_with(Evolution(offspring=OFFSPRING, crossover_rate=1.0, operators={"sbx": 100.0}))
    born, _ = next_children(run, parents_of(run, population_of(run)))
    assert ((born.applied & BIT["sbx"]) > 0).mean() > 0.9


def test_children_of_elites_move_every_real_gene_and_are_no_copies() -> None:
    run = run_with(Evolution(offspring=OFFSPRING))
    elites = population_of(run)
    born = lines(elites, settings_of(run), USUAL, (7, 0, 1), np.arange(200))
    moved = (born.population["reals"] != elites["reals"][born.parents[:, 0]])[:, REAL_SLOTS]
    inside = (elites["reals"][:, REAL_SLOTS] > 0.3).any(axis=0)
    assert moved[:, inside].mean(axis=0).min() > 0.3
    assert not np.isin(genome_ids(born.population), genome_ids(elites)).any()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"genome": "zz"}, "emission of island 1"),
        ({"genome": "00" * 8}, "emission"),
        ({"genome": ""}, r"emission\.genome"),
        ({"mean": [0.5] * (GENES + 1)}, "mean"),
        ({"axes": [[0.1, 0.0], [0.0, 0.1]]}, "axes"),
        ({"axes": [[0.1], [0.0, 0.1]]}, "emission"),
        ({"mean": [float("nan")] * GENES}, "finite"),
    ],
)
def test_an_emitter_that_cannot_be_is_refused(change: dict[str, Any], named: str) -> None:
    run = run_with(EVERYTHING)
    population = population_of(run)
    broken = emission(population).model_copy(update=change)
    with pytest.raises(ContractError, match=named):
        next_children(run, parents_of(run, population, emission=broken))


def test_an_emitters_genome_that_may_not_exist_is_refused() -> None:
    run = run_with(EVERYTHING)
    population = population_of(run)
    broken = population[:1].copy()
    broken["alleles"] = 0xFF
    with pytest.raises(ContractError, match=r"emission\.genome"):
        next_children(run, parents_of(run, population, emission=emission(broken)))
