"""Species: everybody belongs to the nearest, places are shared, the number follows the wish, the idle die out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.events.cohorts import ParentsSelected
from common.events.spec import RunSpec
from generator.generation import settings_of
from generator.initialise import random_population
from selector.distance import distances, genotypes
from selector.learned import nothing
from selector.species import SPARE, THRESHOLD_FIRST, crowded, places_by_species, species_of
from selector.state import MEMBER, Members, distinct
from tests.unit.selector.island_world import SMALL, World, variant


def asking(wanted: int = 4, stagnation: int = 3) -> RunSpec:
    species = {"wanted": wanted, "stagnation": stagnation}
    return variant(evolution=SMALL.evolution.model_dump() | {"population": 40, "species": species})


RUN = asking()


def members(size: int, seed: int = 0) -> Members:
    """Random genomes with random objectives, in the order of their ids."""
    rng = np.random.default_rng(seed)
    found = np.zeros(size, MEMBER)
    genomes = random_population(size, settings_of(SMALL), 7, 0, seed, first_slot=0)
    found["genome"] = genomes.view(MEMBER["genome"])
    found["genome_id"] = np.frombuffer(rng.bytes(16 * size), "V16")
    found["objectives"] = rng.normal(size=(size, 7))
    return distinct(found)


@given(st.integers(1, 60), st.integers(1, 50), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_as_many_stay_as_there_are_places_and_the_best_of_every_species_among_them(
    count: int, size: int, seed: int
) -> None:
    found = members(count, seed)
    kept, learned = places_by_species(nothing(), found, RUN, size)
    assert len(kept) == min(size, count)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert learned["species"]["size"].sum() == len(kept)
    assert len(learned["species"]) <= SPARE * 4


def test_members_belong_to_the_nearest_representative() -> None:
    found = members(80)
    _, learned = places_by_species(nothing(), found, RUN, 40)
    apart = distances(genotypes(found["genome"]), genotypes(learned["species"]["genome"]))
    numbers = species_of(learned, found, RUN)
    assert numbers.min() >= 1
    np.testing.assert_array_equal(numbers, learned["species"]["number"][apart.argmin(axis=1)])
    assert set(species_of(learned, found, SMALL)) == {0}


@pytest.mark.parametrize("wanted", [2, 6])
def test_the_threshold_moves_until_there_are_about_as_many_species_as_wanted(wanted: int) -> None:
    run, learned, numbers = asking(wanted, stagnation=1000), nothing(), []
    for generation in range(60):
        found = members(100, generation)
        _, learned = places_by_species(learned, found, run, 60)
        numbers.append(len(learned["species"]))
    assert abs(np.mean(numbers[30:]) - wanted) <= max(1, wanted / 3)
    assert learned["boundary"]["threshold"][0] != THRESHOLD_FIRST


def two_kinds(many: int, few: int) -> Members:
    """So many copies, but for their ids and objectives, of one genome, and so many of one far from it; equally good."""
    found = members(30)
    apart = distances(genotypes(found["genome"][:1]), genotypes(found["genome"]))[0]
    crowd = found[np.repeat([0, int(apart.argmax())], [many, few])].copy()
    rng = np.random.default_rng(1)
    crowd["genome_id"] = np.frombuffer(rng.bytes(16 * len(crowd)), "V16")
    crowd["objectives"] = rng.permutation(len(crowd))[:, None]
    return distinct(crowd)


def test_a_species_of_many_has_no_more_places_than_an_equally_good_one_of_few() -> None:
    found = two_kinds(180, 20)
    kept, learned = places_by_species(nothing(), found, RUN, 30)
    alleles = {genome.tobytes() for genome in found["genome"]}
    shares = [np.mean(found["genome"][kept] == np.frombuffer(one, found["genome"].dtype)[0]) for one in alleles]
    assert len(learned["species"]) == 2
    assert min(shares) > 0.35


def test_within_a_species_the_best_stay() -> None:
    found = two_kinds(60, 60)
    kept, learned = places_by_species(nothing(), found, RUN, 30)
    numbers, score = species_of(learned, found, RUN), found["objectives"][:, 0]
    gone = np.setdiff1d(np.arange(len(found)), kept)
    for number in learned["species"]["number"]:
        assert score[kept][numbers[kept] == number].min() > score[gone][numbers[gone] == number].max()


def test_a_species_that_does_not_improve_dies_out_but_never_that_of_the_best() -> None:
    found, learned, living = two_kinds(40, 40), nothing(), []
    for _ in range(8):
        kept, learned = places_by_species(learned, found, RUN, 30)
        living.append(len(learned["species"]))
    best = found[found["objectives"][:, 0].argmax()]["genome_id"]
    assert living[:4] == [2, 2, 2, 2]
    assert living[4:] == [1, 1, 1, 1] or learned["boundary"]["extinct"][0] > 0
    assert best in found["genome_id"][kept]


def test_loneliness_is_shared_by_the_members_of_a_species() -> None:
    shared = crowded(np.array([2.0, 3.0, np.inf, 4.0]), np.array([1, 2, 1, 2], np.uint16))
    assert shared.tolist() == [1.0, 1.5, np.inf, 2.0]


def test_parents_carry_the_number_of_their_species() -> None:
    world = World(variant(RUN, islands=2, generations=6))
    world.start()
    world.settle()
    found = [event.payload for event in world.published if isinstance(event.payload, ParentsSelected)]
    assert all((payload["species"] > 0).all() for payload in found)
    assert any(len(np.unique(payload["species"])) > 1 for payload in found)
    assert all(payload.header.summary.species > 0 for payload in found)
