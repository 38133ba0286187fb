"""Breeding: selection pressure, rates, determinism, and that no child is invalid or a copy of its parent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from common.events.cohorts import OPERATOR_NAMES
from common.genome import codec
from common.genome.layout import Population
from common.genome.operators import APPLIED, CROSSOVERS, MUTATIONS
from generator.breed import BORN_BOTH, BORN_CROSSOVER, BORN_MUTATION, BORN_RANDOM, Children, breed
from generator.chances import Choice, Standing, breeders_of
from generator.experts import expert_population
from generator.initialise import random_population
from generator.mixing import BIT, CROSSOVER_BITS, MUTATION_BITS, USUAL, Mix, mix_of
from generator.selection import METHODS, NOBODY
from generator.tables import Settings

INTRADAY = Settings(instruments=3, hours=True)


EVERYTHING = mix_of(dict.fromkeys(APPLIED, 1.0))
Parents = tuple[Population, Standing]


def parents_of(size: int, elites: int = 0, key: int = 1, species: int = 0) -> Parents:
    """Random genomes, the best first; the last ones are elites; species dealt in turn from 1 on."""
    population = random_population(size, INTRADAY, key, 0, 0)
    kin = 1 + np.arange(size) % species if species else np.zeros(size)
    return population, Standing(
        rank=(np.arange(size) // 10).astype(np.int32),
        crowding=np.linspace(1.0, 0.0, size),
        from_archive=(np.arange(size) >= size - elites).astype(np.uint8),
        violation=(np.arange(size) % 3 == 2).astype(float),
        cases=np.random.Generator(np.random.Philox(key)).normal(size=(size, 4)),
        species=kin.astype(np.uint16),
    )


def bred(size: int, parents: Parents, settings: Settings = INTRADAY, generation: int = 1, mix: Mix = USUAL) -> Children:
    name = (7, 0, generation)
    return breed(breeders_of(*parents, Choice(settings.selection)), settings, mix, name, np.arange(size), size)


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


def test_each_operator_sets_its_bit_and_is_used_as_often_as_the_mix_says() -> None:
    assert {*CROSSOVERS, *MUTATIONS} == {name for name, bit in BIT.items() if bit & (CROSSOVER_BITS | MUTATION_BITS)}
    asked = {"one_point": 0.2, "n_point": 0.3, "uniform": 0.0, "subtree": 0.0, "swarm": 0.5}
    born = bred(20_000, parents_of(200), Settings(3, 1.0, 0.0, 0.0, instruments=3, hours=True), mix=mix_of(asked))
    for name in CROSSOVERS:
        assert (born.applied & BIT[name] > 0).mean() == pytest.approx(asked.get(name, 0.0), abs=0.02)
    mutated = bred(20_000, parents_of(200), Settings(3, 0.0, 1.0, 0.0, instruments=3, hours=True))
    assert not (mutated.applied & CROSSOVER_BITS).any()
    drawn = 1 / (1 - 0.35)  # mutations that a child gets, on average
    for name, share in MUTATIONS.items():
        often = (mutated.applied & BIT[name] > 0).mean()
        assert share * 0.9 <= often <= share * drawn * 1.1 + 0.01
    assert (bred(300, parents_of(0)).applied == 0).all()


@pytest.mark.parametrize("name", [*CROSSOVERS, *MUTATIONS])
def test_an_operator_alone_makes_valid_children_of_its_bit(name: str) -> None:
    crossing = name in CROSSOVERS
    mix = mix_of({other: float(other == name) for other in APPLIED})
    born = bred(2_000, parents_of(100), Settings(3, float(crossing), 0.9, 0.0, 3, hours=True), mix=mix)
    assert codec.valid(born.population).all()
    kind = CROSSOVER_BITS if crossing else MUTATION_BITS
    used = born.applied & kind
    allowed = BIT[name] | (BIT["uniform"] if name == "subtree" else 0)  # which steps in where there is no tree
    assert ((used | allowed) == allowed).all()
    assert (used & BIT[name] > 0).mean() > 0.8


def test_a_mix_of_nothing_is_the_usual_one_and_zero_is_never() -> None:
    assert all(np.array_equal(one, two) for one, two in zip(mix_of(dict.fromkeys(APPLIED, 0.0)), USUAL, strict=True))
    never = mix_of({"subtree": 0.0, "sbx": 0.0})
    assert np.diff(never.crossovers, prepend=0.0)[list(CROSSOVERS).index("subtree")] == 0.0
    assert never.crossovers[-1] == never.mutations[-1] == 1.0


@given(
    key=st.integers(0, 2**64 - 1),
    generation=st.integers(1, 2**32 - 1),
    rates=st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * 3),
    size=st.integers(1, 40),
    elites=st.integers(0, 40),
    method=st.integers(0, len(METHODS) - 1),
    species=st.sampled_from([0, 1, 3, 40]),
    only=st.tuples(st.integers(-1, 1), st.integers(-1, 2), st.integers(-1, 2), st.integers(-1, 4)),
    mix=st.dictionaries(st.sampled_from(APPLIED), st.floats(0, 1)),
)
@settings(max_examples=120, deadline=None)
def test_no_child_is_ever_invalid(
    key: int,
    generation: int,
    rates: tuple[float, ...],
    size: int,
    elites: int,
    method: int,
    species: int,
    only: tuple[int, ...],
    mix: dict[str, float],
) -> None:
    setting = Settings(2, *rates, 2, key % 2 == 0, method, 0.2, 0.3, *only)
    breeders = breeders_of(*parents_of(size, min(elites, size), key % 1000, species), Choice(method))
    born = breed(breeders, setting, mix_of(mix), (key, 3, generation), np.arange(300), 300)
    assert codec.valid(born.population).all()


def equals(population: Population) -> Parents:
    """A breeding set in which nobody stands out."""
    size = len(population)
    zeros, none = np.zeros(size), np.zeros(size, np.uint8)
    return population, Standing(zeros.astype(np.int32), zeros, none, zeros, zeros.reshape(-1, 1), none.astype("u2"))


@pytest.mark.parametrize("mix", [USUAL, EVERYTHING], ids=["usual", "everything"])
def test_fifty_generations_stay_valid_varied_and_short(mix: Mix) -> None:
    population = np.concatenate([expert_population(), random_population(200, INTRADAY, 1, 0, 0)])
    for generation in range(1, 51):
        size = len(population)
        flat = equals(population)
        population = bred(size, flat, generation=generation, mix=mix).population
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
    born = bred(500, equals(twins), Settings(3, 1.0, 0.0, 0.0, instruments=3, hours=True))
    assert set(born.operators) == {BORN_CROSSOVER, BORN_BOTH}
    assert (codec.genome_ids(born.population) != codec.genome_ids(twins)[0]).all()


@given(st.integers(0, 2**64 - 1), st.integers(0, 200), st.sampled_from(range(len(METHODS))))
@settings(max_examples=40, deadline=None)
def test_the_same_parents_have_the_same_children_in_any_chunking(key: int, cut: int, method: int) -> None:
    setting, name = INTRADAY._replace(selection=method), (key, 3, 11)
    breeders = breeders_of(*parents_of(60, elites=7), Choice(method))
    whole = breed(breeders, setting, USUAL, name, np.arange(200), 200)
    parts = [breed(breeders, setting, USUAL, name, slots, 200) for slots in np.split(np.arange(200), [cut])]
    for field in Children._fields:
        joined = np.concatenate([getattr(part, field) for part in parts])
        assert joined.tobytes() == getattr(whole, field).tobytes()


def test_without_parents_all_children_are_random() -> None:
    born = bred(50, parents_of(0))
    assert (born.operators == BORN_RANDOM).all()
    assert codec.valid(born.population).all()
