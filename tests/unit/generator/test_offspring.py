"""Offspring of real-coded populations: the steps of single genes, choice by rank and crowding, rates, determinism."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from common.kernel import kernel
from common.random import Stream, new_stream, next_u64
from generator import offspring, real
from generator.offspring import Variation

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
KEY = np.uint64(11)
GENES = 70
LOW, HIGH = np.linspace(-5.0, 0.0, GENES), np.linspace(0.5, 3.0, GENES)
ALWAYS = Variation(crossover_rate=1.0, crossover_eta=15.0, mutation_rate=1.0, mutation_eta=20.0)


def _population(n: int, seed: int = 5) -> tuple[Floats, Ranks, Floats]:
    drawn = np.random.Generator(np.random.Philox(seed))
    return LOW + (HIGH - LOW) * drawn.random((n, GENES)), drawn.integers(0, 4, n).astype(np.int32), drawn.random(n)


def _offspring(count: int, variation: Variation, n: int = 50, generation: int = 2) -> Floats:
    return offspring.offspring((KEY, 1, generation), *_population(n), LOW, HIGH, variation, count)


@kernel
def _tournaments(rank: Ranks, crowding: Floats, count: int) -> npt.NDArray[np.int64]:
    stream = new_stream(KEY, 1, 2, 3)
    return np.array([offspring.tournament(stream, rank, crowding) for _ in range(count)])


@kernel
def _crossed_gene_by_gene(stream: Stream, pair: Floats, low: Floats, high: Floats, eta: float) -> None:
    coins = np.uint64(0)
    tossed = np.empty(pair.shape[1], np.bool_)
    for gene in range(pair.shape[1]):
        if gene % 64 == 0:
            coins = next_u64(stream)
        tossed[gene] = (coins >> np.uint64(gene % 64)) & np.uint64(1)
    for gene in range(pair.shape[1]):
        if tossed[gene]:
            pair[0, gene], pair[1, gene] = real.sbx(stream, pair[0, gene], pair[1, gene], low[gene], high[gene], eta)


@pytest.mark.parametrize("eta", [0.0, 2.0, 15.0, 100.0])
def test_crossing_a_pair_is_sbx_of_half_its_genes_to_the_last_bit(eta: float) -> None:
    scratch = offspring.Scratch(np.empty(GENES, np.int64), np.empty(GENES, np.uint64), np.ones(144))
    for slot in range(20):
        pair = _population(2, slot)[0]
        pair[1, ::7] = pair[0, ::7]
        ours, expected = pair.copy(), pair.copy()
        offspring.cross(new_stream(KEY, 1, 2, slot), ours, LOW, HIGH, eta, scratch)
        _crossed_gene_by_gene(new_stream(KEY, 1, 2, slot), expected, LOW, HIGH, eta)
        assert np.array_equal(ours, expected)


def test_children_stay_within_bounds_and_do_not_depend_on_who_else_is_born() -> None:
    many = _offspring(101, ALWAYS)
    assert many.shape == (101, GENES)
    assert ((many >= LOW) & (many <= HIGH)).all()
    assert np.array_equal(_offspring(20, ALWAYS), many[:20])
    assert not np.array_equal(_offspring(20, ALWAYS, generation=3), many[:20])
    apart = np.empty((40, GENES))
    for first in (0, 14):
        share = apart[first : 14 if first == 0 else 40]
        offspring.fill_offspring((KEY, 1, 2, first), *_population(50), (LOW, HIGH), ALWAYS, share)
    assert np.array_equal(apart, many[:40])


def test_without_variation_children_are_parents() -> None:
    parents = _population(50)[0]
    children = _offspring(200, Variation(0.0, 15.0, 0.0, 20.0))
    assert (children[:, None] == parents[None]).all(axis=2).any(axis=1).all()


@pytest.mark.parametrize("rate", [1 / GENES, 0.3, 1.0])
def test_each_gene_mutates_with_the_rate_and_none_more_than_another(rate: float) -> None:
    parents = np.full((2, GENES), 0.25)
    ranks, crowding = np.zeros(2, np.int32), np.zeros(2)
    count = 4000
    children = offspring.offspring(
        (KEY, 1, 2), parents, ranks, crowding, LOW, HIGH, ALWAYS._replace(mutation_rate=rate), count
    )
    changed = (children != 0.25).sum(axis=0)
    if rate == 1.0:
        assert (changed == count).all()
    else:
        assert stats.binomtest(int(changed.sum()), count * GENES, rate).pvalue > 1e-3
        assert stats.chisquare(changed).pvalue > 1e-3


def test_a_binary_tournament_chooses_by_rank_then_crowding_as_often_as_theory_has_it() -> None:
    n, count = 20, 100_000
    rank, crowding = (np.arange(n) // 2).astype(np.int32), (np.arange(n) % 2).astype(float)
    order = np.lexsort((-crowding, rank))
    chosen = np.bincount(_tournaments(rank, crowding, count), minlength=n)[order]
    place = np.arange(1, n + 1)
    expected = count * ((n - place + 1) ** 2 - (n - place) ** 2) / n**2
    assert stats.chisquare(chosen, expected).pvalue > 1e-3


def test_of_equals_each_row_is_chosen_as_often() -> None:
    chosen = np.bincount(_tournaments(np.zeros(9, np.int32), np.full(9, np.inf), 30_000), minlength=9)
    assert stats.chisquare(chosen).pvalue > 1e-3
