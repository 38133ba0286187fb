"""Breeding: selection pressure, rates, determinism, and that no child is invalid or a copy of its parent."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.events.cohorts import OPERATOR_NAMES
from common.genome import codec
from common.genome.layout import Population
from common.kernel import kernel
from common.random import new_stream
from generator import breed as module
from generator.breed import BORN_BOTH, BORN_CROSSOVER, BORN_MUTATION, BORN_RANDOM, NOBODY, Breeders, Children, breed
from generator.experts import expert_population
from generator.initialise import random_population
from generator.tables import Settings, unpack

INTRADAY = Settings(instruments=3, hours=True)


def parents_of(size: int, elites: int = 0, key: int = 1) -> tuple[Any, ...]:
    population = random_population(size, INTRADAY, key, 0, 0)
    rank = (np.arange(size) // 10).astype(np.int32)
    crowding = np.linspace(1.0, 0.0, size)
    return population, rank, crowding, (np.arange(size) >= size - elites).astype(np.uint8)


def bred(size: int, parents: tuple[Any, ...], settings: Settings = INTRADAY, generation: int = 1) -> Children:
    return breed(*parents, settings, (7, 0, generation), size)


@kernel
def winners(breeders: Breeders, size: int, n: int) -> npt.NDArray[np.int64]:
    stream = new_stream(1, 2, 3, 4)
    return np.array([module.tournament(stream, breeders, size) for _ in range(n)])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_tournaments_select_as_hard_as_theory_says(size: int) -> None:
    population, rank, crowding, _ = parents_of(50)
    shuffle = np.random.default_rng(0).permutation(50)
    survivors = np.arange(50)
    breeders = Breeders(unpack(population), rank[shuffle], crowding[shuffle], survivors, survivors[:0])
    place = shuffle[winners(breeders, size, 40_000)]  # 0 is the best: lowest rank, then largest crowding
    theory = -np.diff((1.0 - np.arange(51) / 50) ** size)
    assert stats.chisquare(np.bincount(place, minlength=50), theory * 40_000).pvalue > 1e-3


def test_elites_breed_as_often_as_their_share_each_alike() -> None:
    born = bred(20_000, parents_of(100, elites=20))
    counts = np.bincount(born.parents[born.parents[:, 0] >= 0, 0], minlength=100)
    assert counts[80:].sum() / counts.sum() == pytest.approx(0.2, abs=0.015)
    assert stats.chisquare(counts[80:]).pvalue > 1e-3
    assert counts[:10].sum() > 4 * counts[70:80].sum()


def test_rates_are_those_of_the_run() -> None:
    assert [OPERATOR_NAMES[code] for code in (BORN_RANDOM, BORN_CROSSOVER, BORN_MUTATION, BORN_BOTH)] == [
        "random",
        "crossover",
        "mutation",
        "both",
    ]
    born = bred(20_000, parents_of(200))
    shares = np.bincount(born.operators, minlength=len(OPERATOR_NAMES)) / 20_000
    assert shares[BORN_RANDOM] == pytest.approx(0.02, abs=0.005)
    assert shares[BORN_CROSSOVER] + shares[BORN_BOTH] == pytest.approx(0.98 * 0.7, abs=0.015)
    assert shares[BORN_CROSSOVER] == pytest.approx(0.98 * 0.7 * 0.1, abs=0.01)
    crossed = np.isin(born.operators, (BORN_CROSSOVER, BORN_BOTH))
    assert ((born.parents[:, 1] == NOBODY) == ~crossed).all()
    assert ((born.parents[:, 0] == NOBODY) == (born.operators == BORN_RANDOM)).all()


@given(
    key=st.integers(0, 2**64 - 1),
    generation=st.integers(1, 2**32 - 1),
    rates=st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * 3),
    size=st.integers(1, 40),
    elites=st.integers(0, 40),
    hours=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_child_is_ever_invalid(
    key: int, generation: int, rates: tuple[float, ...], size: int, elites: int, hours: bool
) -> None:
    setting = Settings(2, *rates, instruments=2, hours=hours)
    born = breed(*parents_of(size, min(elites, size), key % 1000), setting, (key, 3, generation), 300)
    assert codec.valid(born.population).all()


def test_fifty_generations_stay_valid_varied_and_short() -> None:
    population = np.concatenate([expert_population(), random_population(200, INTRADAY, 1, 0, 0)])
    for generation in range(1, 51):
        size = len(population)
        flat = (population, np.zeros(size, np.int32), np.zeros(size), np.zeros(size, np.uint8))
        population = bred(size, flat, generation=generation).population
        assert codec.valid(population).all()
    assert len(set(codec.genome_ids(population).tolist())) > 0.98 * len(population)
    assert (population["trees"] > 0).sum(axis=2).mean() < 7  # drift does not bloat


def test_a_child_is_hardly_ever_a_copy_of_a_parent() -> None:
    for rates in ((0.7, 0.9, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)):
        parents = parents_of(100)
        born = bred(5_000, parents, Settings(3, *rates, instruments=3, hours=True))
        ids, old = codec.genome_ids(born.population), codec.genome_ids(parents[0])
        copies = (ids[:, None] == old[np.maximum(born.parents, 0)]).any(axis=1)
        assert copies.mean() < 0.001


def test_children_of_equal_parents_differ_from_them_by_mutation_where_crossover_changed_nothing() -> None:
    twins: Population = np.repeat(random_population(1, INTRADAY, 9, 0, 0), 10)
    parents = (twins, np.zeros(10, np.int32), np.zeros(10), np.zeros(10, np.uint8))
    born = bred(500, parents, Settings(3, 1.0, 0.0, 0.0, instruments=3, hours=True))
    assert set(born.operators) == {BORN_CROSSOVER, BORN_BOTH}
    assert (codec.genome_ids(born.population) != codec.genome_ids(twins)[0]).all()


@given(st.integers(0, 2**64 - 1), st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_the_same_parents_have_the_same_children_in_any_chunking(key: int, cut: int) -> None:
    parents, name = parents_of(60, elites=7), (key, 3, 11)
    whole = breed(*parents, INTRADAY, name, 200)
    parts = [breed(*parents, INTRADAY, name, n, first) for n, first in ((cut, 0), (200 - cut, cut))]
    assert np.concatenate([part.population for part in parts]).tobytes() == whole.population.tobytes()
    assert np.array_equal(np.concatenate([part.parents for part in parts]), whole.parents)
    assert np.array_equal(np.concatenate([part.operators for part in parts]), whole.operators)


def test_without_parents_all_children_are_random() -> None:
    born = bred(50, parents_of(0))
    assert (born.operators == BORN_RANDOM).all()
    assert codec.valid(born.population).all()
