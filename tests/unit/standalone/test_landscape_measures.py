"""What a landscape shows, on landscapes whose truth is known: NK, hills of bits, autoregressive series."""

import math
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from standalone.landscape_optima import climb, network
from standalone.landscape_slopes import drift, fitness_distance, shares, values
from standalone.landscape_space import Seen
from standalone.landscape_walks import correlation, describe, walk

Bits = npt.NDArray[Any]


class BitSpace:
    """Strings of bits, one flip a step, with a height of one's own."""

    def __init__(self, height: Any) -> None:
        self._height = height

    def step(self, points: Bits, kind: int, number: int) -> Bits:
        draw = np.random.default_rng([kind, number])
        moved = points.copy()
        moved[np.arange(len(points)), draw.integers(points.shape[1], size=len(points))] ^= 1
        return moved

    def look(self, points: Bits) -> Seen:
        return Seen(self._height(points), points @ (1 << np.arange(points.shape[1])))


def nk(n: int, k: int, seed: int) -> Any:
    """Kauffman's landscape with random neighbours: each bit's share depends on itself and on k others."""
    draw = np.random.default_rng(seed)
    tables = draw.random((n, 1 << (k + 1)))
    others = np.array([[bit, *draw.choice(np.delete(np.arange(n), bit), k, replace=False)] for bit in range(n)])
    powers = 1 << np.arange(k + 1)
    return lambda points: tables[np.arange(n), points[:, others] @ powers].mean(axis=1)


def starts(count: int, bits: int) -> Bits:
    return np.random.default_rng(5).integers(2, size=(count, bits))


@pytest.mark.parametrize("k", [0, 2, 6])
def test_on_nk_landscapes_neighbours_correlate_as_theory_says(k: int) -> None:
    n, found = 24, []
    for seed in range(6):
        height = nk(n, k, seed)
        points = walk(BitSpace(height), starts(100, n), 0, 100)
        found.append(correlation(height(points.reshape(-1, n)).reshape(points.shape[:2]), 1))
    # Weinberger 1990: 1 - (k + 1) / n over all landscapes; within one, an entry of a table is never the one it was.
    assert np.mean(found) == pytest.approx(1 - (k + 1) / n * (1 + 1 / (2 ** (k + 1) - 1)), abs=0.02)


def test_the_correlation_length_of_an_autoregressive_walk_is_that_of_its_coefficient() -> None:
    draw, fitness = np.random.default_rng(1), [np.random.default_rng(2).standard_normal(400)]
    for _ in range(150):
        fitness.append(0.8 * fitness[-1] + 0.6 * draw.standard_normal(400))
    found = describe(np.array(fitness))
    assert found.low < -1 / math.log(0.8) < found.high
    assert found.autocorrelation[:5] == pytest.approx(0.8 ** np.arange(1, 6), abs=0.02)
    assert found.upward == pytest.approx(0.5, abs=0.02)


def test_a_plain_and_a_noise_have_no_and_all_forgetting() -> None:
    assert describe(np.ones((10, 8))).length == math.inf
    assert describe(np.ones((10, 8))).level == 1.0
    assert correlation(np.random.default_rng(3).standard_normal((200, 200)), 1) == pytest.approx(0.0, abs=0.02)


def test_a_hill_has_one_optimum_and_a_deceptive_one_has_two() -> None:
    n = 10

    def hill(points: Bits) -> Any:
        return points.sum(axis=1).astype(float)

    def trap(points: Bits) -> Any:
        ones = points.sum(axis=1)
        return np.where(ones == n, n + 1.0, n - 1.0 - ones)

    one = network(BitSpace(hill), starts(20, n), 0, tries=30, patience=4, kicks=2)
    assert one.fitness.tolist() == [n]
    assert (int(one.reached[0]), one.returning, one.sinks.tolist()) == (60, 1.0, [0])
    assert one.edges.tolist() == [[0, 0, 40]]
    begun = np.concatenate([starts(20, n), np.ones((3, n), int)])
    two = network(BitSpace(trap), begun, 0, tries=30, patience=4, kicks=0)
    assert two.fitness.tolist() == [n + 1.0, n - 1.0]
    assert two.reached[0] == 3


def test_climbs_end_where_the_whole_neighbourhood_is_no_better() -> None:
    n = 8
    height = nk(n, 4, 9)
    found = climb(BitSpace(height), starts(30, n), 0, tries=60, patience=3, first_number=0)
    around = found.points[:, None, :] ^ np.eye(n, dtype=int)
    best = height(around.reshape(-1, n)).reshape(30, n).max(axis=1)
    assert (found.seen.fitness >= best).mean() > 0.95  # 180 draws of 8 neighbours miss one with chance 3e-11 each
    listed = height(np.array(list(product([0, 1], repeat=n))))
    assert found.seen.fitness.max() == listed.max()


def test_where_a_climb_leads_nearer_the_correlation_with_distance_is_minus_one() -> None:
    points = starts(200, 16)
    apart = (points != 1).sum(axis=1).astype(float)
    assert fitness_distance(points.sum(axis=1).astype(float), apart) == pytest.approx(-1.0)
    assert fitness_distance(np.ones(200), apart) is None


def test_drift_is_the_rank_correlation_of_scipy_and_a_still_landscape_has_one() -> None:
    draw = np.random.default_rng(4)
    fitness = draw.standard_normal((300, 1)) + draw.standard_normal((300, 3))
    found = drift(np.column_stack([fitness, fitness[:, 0], np.zeros(300)]))
    wanted = stats.spearmanr(fitness).statistic
    assert np.array(found["rank_correlation"])[:3, :3].astype(float) == pytest.approx(wanted)
    assert found["rank_correlation"][0][3] == pytest.approx(1.0)
    assert found["rank_correlation"][4] == [None] * 5
    assert found["best_standing"][0][3] == found["best_standing"][0][0] > 0.97
    assert 0.5 < found["best_standing"][0][1] < found["best_standing"][0][0]


def test_numbers_go_to_shares_and_back() -> None:
    for slot in range(9):
        share = np.linspace(0, 1, 11)
        assert shares(values(share, slot), slot) == pytest.approx(share, abs=1e-9)
