"""Selection: each method draws as often and as hard as its theory says, and lexicase as a plain reference does."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from common.kernel import kernel
from common.random import new_stream
from generator import chances, selection
from generator.chances import Choice, Standing, breeders_of
from generator.initialise import random_population
from generator.selection import METHODS, NOBODY, Breeders
from generator.tables import Settings

SIZE = 400
DRAWN = 60_000
NORMAL = stats.norm.ppf((SIZE - np.arange(SIZE) - 0.5) / SIZE)
"""Fitness of a normal population, best first."""
Drawn = npt.NDArray[np.int64]


@kernel
def draws(breeders: Breeders, settings: Settings, n: int) -> Drawn:
    stream = new_stream(1, 2, 3, 4)
    return np.array([selection.draw(stream, breeders, settings, -1.0) for _ in range(n)])


@kernel
def mates(breeders: Breeders, settings: Settings, first: int, n: int) -> Drawn:
    stream = new_stream(5, 2, 3, 4)
    return np.array([selection.draw_mate(stream, breeders, settings, first) for _ in range(n)])


@kernel
def pointed(breeders: Breeders, size: int) -> Drawn:
    places = selection.pointers(new_stream(6, 2, 3, 4), size)
    return np.array([selection.weighted(breeders, place) for place in places])


def set_of(method: str, size: int = SIZE, **changed: Any) -> Breeders:
    """A breeding set whose row k has the k-th best standing; fields of Choice and of Standing may be given."""
    standing = Standing(
        rank=(np.arange(size) // 4).astype(np.int32),
        crowding=3.0 - np.arange(size) % 4,
        from_archive=np.zeros(size, np.uint8),
        violation=np.zeros(size),
        cases=np.zeros((size, 1)),
        species=np.zeros(size, np.uint16),
    )
    fields = {name: value for name, value in changed.items() if name in Standing._fields}
    choice = {name: value for name, value in changed.items() if name in Choice._fields}
    population = random_population(size, Settings(), 1, 0, 0)
    return breeders_of(population, standing._replace(**fields), Choice(METHODS.index(method), **choice))


def drawn(method: str, tournament: int = 3, size: int = SIZE, **changed: Any) -> Drawn:
    settings = Settings(tournament=tournament, selection=METHODS.index(method))
    return draws(set_of(method, size, **changed), settings, DRAWN)


def intensity(method: str, **changed: Any) -> float:
    """Mean fitness of those drawn from a normal population, in its deviations."""
    return float(NORMAL[drawn(method, **changed)].mean() / NORMAL.std())


def best_of(size: int) -> float:
    """Expected best of ``size`` draws of the normal law (Blickle and Thiele 1996)."""
    return float(integrate.quad(lambda x: size * x * stats.norm.pdf(x) * stats.norm.cdf(x) ** (size - 1), -10, 10)[0])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 10])
def test_a_tournament_is_as_intense_as_blickle_and_thiele_say(size: int) -> None:
    assert intensity("tournament", tournament=size) == pytest.approx(best_of(size), abs=0.02)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_tournament_draws_each_place_as_often_as_theory_says(size: int) -> None:
    theory = -np.diff((1.0 - np.arange(51) / 50) ** size)
    counts = np.bincount(drawn("tournament", size, size=50), minlength=50)
    assert stats.chisquare(counts, theory * DRAWN).pvalue > 1e-3


@pytest.mark.parametrize("pressure", [1.0, 1.5, 2.0])
def test_linear_ranking_is_as_intense_as_blickle_and_thiele_say(pressure: float) -> None:
    assert intensity("rank", rank_pressure=pressure) == pytest.approx((pressure - 1) / np.sqrt(np.pi), abs=0.02)


@pytest.mark.parametrize("pressure", [1.0, 1.7, 2.0])
def test_the_best_of_a_ranking_expects_its_pressure_and_the_worst_the_rest(pressure: float) -> None:
    weights = chances.linear_ranking(50, pressure)
    assert weights[0] == pytest.approx(pressure)
    assert weights[-1] == pytest.approx(2.0 - pressure)
    assert weights.sum() == pytest.approx(50)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_truncation_is_as_intense_as_the_density_at_its_cut(share: float) -> None:
    theory = stats.norm.pdf(stats.norm.ppf(1 - share)) / share
    assert intensity("truncation", truncation=share) == pytest.approx(theory, abs=0.02)


def roulette_intensity(weights: npt.NDArray[np.float64]) -> float:
    """Of ``weights`` for a normal population (Blickle and Thiele 1996: the deviation of fitness over its mean)."""
    return float((weights * NORMAL).sum() / weights.sum() / NORMAL.std())


@pytest.mark.parametrize("deviations", [1.0, 2.0, 3.0])
def test_sigma_scaling_gives_the_intensity_of_its_deviations(deviations: float) -> None:
    cut = stats.norm.pdf(deviations) + deviations * stats.norm.cdf(deviations)
    theory = stats.norm.cdf(deviations) / cut  # 1 / deviations where nobody falls below 0
    assert roulette_intensity(chances.sigma_scaling(NORMAL, deviations)) == pytest.approx(theory, abs=0.01)


@pytest.mark.parametrize("multiple", [1.2, 1.5, 2.0])
def test_linear_scaling_gives_the_best_its_multiple_and_the_intensity_of_it(multiple: float) -> None:
    weights = chances.linear_scaling(NORMAL, multiple)
    assert weights.mean() == pytest.approx(1.0)
    assert weights.max() == pytest.approx(multiple)
    theory = (multiple - 1.0) * NORMAL.std() / (NORMAL.max() - NORMAL.mean())
    assert roulette_intensity(weights) == pytest.approx(theory, abs=0.01)


@given(arrays(float, st.integers(1, 30), elements=st.floats(-100, 100)), st.floats(1, 4))
@examples(max_examples=100, deadline=None)
def test_scaled_fitness_is_never_negative_and_keeps_the_order(
    fitness: npt.NDArray[np.float64], multiple: float
) -> None:
    order = np.argsort(fitness, kind="stable")
    for weights in (chances.linear_scaling(fitness, multiple), chances.sigma_scaling(fitness, multiple)):
        assert (weights >= 0).all()
        assert weights.sum() > 0
        assert (np.diff(weights[order]) >= -1e-12 * weights.max()).all()


@pytest.mark.parametrize("method", ["roulette", "rank", "truncation"])
@pytest.mark.parametrize("sigma", [True, False])
def test_everybody_is_drawn_as_often_as_its_share(method: str, sigma: bool) -> None:
    counts = np.bincount(drawn(method, size=40, sigma=sigma), minlength=40)
    wanted = np.diff(set_of(method, 40, sigma=sigma).cumulative, prepend=0.0)
    assert not counts[wanted == 0].any()
    assert stats.chisquare(counts[wanted > 0], wanted[wanted > 0] * DRAWN).pvalue > 1e-3


@pytest.mark.parametrize("method", ["roulette", "rank", "truncation"])
@pytest.mark.parametrize("size", [40, 137, 1000])
def test_a_whole_generation_draws_everybody_as_often_as_is_due_to_within_one(method: str, size: int) -> None:
    breeders = set_of(method, 40)
    rows = pointed(breeders, size)
    due = np.diff(breeders.cumulative, prepend=0.0) * size
    assert (np.abs(np.bincount(rows, minlength=40) - due) < 1).all()
    assert abs(stats.spearmanr(rows, np.arange(size)).statistic) < 0.4  # in random order


def by_lexicase(cases: npt.NDArray[np.float64], epsilon: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Chance of each row: all orders of the cases, by the definition of semi-dynamic epsilon-lexicase."""
    chance = np.zeros(len(cases))
    orders = list(itertools.permutations(range(cases.shape[1])))
    for order in orders:
        left = list(range(len(cases)))
        for case in order:
            best = max(cases[row][case] for row in left)
            left = [row for row in left if cases[row][case] >= best - epsilon[case]]
        chance[left] += 1 / len(left) / len(orders)
    return chance


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("infeasible", [0, 6, 20])
def test_lexicase_draws_as_a_plain_reference_does(epsilon: float, infeasible: int) -> None:
    size = 20
    cases = np.random.Generator(np.random.Philox(4)).normal(size=(size, 4)).round(1)
    violation = (np.arange(size) < infeasible).astype(float)
    counts = np.bincount(
        drawn("lexicase", size=size, cases=cases, violation=violation, epsilon=epsilon), minlength=size
    )
    compared = np.arange(size) if infeasible == size else np.flatnonzero(violation == 0)
    deviation = stats.median_abs_deviation(cases[compared], axis=0)
    theory = np.zeros(size)
    theory[compared] = by_lexicase(cases[compared], epsilon * deviation)
    assert (np.abs(counts - DRAWN * theory) <= 4.5 * np.sqrt(DRAWN * theory * (1 - theory)) + 1e-6).all()


@pytest.mark.parametrize("interbreeding", [0.0, 0.3, 1.0])
def test_mates_are_of_the_same_species_but_for_the_share_that_interbreeds(interbreeding: float) -> None:
    species = (np.arange(60) % 4).astype(np.uint16)
    species[7] = 9
    breeders, settings = set_of("tournament", 60, species=species), Settings(interbreeding=interbreeding)
    found = mates(breeders, settings, 1, 20_000)
    kin = np.isin(found, np.flatnonzero(species == 1))
    share = interbreeding * (species == 1).mean()
    assert 1 - interbreeding <= kin.mean() + 0.02 <= 1 - interbreeding + 3 * share + 0.04
    assert (found < 60).all()
    if interbreeding == 0.0:
        places = np.searchsorted(np.flatnonzero(species == 1), found)
        count = int((species == 1).sum())
        theory = -np.diff((1.0 - np.arange(count + 1) / count) ** 3)
        assert stats.chisquare(np.bincount(places, minlength=count), theory * len(found)).pvalue > 1e-3
        assert (mates(breeders, settings, 7, 100) == NOBODY).all()  # the last of its kind
        free = mates(breeders, settings, 0, 5_000)  # of no species
        assert len(np.unique(species[free])) == 5


def test_standing_is_rank_then_crowding_then_row() -> None:
    rank = np.array([1, 0, 0, 1, 0], np.int32)
    crowding = np.array([np.inf, 0.5, np.inf, 2.0, 0.5])
    assert chances.standing_order(rank, crowding, np.arange(5)).tolist() == [2, 1, 4, 0, 3]
    fitness = chances.standing_fitness(rank, crowding)
    assert fitness.tolist() == pytest.approx([0.0, 1 / 3, 1.0, -1 / 3, 1 / 3])
